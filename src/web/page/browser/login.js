/**
 * Signing in: swaps the code of a link, or the token, for a cookie.
 *
 * The code is behind the `#` of the link: browsers send that to nobody, neither in a request nor as a Referer, and
 * this takes it out of the address before anything else. It works once.
 */

/// <reference lib="dom" />

const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
const asked = new URLSearchParams(location.search).get("next") ?? "/";
// A path of this server, and nothing that a browser could take for another one.
const next = /^\/(?![/\\])/.test(asked) ? asked : "/";
history.replaceState(null, "", location.pathname + location.search);

/**
 * @param {{ code: string } | { token: string }} key
 */
async function signIn(key) {
  try {
    const answer = await fetch("/api/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(key),
    });
    if (answer.ok) {
      location.replace(next);
      return;
    }
    const { error } = await answer.json();
    tell(`${error.message}.${error.hint ? ` Try: ${error.hint}` : ""}`);
  } catch {
    tell("The server can’t be reached. Is queuectl web still running?");
  }
}

/** @param {string} text */
function tell(text) {
  const message = document.getElementById("message");
  if (message !== null) message.textContent = text;
}

document.getElementById("form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = document.getElementById("token");
  if (token instanceof HTMLInputElement) signIn({ token: token.value.trim() });
});
if (code !== undefined) signIn({ code });
// Whoever comes by a link from elsewhere may be signed in: only a page of our own is sent the cookie.
else fetch("/api/session").then(({ ok }) => ok && location.replace(next), () => {});

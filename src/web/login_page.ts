/**
 * The page that swaps the code of a link, or the token, for a cookie.
 *
 * The code is behind the `#` of the link: browsers send that to nobody, neither in a request nor as a Referer, and
 * the page takes it out of the address before anything else. It works once.
 */

import type { Asset } from "./page/assets.ts";

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in – queuectl</title>
<link rel="stylesheet" href="/login.css">
<script src="/login.js" defer></script>
</head>
<body>
<main>
<h1>queuectl</h1>
<p id="message" role="status">Open the link that <code>queuectl web</code> printed in its terminal, or give the token.</p>
<form id="form">
<label for="token">Token</label>
<input id="token" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
</main>
</body>
</html>
`;

const CSS = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { width: min(24rem, calc(100vw - 2rem)); }
form { display: grid; gap: .5rem; }
input, button { font: inherit; padding: .5rem .75rem; border-radius: .375rem; border: 1px solid #8888; }
button { cursor: pointer; }
`;

const JS = `"use strict";
const code = /^#code=([\\w-]+)$/.exec(location.hash)?.[1];
const asked = new URLSearchParams(location.search).get("next") ?? "/";
const next = /^\\/(?![\\/\\\\])/.test(asked) ? asked : "/";
history.replaceState(null, "", location.pathname + location.search);
const message = document.getElementById("message");
const logIn = async (key) => {
  try {
    const response = await fetch("/api/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(key),
    });
    if (response.ok) return location.replace(next);
    const { error } = await response.json();
    message.textContent = error.message + (error.hint ? ". Try: " + error.hint : "");
  } catch {
    message.textContent = "The server can't be reached. Is queuectl web still there?";
  }
};
document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  logIn({ token: document.getElementById("token").value.trim() });
});
if (code) logIn({ code });
// Whoever comes by a link from elsewhere may be logged in: only a page of our own is sent the cookie.
else fetch("/api/session").then(({ ok }) => ok && location.replace(next), () => {});
`;

/** The files of the page, by path. */
export const LOGIN_ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/login", { contentType: "text/html; charset=utf-8", text: HTML }],
  ["/login.css", { contentType: "text/css; charset=utf-8", text: CSS }],
  ["/login.js", { contentType: "text/javascript; charset=utf-8", text: JS }],
]);

/**
 * The frame around every view: where one can go, whether we are connected, and what the tab says.
 */

import { useEffect } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { useLive, useMayChange } from "./live.js";
import { Notices, Questions } from "./notices.js";

/** @import { LiveState } from "./live.js" */
/** @import { Route, ViewName } from "./route.js" */

/** @type {readonly { view: ViewName, href: string, text: string, icon: string, changes?: boolean }[]} */
const LINKS = [
  { view: "overview", href: "/", text: "Overview", icon: "overview" },
  { view: "jobs", href: "/jobs", text: "Jobs", icon: "jobs" },
  { view: "dlq", href: "/dlq", text: "Dead letters", icon: "dlq" },
  { view: "enqueue", href: "/enqueue", text: "Enqueue", icon: "enqueue", changes: true },
  { view: "config", href: "/config", text: "Config", icon: "config" },
];

/** @type {Readonly<Record<LiveState["connection"], string>>} */
const CONNECTION_WORDS = { opening: "Connecting", live: "Live", lost: "No connection" };

/** @param {{ route: Route, title: string, children: any }} props `title`: of the view, for the tab */
export function Shell({ route, title, children }) {
  const live = useLive();
  const mayChange = useMayChange();
  useTab(title, live.overview?.counts.dead ?? 0);
  const toMain = () => document.querySelector("main")?.focus();
  return html`
    <button type="button" class="skip" onClick=${toMain}>Skip to the content</button>
    <div class="frame">
      <header class="side">
        <a class="brand" href="/"><img src="/page/favicon.svg" alt="" width="28" height="28" />queuectl</a>
        <nav class="views" aria-label="Views">
          ${LINKS.filter(({ changes }) => mayChange || !changes).map((link) =>
            html`
              <${ViewLink} key=${link.view} link=${link} live=${live}
                isCurrent=${link.view === route.view || (link.view === "jobs" && route.view === "job")} />
            `
          )}
        </nav>
        <${Foot} live=${live} />
      </header>
      <main tabindex="-1" aria-label=${title}>${children}</main>
    </div>
    ${live.connection === "lost" && html`<p class="banner" role="alert">
      The connection to the server is lost. What is shown may be out of date; trying again every second.
    </p>`}
    <${Notices} />
    <${Questions} />
  `;
}

/** @param {{ link: typeof LINKS[number], live: LiveState, isCurrent: boolean }} props */
function ViewLink({ link, live, isCurrent }) {
  const counts = live.overview?.counts;
  const count = { jobs: counts?.total, dlq: counts?.dead }[/** @type {"jobs" | "dlq"} */ (link.view)];
  const isAlarm = link.view === "dlq" && (count ?? 0) > 0;
  return html`
    <a href=${link.href} aria-current=${isCurrent ? "page" : undefined}>
      <${Icon} name=${link.icon} /><span>${link.text}</span>
      ${count !== undefined && (isAlarm || link.view === "jobs") &&
        html`<span class=${isAlarm ? "count alarm" : "count"}>${compact(count)}</span>`}
    </a>
  `;
}

/** @param {{ live: LiveState }} props */
function Foot({ live: { connection, session } }) {
  return html`
    <div class="side-foot">
      <span class=${`connection ${connection}`} role="status">${CONNECTION_WORDS[connection]}</span>
      ${session?.read_only && html`<span>Read-only</span>`}
      ${session && html`
        <span class="place" title=${session.home}>${session.home}</span>
        <span class="place">queuectl ${session.version}</span>
      `}
    </div>
  `;
}

/**
 * @param {string} title
 * @param {number} dead
 */
function useTab(title, dead) {
  useEffect(() => {
    document.title = `${dead > 0 ? `(${compact(dead)} dead) ` : ""}${title} · queuectl`;
    const icon = dead > 0 ? "/page/favicon_alert.svg" : "/page/favicon.svg";
    const link = document.querySelector("link[rel=icon]");
    if (link !== null && link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  }, [title, dead]);
}

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/**
 * A number that may be cut to what fits a small place: `1.2M`.
 *
 * @param {number} count
 */
function compact(count) {
  return count < 10_000 ? String(count) : COMPACT.format(count);
}

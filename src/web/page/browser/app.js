/**
 * The page: joins the views, and starts.
 */

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ConfigView } from "./config.js";
import { DlqView } from "./dlq.js";
import { EnqueueView } from "./enqueue.js";
import { html } from "./html.js";
import { JobView } from "./job.js";
import { JobsView } from "./jobs.js";
import { connect } from "./live.js";
import { OverviewView } from "./overview.js";
import { followLinks, useRoute } from "./route.js";
import { Shell } from "./shell.js";

/** @import { Route, ViewName } from "./route.js" */

/** @type {Readonly<Record<ViewName, { title: (route: Route) => string, component: any }>>} */
const VIEWS = {
  overview: { title: () => "Overview", component: OverviewView },
  jobs: { title: () => "Jobs", component: JobsView },
  job: { title: ({ id }) => id, component: JobView },
  dlq: { title: () => "Dead letters", component: DlqView },
  enqueue: { title: () => "Enqueue", component: EnqueueView },
  config: { title: () => "Configuration", component: ConfigView },
  unknown: { title: () => "Not found", component: UnknownView },
};

function App() {
  const route = useRoute();
  const { title, component } = VIEWS[route.view];
  const place = `${route.view} ${route.id}`;
  useArrival(place);
  return html`
    <${Shell} route=${route} title=${title(route)}>
      <${component} key=${place} route=${route} />
      <//>
  `;
}

/**
 * Begins a new view at its top, and tells screen readers of it by giving its heading the focus.
 *
 * @param {string} place
 */
function useArrival(place) {
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    scrollTo(0, 0);
    document.querySelector("main h1")?.setAttribute("tabindex", "-1");
    /** @type {HTMLElement | null} */ (document.querySelector("main h1"))?.focus({ preventScroll: true });
  }, [place]);
}

function UnknownView() {
  return html`
    <div class="view-head">
      <h1>There is no such page</h1>
    </div>
    <p><a href="/">Go to the overview</a></p>
  `;
}

followLinks();
connect();
const root = document.getElementById("app");
if (root !== null) render(html`<${App} />`, root);

/**
 * Icons, drawn with lines on a square of 16. They are decoration: the words beside them say the same.
 */

import { html } from "./html.js";

/** @typedef {keyof typeof PATHS} IconName */

const PATHS = {
  overview: "M2.5 9.5h4v4h-4zM9.5 7h4v6.5h-4zM2.5 2.5h4V6h-4zM9.5 2.5h4V4h-4z",
  jobs: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  dlq: "M2 9.5l2-6h8l2 6v3.5H2zM2 9.5h3.5l1 1.5h3l1-1.5H14",
  enqueue: "M8 3v10M3 8h10",
  config: "M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6M10.2 3v3M5.8 10v3",
  pending: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M8 5v3.2l2 1.3",
  processing: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5",
  completed: "M3 8.5l3.3 3.3L13 4.8",
  failed: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8",
  dead: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M6 6l4 4M10 6l-4 4",
  cancelled: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11M4.2 11.8l7.6-7.6",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6h.01",
  left: "M9.5 3.5L5 8l4.5 4.5",
  right: "M6.5 3.5L11 8l-4.5 4.5",
  copy: "M6 6h7v7H6zM3.5 10V3h7",
  download: "M8 2.5v7.5M4.8 7L8 10.2L11.2 7M3 13.5h10",
};

/** @param {{ name: IconName }} props */
export function Icon({ name }) {
  return html`
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor"
      stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d=${PATHS[name]} />
    </svg>
  `;
}

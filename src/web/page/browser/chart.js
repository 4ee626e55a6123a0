/**
 * The chart of what ended: succeeded attempts at the bottom, failed ones on top of them.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { useRemote } from "./remote.js";
import { go, linkTo } from "./route.js";
import { formatDuration } from "./times.js";

/** @import { Bucket, Series } from "./shapes.d.ts" */

/** What can be looked at: how often it is asked for again, in ms, and how far apart the marks of time are. */
const SPANS = {
  "10m": { text: "10 min", words: "ten minutes", pauseMs: 900, everyMs: 10_000, markMs: 120_000 },
  "1h": { text: "Hour", words: "hour", pauseMs: 2500, everyMs: 30_000, markMs: 600_000 },
  "1d": { text: "Day", words: "day", pauseMs: 5000, everyMs: 60_000, markMs: 14_400_000 },
};

const HEIGHT = 200;
const PLOT = { left: 38, right: 6, top: 12, bottom: 24 };
const COUNT = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const CLOCK_SECONDS = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** @param {{ span: string }} props as in the address */
export function ThroughputChart({ span: wanted }) {
  const span = wanted in SPANS ? /** @type {keyof typeof SPANS} */ (wanted) : "10m";
  const { pauseMs, everyMs, words } = SPANS[span];
  const { data } = useRemote(`/api/series?span=${span}`, {
    concerns: ({ type }) => type === "ended",
    pauseMs,
    everyMs,
  });
  /** @type {Series | null} */
  const series = data;
  const sum = summaryOf(series);
  return html`
    <section class="card throughput" aria-labelledby="throughput-title">
      <div class="card-head">
        <h2 id="throughput-title">Throughput</h2>
        <p class="legend small number" aria-live="off">
          <span class="key good">${COUNT.format(sum.succeeded)} succeeded</span>
          <span class="key bad">${COUNT.format(sum.failed)} failed</span>
          ${sum.averageMs !== null &&
            html`<span class="quiet">${formatDuration(sum.averageMs)} on average</span>`}
        </p>
        <div class="choices" role="group" aria-label="Length of time">
          ${Object.entries(SPANS).map(([name, { text }]) =>
            html`
              <button type="button" key=${name} aria-pressed=${name === span}
                onClick=${() =>
                  go(linkTo("/", { span: name === "10m" ? "" : name }), { replace: true })}>${text}</button>
            `
          )}
        </div>
      </div>
      <${Plot} series=${series} markMs=${SPANS[series?.span === span ? span : "10m"].markMs}
        label=${`Attempts that ended in the last ${words}: ${sum.succeeded} succeeded, ${sum.failed} failed`} />
    </section>
  `;
}

/** @param {Series | null} series */
function summaryOf(series) {
  const sum = { succeeded: 0, failed: 0, averageMs: /** @type {number | null} */ (null) };
  let ended = 0;
  let totalMs = 0;
  for (const bucket of series?.buckets ?? []) {
    sum.succeeded += bucket.succeeded;
    sum.failed += bucket.failed;
    const count = bucket.succeeded + bucket.failed + bucket.other;
    if (bucket.average_seconds === null) continue;
    ended += count;
    totalMs += count * bucket.average_seconds * 1000;
  }
  if (ended > 0) sum.averageMs = totalMs / ended;
  return sum;
}

/** @param {{ series: Series | null, markMs: number, label: string }} props */
function Plot({ series, markMs, label }) {
  const [figure, width] = useWidth();
  const [chosen, setChosen] = useState(/** @type {number | null} */ (null));
  const buckets = series?.buckets ?? [];
  const top = niceTop(Math.max(0, ...buckets.map(({ succeeded, failed }) => succeeded + failed)));
  const inner = {
    width: Math.max(10, width - PLOT.left - PLOT.right),
    height: HEIGHT - PLOT.top - PLOT.bottom,
  };
  const step = inner.width / Math.max(1, buckets.length);
  const y = (/** @type {number} */ count) => PLOT.top + inner.height * (1 - count / top);
  const choose = (/** @type {number} */ index) => setChosen(Math.max(0, Math.min(buckets.length - 1, index)));
  const onMove = (/** @type {PointerEvent} */ event) => {
    const box = figure.current?.getBoundingClientRect();
    if (box && buckets.length > 0) choose(Math.floor((event.clientX - box.left - PLOT.left) / step));
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move === undefined || buckets.length === 0) return;
    event.preventDefault();
    choose((chosen ?? buckets.length) + move);
  };
  const shown = chosen === null ? undefined : buckets[chosen];
  return html`
    <figure class="plot" ref=${figure} tabindex="0" role="group" aria-roledescription="chart"
      aria-label=${label}
      onPointerMove=${onMove} onPointerLeave=${() => setChosen(null)} onKeyDown=${onKey} onBlur=${() =>
        setChosen(null)}>
      <svg width=${width} height=${HEIGHT} aria-hidden="true">
        ${[0, top / 2, top].map((count) =>
          html`
            <g key=${count / top}>
              <line class="rule" x1=${PLOT.left} x2=${width - PLOT.right} y1=${y(count)} y2=${y(count)} />
              <text class="mark" x=${PLOT.left - 8} y=${y(count) + 4} text-anchor="end">${shortCount(
                count,
              )}</text>
            </g>
          `
        )}
        ${shown &&
          html`<rect class="chosen" x=${
            PLOT.left + (chosen ?? 0) * step
          } width=${step} y=${PLOT.top} height=${inner.height} />`}
        ${buckets.map((bucket, index) =>
          html`<${Bar} key=${bucket.at} bucket=${bucket} x=${PLOT.left + index * step} step=${step} y=${y} />`
        )}
        ${series && html`<${TimeMarks} series=${series} markMs=${markMs} step=${step} />`}
      </svg>
      ${shown &&
        html`<${Reading} bucket=${shown} series=${series} left=${
          PLOT.left + ((chosen ?? 0) + 0.5) * step
        } width=${width} />`}
      ${series && top === 1 && summaryOf(series).succeeded + summaryOf(series).failed === 0 &&
        html`<figcaption class="quiet">Nothing has ended in this time.</figcaption>`}
    </figure>
  `;
}

/** @param {{ bucket: Bucket, x: number, step: number, y: (count: number) => number }} props */
function Bar({ bucket: { succeeded, failed }, x, step, y }) {
  const gap = step > 6 ? 2 : step > 3 ? 1 : 0;
  const width = Math.max(1, step - gap);
  const base = y(0);
  // What failed is worth seeing, be it ever so little.
  const failedHeight = failed === 0 ? 0 : Math.max(2.5, y(0) - y(failed));
  const succeededHeight = succeeded === 0 ? 0 : Math.max(1.5, y(0) - y(succeeded));
  return html`
    <g>
      ${succeeded > 0 &&
        html`<rect class="good" x=${x + gap / 2} width=${width} y=${
          base - succeededHeight
        } height=${succeededHeight} rx=${Math.min(1.5, width / 3)} />`}
      ${failed > 0 &&
        html`<rect class="bad" x=${x + gap / 2} width=${width} y=${
          base - succeededHeight - failedHeight
        } height=${failedHeight} rx=${Math.min(1.5, width / 3)} />`}
    </g>
  `;
}

/** @param {{ series: Series, markMs: number, step: number }} props */
function TimeMarks({ series, markMs, step }) {
  const from = Date.parse(series.from);
  const pixelsPerMs = step / (series.step_seconds * 1000);
  const end = from + series.buckets.length * series.step_seconds * 1000;
  const zoneMs = new Date(from).getTimezoneOffset() * 60_000;
  const marks = [];
  for (let at = Math.ceil((from - zoneMs) / markMs) * markMs + zoneMs; at <= end; at += markMs) {
    marks.push(at);
  }
  return marks.map((at) =>
    html`<text key=${at} class="mark" x=${PLOT.left + (at - from) * pixelsPerMs} y=${
      HEIGHT - 6
    } text-anchor="middle">${CLOCK.format(at)}</text>`
  );
}

/** @param {{ bucket: Bucket, series: Series | null, left: number, width: number }} props */
function Reading({ bucket, series, left, width }) {
  const from = Date.parse(bucket.at);
  const to = from + (series?.step_seconds ?? 0) * 1000;
  const clock = (series?.step_seconds ?? 0) < 60 ? CLOCK_SECONDS : CLOCK;
  const place = Math.max(80, Math.min(width - 80, left));
  return html`
    <div class="reading number" role="status" style=${{ left: `${place}px` }}>
      <strong>${clock.format(from)}–${clock.format(to)}</strong>
      <span class="key good">${COUNT.format(bucket.succeeded)} succeeded</span>
      <span class="key bad">${COUNT.format(bucket.failed)} failed</span>
      ${bucket.other > 0 && html`<span>${COUNT.format(bucket.other)} cancelled or lost</span>`}
      ${bucket.average_seconds !== null &&
        html`<span>${formatDuration(bucket.average_seconds * 1000)} on average</span>`}
    </div>
  `;
}

/** @returns {[{ current: HTMLElement | null }, number]} */
function useWidth() {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(600);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

/**
 * The top of the scale: round, and no less than `count`.
 *
 * @param {number} count
 */
function niceTop(count) {
  if (count <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(count));
  return [1, 2, 4, 6, 10].map((factor) => factor * power).find((top) => top >= count) ?? 10 * power;
}

/** @param {number} count */
function shortCount(count) {
  if (count !== 0 && count < 1) return "";
  return count >= 10_000 ? `${count / 1000}k` : String(count);
}

/**
 * What an attempt printed, live while it runs.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { followOutput } from "./live.js";
import { OutputLines } from "./output_lines.js";
import { jobPath } from "./route.js";
import { StreamReading } from "./stream_reading.js";

/** @import { Attempt } from "./shapes.d.ts" */

/** So near to its end, in pixels, an output is taken to be read at its end, and new lines scroll into view. */
const AT_END_PX = 24;

/** @param {{ job: string, attempt: Attempt, name: string }} props `name`: of the attempt */
export function OutputCard({ job, attempt, name }) {
  const isRunning = attempt.outcome === "running";
  return html`
    <section class="card output" aria-labelledby="output-title">
      <div class="card-head">
        <h2 id="output-title">Output of ${name.toLowerCase()}</h2>
        ${isRunning && html`<span class="live-mark small">live</span>`}
        ${attempt.exit_code !== null &&
          html`<span class="quiet small number">exit code ${attempt.exit_code}</span>`}
        ${attempt.signal && html`<span class="quiet small">ended by ${attempt.signal}</span>`}
      </div>
      <div class="streams">
        <${Stream} job=${job} attemptId=${attempt.id} stream="stdout" isRunning=${isRunning} />
        <${Stream} job=${job} attemptId=${attempt.id} stream="stderr" isRunning=${isRunning} />
      </div>
    </section>
  `;
}

/** @param {{ job: string, attemptId: number, stream: "stdout" | "stderr", isRunning: boolean }} props */
function Stream({ job, attemptId, stream, isRunning }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const isAtEnd = useRef(true);
  const [isFollowing, setFollowing] = useState(true);
  const known = useOutput({ job, attemptId, stream, isRunning }, place, isAtEnd);
  const toEnd = () => {
    if (place.current) place.current.scrollTop = place.current.scrollHeight;
  };
  const onScroll = (/** @type {any} */ { currentTarget: box }) => {
    isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
    setFollowing(isAtEnd.current);
  };
  const raw = jobPath("/api/jobs", job, { below: "/output/raw", query: { stream, attempt_id: attemptId } });
  return html`
    <div class=${`stream ${known.size === 0 ? "silent" : ""}`}>
      <div class="stream-head small">
        <h3>${stream}</h3>
        <span class="number">${known.isRead ? formatBytes(known.size) : ""}</span>
        ${known.isCut && html`<span>only its end is shown</span>`}
        ${known.size > 0 && html`<a href=${raw} download><${Icon} name="download" />Download</a>`}
      </div>
      <pre ref=${place} tabindex=${known.size === 0
        ? undefined
        : 0} role="log" aria-live="off" onScroll=${onScroll}
        aria-label=${`${stream} of this attempt`}></pre>
      ${!isFollowing && isRunning &&
        html`<button type="button" class="to-end small" onClick=${toEnd}>Follow the end</button>`}
      ${known.isRead && known.size === 0 &&
        html`<p class="stream-empty small">${known.isComplete ? "It printed nothing." : "Nothing yet."}</p>`}
    </div>
  `;
}

/**
 * Shows an output in an element as it grows, and tells what is known of it.
 *
 * @param {{ job: string, attemptId: number, stream: "stdout" | "stderr", isRunning: boolean }} output
 * @param {{ current: HTMLElement | null }} place
 * @param {{ current: boolean }} isAtEnd whether the reader is at its end
 */
function useOutput({ job, attemptId, stream, isRunning }, place, isAtEnd) {
  const [known, setKnown] = useState({ size: 0, isCut: false, isComplete: false, isRead: false });
  const wake = useRef(() => {});
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const lines = new OutputLines(element);
    let isFirst = true;
    let isTail = false;
    const reading = new StreamReading({ job, attemptId, stream }, (piece) => {
      if (isFirst) isTail = piece.offset > 0;
      // The end of a long output begins somewhere in a line.
      lines.append(isFirst && isTail ? piece.text.slice(piece.text.indexOf("\n") + 1) : piece.text);
      isFirst = false;
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
      setKnown({
        size: piece.size,
        isCut: isTail || lines.isCut,
        isComplete: piece.is_complete,
        isRead: true,
      });
    });
    wake.current = () => reading.wake();
    reading.begin();
    return () => reading.end();
  }, [job, attemptId, stream]);
  useEffect(() => {
    wake.current();
    return isRunning ? followOutput({ job, attemptId }, () => wake.current()) : undefined;
  }, [isRunning, job, attemptId]);
  return known;
}

/**
 * @param {number} bytes
 * @returns {string} as in `1.2 kB`
 */
function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${["", "kB", "MB", "GB", "TB"][power]}`;
}

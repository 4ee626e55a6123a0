/**
 * The files of the page, by path.
 */

/** A file of the page. */
export interface Asset {
  readonly contentType: string;
  readonly text: string;
}

/** By absolute path; "/" is the page itself. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["/", { contentType: "text/html; charset=utf-8", text: "<!doctype html><title>queuectl</title>queuectl" }],
]);

/** The first segments of paths that are answered with the page, too, so that its views have addresses. */
export const PAGES: ReadonlySet<string> = new Set(["jobs", "dlq", "workers", "config", "enqueue"]);

/**
 * A file of the page, ready to be sent: compressed once, when the server starts, for browsers that take that.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Context } from "hono";
import type { Asset } from "./page/assets.ts";

/** A file of the page. */
export class PageFile {
  readonly #contentType: string;
  readonly #plain: Uint8Array<ArrayBuffer>;
  readonly #gzipped: Uint8Array<ArrayBuffer>;
  readonly #tag: string;

  constructor({ contentType, text }: Asset) {
    this.#contentType = contentType;
    this.#plain = new Uint8Array(Buffer.from(text));
    this.#gzipped = new Uint8Array(gzipSync(this.#plain));
    this.#tag = createHash("sha256").update(text).digest("base64url").slice(0, 22);
  }

  /** The answer to whoever asks for it; it has nothing in it if they have it already. */
  answer(context: Context): Response {
    const isGzipped = /\bgzip\b/.test(context.req.header("accept-encoding") ?? "");
    const etag = `"${this.#tag}${isGzipped ? "-gzip" : ""}"`;
    const headers = { "cache-control": "no-cache, no-transform", vary: "Accept-Encoding", etag };
    if (context.req.header("if-none-match") === etag) return context.body(null, 304, headers);
    return context.body(isGzipped ? this.#gzipped : this.#plain, 200, {
      ...headers,
      "content-type": this.#contentType,
      ...isGzipped ? { "content-encoding": "gzip" } : {},
    });
  }
}

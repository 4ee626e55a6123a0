/**
 * Templates: what a component returns. Values that are put into a template become text or properties of
 * elements, never markup.
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

import { h } from "preact";
import htm from "htm";

/**
 * A template tag: html`<p class="note">${text}</p>` is a node for Preact.
 *
 * @type {(strings: TemplateStringsArray, ...values: any[]) => any}
 */
export const html = /** @type {any} */ (htm).bind(h);

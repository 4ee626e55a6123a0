/**
 * The OpenAPI document of the API.
 */

import type { JsonObject } from "./views.ts";

/** The document, for a version of the program. */
export function openapi(version: string): JsonObject {
  return { openapi: "3.1.0", info: { title: "queuectl", version }, paths: {} };
}

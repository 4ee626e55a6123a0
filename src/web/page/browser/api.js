/**
 * Asking the server, and what it refuses.
 */

/** What the server refused, or that it couldn't be reached (`code` is `unreachable`). */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message one sentence without a full stop
   * @param {string | null} hint what to do; null where nothing would help
   */
  constructor(code, message, hint) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.hint = hint;
  }
}

/**
 * Reads from the API.
 *
 * @param {string} path as in `/api/session`
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer, in the shape that `shapes.d.ts` has for it; throws `ApiError`
 */
export function read(path, signal) {
  return ask(path, { method: "GET", ...(signal && { signal }) });
}

/**
 * Changes something through the API.
 *
 * @param {"POST" | "PUT" | "DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>} the answer; throws `ApiError`
 */
export function change(method, path, body = {}) {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * Changes however many jobs there are: the server does so for a while and then wants to be asked again.
 *
 * @param {string} path
 * @param {object} body
 * @param {"deleted" | "retried" | "cancelled"} key what the answers count
 * @param {(total: number) => void} [onPart] told how many are done, after each answer
 * @returns {Promise<number>} how many jobs it were; throws `ApiError`
 */
export async function changeAll(path, body, key, onPart = () => {}) {
  let total = 0;
  let cursor;
  while (true) {
    const answer = await change("POST", path, { ...body, ...(cursor && { cursor }) });
    total += answer[key];
    onPart(total);
    if (answer.is_complete !== false) return total;
    cursor = answer.next;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} request
 */
async function ask(path, request) {
  let answer;
  try {
    answer = await fetch(path, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new ApiError("unreachable", "The server can't be reached", "Start it again: queuectl web");
  }
  if (answer.status === 401) {
    leaveForLogin();
    throw new ApiError("unauthorized", "This page's sign-in has ended", "queuectl web prints a new link");
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok && body !== null) return body;
  const { code = "failed", message = `The server answered ${answer.status}`, hint = null } = body?.error ??
    {};
  throw new ApiError(code, message, hint);
}

/** Goes to the page that asks for the token, and comes back afterwards. */
function leaveForLogin() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

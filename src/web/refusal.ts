/**
 * Refusing a request: errors as answers.
 */

import { type ErrorCode, QueueError } from "../core/errors.ts";

/** What can be wrong with a request that the command line can't have, too. */
export type HttpCode =
  | "unauthorized"
  | "forbidden"
  | "read_only"
  | "method_not_allowed"
  | "too_large"
  | "not_json"
  | "too_slow"
  | "wrong_host"
  | "too_many";

const STATUS: Record<ErrorCode | HttpCode, number> = {
  bad_input: 400,
  unauthorized: 401,
  forbidden: 403,
  read_only: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_slow: 408,
  conflict: 409,
  too_large: 413,
  not_json: 415,
  wrong_host: 421,
  failed: 500,
  store: 503,
  too_many: 503,
};

/** Every code an answer can have. */
export const ERROR_CODES = Object.keys(STATUS) as (ErrorCode | HttpCode)[];

/** A request that is refused for what it is, not for what it asks of the queue. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: HttpCode;
  readonly hint: string | null;
  readonly headers: Readonly<Record<string, string>>;

  /** `message` is one sentence without a full stop; `hint` what to do; `headers` go with the answer. */
  constructor(
    code: HttpCode,
    message: string,
    options: { hint?: string; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.code = code;
    this.hint = options.hint ?? null;
    this.headers = options.headers ?? {};
  }
}

/** The answer that tells `error`; `onFault` is told of one that is no fault of the request. */
export async function refuse(error: unknown, onFault: (error: unknown) => void): Promise<Response> {
  if (error instanceof Refusal) return answer(error.code, error.message, error.hint, null, error.headers);
  if (error instanceof QueueError) {
    const { cureFor } = await import("../core/suggest.ts");
    return answer(error.code, error.message, cureFor(error), error.exitStatus);
  }
  onFault(error);
  return answer("failed", "queuectl failed unexpectedly", "the words of queuectl web in its terminal", 1);
}

function answer(
  code: ErrorCode | HttpCode,
  message: string,
  hint: string | null,
  exitStatus: number | null,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = { error: { code, message, hint, exit_status: exitStatus } };
  return Response.json(body, { status: STATUS[code], headers });
}

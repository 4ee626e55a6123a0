/**
 * Who may use the dashboard: whoever knows the token.
 *
 * The token itself is for API clients and is kept in a file that only its owner may read. A person gets a link with a
 * code that works once; it is swapped for a cookie, which holds an expiry signed with the token: so sessions
 * survive a restart of the server, and end when the token is changed. All comparisons take the same time
 * whatever is wrong.
 */

import { Buffer } from "node:buffer";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { badInput, storeError } from "../core/errors.ts";
import type { Home } from "../home/home.ts";

/** The variable that may hold the token. */
export const TOKEN_VARIABLE = "QUEUECTL_WEB_TOKEN";
/** 22 characters of base64 are 132 bits. */
const MIN_TOKEN_LENGTH = 22;
const TOKEN_BYTES = 32;
/** How long a session lasts. */
export const SESSION_SECONDS = 7 * 86_400;
/** How long a code waits to be used. */
const CODE_SECONDS = 3600;
/** How many codes may wait to be used, and sessions that were ended early be remembered. */
const MAX_REMEMBERED = 100;

/**
 * The token: from the variable `QUEUECTL_WEB_TOKEN`, else from `file` (null: `run/web.token` of the home), which
 * is created if there is none. Throws `bad_input` for a token that could be guessed, and a `store` error for a file
 * that others can read.
 */
export function loadToken(home: Home, file: string | null): string {
  const given = Deno.env.get(TOKEN_VARIABLE);
  // What this program starts, such as a browser, has no use for it.
  Deno.env.delete(TOKEN_VARIABLE);
  if (given) return checkedToken(given, `the variable ${TOKEN_VARIABLE}`);
  const path = file ?? join(home.runDir, "web.token");
  try {
    createTokenFile(path);
    const { mode, uid } = Deno.statSync(path);
    if (((mode ?? 0) & 0o077) !== 0 || (uid !== null && uid !== Deno.uid())) {
      throw storeError(
        `Cannot use the token in ${path}: other users can read or change it`,
        `chmod 600 ${path}`,
      );
    }
    return checkedToken(Deno.readTextFileSync(path).trim(), path);
  } catch (error) {
    if (!(error instanceof Error) || !isOfDisk(error)) throw error;
    const why = error.message.replace(/ \(os error.*/, "");
    throw badInput(`Cannot use the token in ${path}: ${why}`, `another file, with --token-file`);
  }
}

/** Writes the file whole or not at all, and never over one that exists. */
function createTokenFile(path: string): void {
  if (isThere(path)) return;
  const draft = `${path}.${Deno.pid}`;
  const text = `${randomBytes(TOKEN_BYTES).toString("base64url")}\n`;
  Deno.writeTextFileSync(draft, text, { createNew: true, mode: 0o600 });
  try {
    Deno.linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error; // another server was faster
  } finally {
    Deno.removeSync(draft);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isOfDisk(error: Error): boolean {
  return /os error/.test(error.message) || error instanceof Deno.errors.NotFound;
}

function checkedToken(token: string, place: string): string {
  if (token.length >= MIN_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token)) return token;
  throw badInput(
    `Cannot use the token in ${place}: it is at least ${MIN_TOKEN_LENGTH} printable characters without spaces`,
    `${TOKEN_VARIABLE}=$(openssl rand -hex 32)`,
  );
}

/** The keys to one server. */
export class Access {
  readonly #token: string;
  readonly #key: Promise<CryptoKey>;
  readonly #now: () => number;
  readonly #codes: { readonly digest: Uint8Array; readonly expiresAt: number }[] = [];
  readonly #ended: string[] = [];

  constructor(token: string, now: () => number) {
    this.#token = token;
    this.#key = signingKey(token);
    this.#now = now;
  }

  /** A code that can be swapped for a session once, within an hour. */
  newCode(): string {
    const code = randomBytes(TOKEN_BYTES).toString("base64url");
    this.#codes.push({ digest: digest(code), expiresAt: this.#now() + CODE_SECONDS * 1000 });
    if (this.#codes.length > MAX_REMEMBERED) this.#codes.shift();
    return code;
  }

  /** Whether the code was good; it is not any more. */
  spendCode(code: string): boolean {
    const given = digest(code);
    let found = -1;
    for (const [index, known] of this.#codes.entries()) {
      if (timingSafeEqual(known.digest, given)) found = index;
    }
    if (found < 0) return false;
    const [spent] = this.#codes.splice(found, 1);
    return spent!.expiresAt > this.#now();
  }

  /** Whether this is the token. */
  isToken(given: string): boolean {
    return timingSafeEqual(digest(given), digest(this.#token));
  }

  /** The value of a cookie for a new session. */
  async newSession(): Promise<string> {
    const expires = Math.floor(this.#now() / 1000) + SESSION_SECONDS;
    const open = `${expires}.${randomBytes(16).toString("base64url")}`;
    return `${open}.${await this.#sign(open)}`;
  }

  /** Whether this is the value of a session's cookie that has neither expired nor been ended. */
  async isSession(value: string): Promise<boolean> {
    const match = /^((\d{1,12})\.[\w-]{22})\.([\w-]{43})$/.exec(value);
    if (match === null) return false;
    const [, open, expires, signature] = match;
    const isSigned = timingSafeEqual(digest(await this.#sign(open!)), digest(signature!));
    return isSigned && Number(expires) * 1000 > this.#now() && !this.#ended.includes(open!);
  }

  /** Ends a session for as long as this server lives. */
  async endSession(value: string): Promise<void> {
    if (!await this.isSession(value)) return;
    this.#ended.push(value.slice(0, value.lastIndexOf(".")));
    if (this.#ended.length > MAX_REMEMBERED) this.#ended.shift();
  }

  async #sign(text: string): Promise<string> {
    const bytes = new TextEncoder().encode(`queuectl session ${text}`);
    return Buffer.from(await crypto.subtle.sign("HMAC", await this.#key, bytes)).toString("base64url");
  }
}

/** What signs sessions. The runtime's other way, `createHmac`, prints a warning under Deno 2.4. */
function signingKey(token: string): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", new TextEncoder().encode(token), algorithm, false, ["sign"]);
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

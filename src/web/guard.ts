/**
 * What every request must be, before anything is done for it. A dashboard can run shell commands as its user, so a
 * page of somebody else must not be able to reach it through that user's browser:
 *
 * - `Host` must be one of our own names with our port, or a name that an attacker points at this machine
 *   (DNS rebinding) would make his page one of ours;
 * - the API is for whoever knows the token, also on this machine: other users can reach its loopback, too;
 * - a change must come from our own page or from no browser at all, and be JSON, which no form can send;
 * - nothing is told to browsers that would let another page read, frame or keep what is answered.
 */

import type { Context, MiddlewareHandler, Next } from "hono";
import { getCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import type { Access } from "./access.ts";
import { Refusal } from "./refusal.ts";

/** Methods that change nothing. */
const READING = ["GET", "HEAD"];

/** Headers that take from browsers whatever the page doesn't need. */
export function strictHeaders(): MiddlewareHandler {
  const self = ["'self'"];
  const none = ["'none'"];
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: none,
      scriptSrc: self,
      styleSrc: self,
      imgSrc: self,
      connectSrc: self,
      baseUri: none,
      formAction: none,
      frameAncestors: none,
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: none,
    },
    crossOriginOpenerPolicy: "same-origin",
    crossOriginResourcePolicy: "same-origin",
    referrerPolicy: "no-referrer",
    xFrameOptions: "DENY",
    xContentTypeOptions: "nosniff",
    strictTransportSecurity: false,
    xXssProtection: false,
    permissionsPolicy: {
      camera: [],
      geolocation: [],
      microphone: [],
      payment: [],
      usb: [],
      fullscreen: [],
    },
  });
}

/** Answers only requests for one of `hosts`, each with its port (`127.0.0.1:5000`). */
export function onlyOwnHosts(hosts: ReadonlySet<string>): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header("host")?.toLowerCase() ?? "";
    // A target with a name of its own is for that name, whatever the header says (RFC 9112, 3.2.2).
    const target = /^https?:\/\/([^/?#]*)/i.exec(context.req.raw.url)?.[1]?.toLowerCase() ?? host;
    if (!hosts.has(host) || !hosts.has(target)) {
      throw new Refusal("wrong_host", "This server does not go by that name", {
        hint: "queuectl web --allow-host NAME, if the name is meant to lead here",
      });
    }
    await next();
  };
}

/** The name of the cookie; browsers send a cookie to every port of a host, so each port has its own. */
export function cookieName(context: Context): string {
  const port = /:(\d+)$/.exec(context.req.header("host") ?? "")?.[1] ?? "80";
  return `queuectl-${port}`;
}

/** Whether a request shows the token or a session. */
export async function isAdmitted(context: Context, access: Access): Promise<boolean> {
  const bearer = bearerOf(context);
  if (bearer !== null) return access.isToken(bearer);
  return await access.isSession(getCookie(context, cookieName(context)) ?? "");
}

function bearerOf(context: Context): string | null {
  return /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "")?.[1] ?? null;
}

/** Answers only those who know the token. */
export function onlyAdmitted(access: Access): MiddlewareHandler {
  return async (context, next) => {
    if (!await isAdmitted(context, access)) {
      throw new Refusal("unauthorized", "This needs the token of the dashboard", {
        hint: "the link that queuectl web printed, or the header Authorization: Bearer TOKEN",
        headers: { "www-authenticate": "Bearer" },
      });
    }
    await next();
  };
}

/** Refuses what another page makes a browser send, and changes that are not JSON. */
export function onlySameOrigin(): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const isChange = !READING.includes(context.req.method);
    const site = context.req.header("sec-fetch-site");
    const origin = context.req.header("origin");
    const own = [`http://${context.req.header("host")}`, `https://${context.req.header("host")}`];
    const isFromElsewhere = site !== undefined && site !== "same-origin" && (isChange || site !== "none");
    const isForeign = (isFromElsewhere && !isVisit(context)) ||
      (origin !== undefined && !own.includes(origin));
    if (isForeign) throw new Refusal("forbidden", "This comes from another page");
    if (isChange) {
      // A browser says where a change comes from; whoever says nothing must at least know the token itself.
      if (site === undefined && origin === undefined && bearerOf(context) === null && !isLogin(context)) {
        throw new Refusal("forbidden", "A change must tell its origin", {
          hint: "the header Authorization: Bearer TOKEN in place of a cookie",
        });
      }
      const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
      if (type !== "application/json") {
        throw new Refusal("not_json", "A change must be JSON", {
          hint: "the header Content-Type: application/json, and {} if there is nothing to say",
        });
      }
    }
    await next();
  };
}

/**
 * Whether a link elsewhere (or the file with which `--open` opens the browser) leads a person to a page. The
 * cookie is not sent along: the page at `/login`, which is where that leads, sees whether there is one.
 */
function isVisit(context: Context): boolean {
  const { method, path } = context.req;
  const isPage = !path.startsWith("/api/") && path !== "/metrics";
  return method === "GET" && isPage && context.req.header("sec-fetch-mode") === "navigate" &&
    context.req.header("sec-fetch-dest") === "document";
}

/** Whoever logs in from a terminal has no cookie yet that a page could misuse. */
function isLogin(context: Context): boolean {
  return context.req.path === "/api/login";
}

/** Refuses every change but logging in and out. */
export function onlyReading(): MiddlewareHandler {
  return async (context, next) => {
    const isSession = ["/api/login", "/api/logout"].includes(context.req.path);
    if (!READING.includes(context.req.method) && !isSession) {
      throw new Refusal("read_only", "Cannot change anything here: this dashboard is read-only", {
        hint: "queuectl web without --read-only",
      });
    }
    await next();
  };
}

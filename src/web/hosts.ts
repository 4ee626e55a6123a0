/**
 * The names under which a server may be asked.
 */

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/** Whether only this machine can reach what listens on `hostname`. */
export function isLoopback(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || ["::1", "localhost"].includes(hostname);
}

/** `hostname` as it stands in an address: one that means every interface is reached by the loopback one here. */
export function urlHost(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** The values of `Host` to answer: our names with the port, and those that were allowed besides. */
export function hostsOf(
  { hostname, port, allowed }: { hostname: string; port: number; allowed: readonly string[] },
): ReadonlySet<string> {
  const names = isLoopback(hostname) ? [...LOOPBACK_NAMES, urlHost(hostname)] : namesOf(hostname);
  const hosts = new Set<string>();
  const add = (name: string) => {
    hosts.add(`${name}:${port}`.toLowerCase());
    if (port === 80) hosts.add(name.toLowerCase()); // browsers leave this port out
  };
  for (const name of names) add(name);
  for (const name of allowed) {
    hosts.add(name.toLowerCase());
    if (!/:\d+$/.test(name)) add(name);
  }
  return hosts;
}

function namesOf(hostname: string): string[] {
  if (hostname !== "0.0.0.0" && hostname !== "::") return [urlHost(hostname), Deno.hostname()];
  const addresses = Deno.networkInterfaces()
    .map(({ address }) => address.includes(":") ? `[${address.split("%")[0]}]` : address);
  return [...LOOPBACK_NAMES, Deno.hostname(), ...addresses];
}

/**
 * The folder in which everything of a queue lives.
 *
 * `queue.db` is the store (unless it is elsewhere), `logs/` holds the output of attempts and the workers' own
 * logs, `run/` what living processes share. Folders are 0700 and files 0600 whatever the umask: commands,
 * their variables and their output are nobody else's business.
 */

import { dirname, join, resolve } from "node:path";
import { badInput, storeError } from "../core/errors.ts";

/** The paths of a home, all absolute. */
export interface Home {
  readonly dir: string;
  readonly dbPath: string;
  readonly logsDir: string;
  readonly runDir: string;
  /** Touched whenever there may be something for an idle worker to do. */
  readonly wakeFile: string;
}

/** Where a home was asked for: flags first, then variables, then `~/.queuectl`. */
export interface HomeChoice {
  readonly home?: string | undefined;
  readonly db?: string | undefined;
}

/** The paths that `choice` and the environment mean. Throws `bad_input` if there is no home folder to default to. */
export function resolveHome(choice: HomeChoice): Home {
  const dir = resolve(nonEmpty(choice.home) ?? nonEmpty(Deno.env.get("QUEUECTL_HOME")) ?? defaultDir());
  const db = nonEmpty(choice.db) ?? nonEmpty(Deno.env.get("QUEUECTL_DB"));
  const runDir = join(dir, "run");
  return {
    dir,
    dbPath: db === undefined ? join(dir, "queue.db") : resolve(db),
    logsDir: join(dir, "logs"),
    runDir,
    wakeFile: join(runDir, "wake"),
  };
}

/** Creates what is missing of a home. Throws a `store` error if it can't be written or is somebody else's. */
export function createHome(home: Home): void {
  const link = foreignLink(home.dir);
  if (link !== null) {
    throw storeError(
      `Cannot use the home ${home.dir}: the link ${link} on its way is another user's`,
      ANOTHER_FOLDER,
    );
  }
  createPrivateFolder(home.dir);
  const owner = Deno.statSync(home.dir).uid;
  if (owner !== null && owner !== Deno.uid()) {
    throw storeError(`Cannot use the home ${home.dir}: it belongs to another user`, ANOTHER_FOLDER);
  }
  createPrivateFolder(home.logsDir);
  createPrivateFolder(home.runDir);
  createPrivateFolder(dirname(home.dbPath));
}

/** Creates a folder and its parents with mode 0700; an existing one is left as it is. */
export function createPrivateFolder(path: string): void {
  try {
    if (!isFolder(path)) Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/ \(os error.*/, "") : String(error);
    throw storeError(`Cannot create the folder ${path}: ${why}`, ANOTHER_FOLDER, error);
  }
}

const ANOTHER_FOLDER = "a folder that you may write to, with --home or QUEUECTL_HOME";

/** The kernel follows no more links than this, either. */
const MAX_LINKS = 40;

/** The first link on the way to `path` that its owner, neither we nor root, could lead elsewhere; null if none. */
function foreignLink(path: string): string | null {
  const trusted = [Deno.uid(), 0];
  let rest = path.split("/").filter((part) => part !== "");
  let at = "/";
  for (let links = 0; rest.length > 0 && links <= MAX_LINKS;) {
    const next = join(at, rest[0]!);
    const info = lstatIfThere(next);
    if (info === null) return null;
    rest = rest.slice(1);
    if (!info.isSymlink) {
      at = next;
      continue;
    }
    if (!trusted.includes(info.uid)) return next;
    links++;
    rest = [...resolve(at, Deno.readLinkSync(next)).split("/").filter((part) => part !== ""), ...rest];
    at = "/";
  }
  return null;
}

function lstatIfThere(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch {
    return null; // what is wrong with the way is told when it is gone
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function defaultDir(): string {
  const user = nonEmpty(Deno.env.get("HOME"));
  if (user === undefined) {
    throw badInput("Cannot find a home: the variable HOME is not set", "--home DIR or QUEUECTL_HOME");
  }
  return join(user, ".queuectl");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

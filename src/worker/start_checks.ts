/**
 * Why a command can't be started, in words for people.
 */

import { StartError } from "./running_command.ts";

/** Throws `StartError` if a directory can't be entered: that is the job's own fault. */
export function checkDirectory(path: string): void {
  let isDirectory = false;
  try {
    isDirectory = Deno.statSync(path).isDirectory;
    if (isDirectory) Deno.statSync(`${path}/.`); // only who may enter it can look from within
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new StartError(`can't enter the directory ${path}`, { isOurFault: false });
    }
  }
  if (!isDirectory) throw new StartError(`no such directory: ${path}`, { isOurFault: false });
}

/** The error of a command that the system can't start anywhere: that is the job's own fault. */
export function tooLong(): StartError {
  const why = "its command or its variables are longer than this system allows";
  return new StartError(`can't start it: ${why}`, { isOurFault: false });
}

/** Does a part of a start; throws `StartError` if that fails: the job is not to blame. */
export function tryTo<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (/argument list too long/i.test(String(error))) throw tooLong();
    const why = error instanceof Error ? error.message : error;
    throw new StartError(`can't ${what}: ${why}`, { isOurFault: true });
  }
}

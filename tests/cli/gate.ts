/**
 * Jobs that run until the test lets them go on, calls that are known to watch them, and terminals that show how
 * a call ended.
 */

import { shellJoin } from "../../src/core/shell_words.ts";
import { programCommand } from "../harness/program.ts";
import type { TemporaryHome } from "../harness/temporary_home.ts";

/** A command that waits for the file `name`; it gives up after a minute, so that a fault hangs nobody for ever. */
export function gate(name = "go"): string {
  return `i=0; while [ ! -e ${name} ] && [ $i -lt 3000 ]; do i=$((i + 1)); sleep 0.02; done`;
}

/** Lets the jobs behind a gate go on. */
export async function openGate(home: TemporaryHome, name = "go"): Promise<void> {
  await Deno.writeTextFile(`${home.dir}/${name}`, "");
}

/** A command for a terminal: calls the program, then shows its exit status and stays. */
export function onTerminal(...args: string[]): string[] {
  // Ctrl-C reaches the shell as well, which has to stay.
  const call = shellJoin([...programCommand(), ...args]);
  return ["/bin/sh", "-c", `trap : INT; ${call}; echo "status $?"; exec cat`];
}

/** Whether a process has asked the kernel to tell it of changes to files. */
export function isWatching(pid: number): boolean {
  const script = 'grep -ls "^inotify wd:" /proc/"$1"/fdinfo/* 2>/dev/null | head -n 1';
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", String(pid)] }).outputSync();
  return stdout.length > 0;
}

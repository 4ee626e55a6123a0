/**
 * A real terminal whose screen can be looked at: tmux, with a server of its own.
 */

import { programCommand } from "./program.ts";
import type { TemporaryHome } from "./temporary_home.ts";
import { waitFor } from "./wait_for.ts";

/** What a terminal is started with. */
export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Record<string, string>;
}

/** Whether a program is installed; a test that needs it says why it is skipped. */
export async function isInstalled(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'command -v "$1" >/dev/null', "sh", program],
  }).output();
  return success;
}

/** `Deno.test` for a test that needs these programs: without them it is skipped, and its title says so. */
export async function testWith(
  programs: readonly string[],
  title: string,
  run: () => Promise<void>,
): Promise<void> {
  const missing: string[] = [];
  for (const program of programs) if (!await isInstalled(program)) missing.push(program);
  const isMissing = missing.length > 0;
  const name = isMissing ? `${title} (skipped: there is no ${missing.join(" and no ")})` : title;
  Deno.test({ name, ignore: isMissing, fn: run });
}

/** A terminal in which a command runs. */
export class TmuxTerminal {
  static #count = 0;
  readonly #socket: string;
  readonly #env: Record<string, string>;
  readonly #dir: string;

  private constructor(home: TemporaryHome, env: Record<string, string>) {
    // A server that has just been ended may still answer under its name.
    this.#socket = `${home.dir}/tmux-${TmuxTerminal.#count++}`;
    this.#dir = home.dir;
    this.#env = env;
  }

  /** Starts `command` in a terminal, hands it to `work` and ends it whatever happens. */
  static async use(
    home: TemporaryHome,
    command: readonly string[],
    options: TerminalOptions,
    work: (terminal: TmuxTerminal) => Promise<void>,
  ): Promise<void> {
    const { columns = 100, rows = 30 } = options;
    const terminal = new TmuxTerminal(home, {
      ...{
        QUEUECTL_HOME: home.dir,
        QUEUECTL_DB: "",
        SHELL: "/bin/sh",
        TERM: "xterm-256color",
        LC_ALL: "C.UTF-8",
      },
      ...{ NO_COLOR: "", TMUX: "", ...options.env },
    });
    const size = ["-x", String(columns), "-y", String(rows)];
    await terminal.#tmux("-f", "/dev/null", "new-session", "-d", ...size, command.map(quoted).join(" "));
    try {
      await work(terminal);
    } catch (error) {
      if (error instanceof Error) error.message += `\nThe screen:\n${await terminal.screen().catch(String)}`;
      throw error;
    } finally {
      await terminal.#tmux("kill-server").catch(() => {});
    }
  }

  /** What is on the screen, without spaces at the ends of lines. */
  async screen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p");
  }

  /** What is on the screen with the escape sequences of its colours. */
  async colouredScreen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-e");
  }

  /** Waits until the screen matches; returns it. */
  async until(pattern: RegExp, timeoutMs?: number): Promise<string> {
    return await waitFor(`${pattern} on the screen`, async () => {
      const screen = await this.screen();
      return pattern.test(screen) ? screen : null;
    }, timeoutMs);
  }

  /** Types `text` as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", "--", text);
  }

  /** Presses keys by their names in tmux: `Enter`, `Tab`, `Up`, `C-c`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Gives the terminal another size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What tmux knows, by its format: `#{alternate_on}` is 1 on the alternate screen. */
  async ask(format: string): Promise<string> {
    return (await this.#tmux("display-message", "-p", format)).trim();
  }

  async #tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-S", this.#socket, ...args],
      cwd: this.#dir,
      env: this.#env,
    }).output();
    if (!success) throw new Error(`tmux ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}

/**
 * Puts the program into a folder of the home under its own name, as users have it in their path; returns the
 * folder.
 */
export async function programInPath(home: TemporaryHome): Promise<string> {
  const folder = `${home.dir}/bin`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/queuectl`,
    `#!/bin/sh\nexec ${programCommand().map(quoted).join(" ")} "$@"\n`,
    { mode: 0o755 },
  );
  return folder;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

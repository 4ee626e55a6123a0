/**
 * The few functions of the C library that a worker starts its commands with.
 *
 * Deno's own way to start a process offers no process group of one's own, no file for the output, and no way to hear
 * of the orphans of a command. `posix_spawn(3)` does, and copies nothing of the worker's memory.
 */

/** What is to be started. */
export interface SpawnRequest {
  /** The program, searched in no path, and its arguments; the first is its name. */
  readonly args: readonly string[];
  /** `NAME=value` each: all that the process gets. */
  readonly variables: readonly string[];
  readonly cwd: string;
  /** Its output is appended to these; they are created for nobody else. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The functions, in terms of this program. All but `waitForEnd` return at once. */
export interface Libc {
  /** Starts a process in a session and a process group of its own; returns its pid, or an error number below 0. */
  spawn(request: SpawnRequest): number;
  /** Waits for the end of a child; returns its status as wait(2) gives it, null if that can't be known. */
  waitForEnd(pid: number): Promise<number | null>;
  /** Waits for a child only if it has ended; returns whether it had. */
  reap(pid: number): boolean;
  /** Makes this process the parent of the orphans among its descendants; returns whether it can list them. */
  adoptOrphans(): boolean;
  /** The children of this process, adopted ones included. */
  children(): number[];
  /** The variables with which a process was started, separated by zeros; empty if it is ending or may not be asked. */
  environ(pid: number): string;
}

/** The library; null if this system has another one, or this program may not use it. */
export function loadLibc(): Libc | null {
  try {
    return new GnuLibc();
  } catch {
    return null;
  }
}

const SYMBOLS = {
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  sigfillset: { parameters: ["buffer"], result: "i32" },
  wait: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** More than any of the library's own structures takes. */
const STRUCTURE_BYTES = 1024;
/** The constants of its headers, for Linux. */
const SPAWN_SETSIGDEF = 0x04;
const SPAWN_SETSIGMASK = 0x08;
const SPAWN_SETSID = 0x80;
const O_RDONLY = 0;
const O_APPENDING = 0o1 | 0o100 | 0o2000;
const O_CLOEXEC = 0o2000000;
const WNOHANG = 1;
const PR_SET_CHILD_SUBREAPER = 36;

class GnuLibc implements Libc {
  readonly #calls = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  /** A session of its own, and no signal blocked or ignored: as a plain shell has it. */
  readonly #attributes = new Uint8Array(STRUCTURE_BYTES);
  readonly #actions = new Uint8Array(STRUCTURE_BYTES);
  readonly #pid = new Int32Array(1);
  readonly #status = new Int32Array(1);
  readonly #bytes = new Uint8Array(64 * 1024);
  /** What is only pointed to must not be collected as garbage. */
  #inUse: readonly StringArray[] = [];

  constructor() {
    const allSignals = new Uint8Array(STRUCTURE_BYTES);
    this.#calls.sigfillset(allSignals);
    this.#calls.posix_spawnattr_init(this.#attributes);
    this.#calls.posix_spawnattr_setsigdefault(this.#attributes, allSignals);
    this.#calls.posix_spawnattr_setflags(
      this.#attributes,
      SPAWN_SETSIGDEF | SPAWN_SETSIGMASK | SPAWN_SETSID,
    );
  }

  spawn({ args, variables, cwd, stdout, stderr }: SpawnRequest): number {
    const calls = this.#calls;
    const [argv, envp] = [new StringArray(args), new StringArray(variables)];
    const paths = [cwd, "/dev/null", stdout, stderr].map(cString);
    this.#inUse = [argv, envp];
    calls.posix_spawn_file_actions_init(this.#actions);
    try {
      calls.posix_spawn_file_actions_addchdir_np(this.#actions, paths[0]!);
      calls.posix_spawn_file_actions_addopen(this.#actions, 0, paths[1]!, O_RDONLY, 0);
      calls.posix_spawn_file_actions_addopen(this.#actions, 1, paths[2]!, O_APPENDING, 0o600);
      calls.posix_spawn_file_actions_addopen(this.#actions, 2, paths[3]!, O_APPENDING, 0o600);
      const program = cString(args[0]!);
      const error = calls.posix_spawn(
        this.#pid,
        program,
        this.#actions,
        this.#attributes,
        argv.pointers,
        envp.pointers,
      );
      return error === 0 ? this.#pid[0]! : -error;
    } finally {
      calls.posix_spawn_file_actions_destroy(this.#actions);
      this.#inUse = [];
    }
  }

  async waitForEnd(pid: number): Promise<number | null> {
    const status = new Int32Array(1);
    return await this.#calls.wait(pid, status, 0) === pid ? status[0]! : null;
  }

  reap(pid: number): boolean {
    return this.#calls.waitpid(pid, this.#status, WNOHANG) === pid;
  }

  adoptOrphans(): boolean {
    return this.#calls.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) === 0 &&
      this.#readText(childrenPath()) !== null;
  }

  children(): number[] {
    return (this.#readText(childrenPath()) ?? "").split(" ").filter((pid) => pid !== "").map(Number);
  }

  environ(pid: number): string {
    return this.#readText(`/proc/${pid}/environ`) ?? "";
  }

  /** Deno itself opens nothing in /proc for a program that may do less than everything. */
  #readText(path: string): string | null {
    const file = this.#calls.open(cString(path), O_RDONLY | O_CLOEXEC);
    if (file < 0) return null;
    let text = "";
    try {
      const decoder = new TextDecoder();
      for (let count = 1; count > 0;) {
        count = Number(this.#calls.read(file, this.#bytes, BigInt(this.#bytes.length)));
        if (count > 0) text += decoder.decode(this.#bytes.subarray(0, count), { stream: true });
      }
    } finally {
      this.#calls.close(file);
    }
    return text;
  }
}

/** The orphans come to the first thread, which is the one that starts all commands. */
function childrenPath(): string {
  return `/proc/self/task/${Deno.pid}/children`;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Texts as C has them: pointers to bytes that end with zero, and a null pointer. */
class StringArray {
  readonly pointers: BigUint64Array<ArrayBuffer>;
  /** What the pointers point to, which must stay as long as they do. */
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(texts: readonly string[]) {
    this.#bytes = new TextEncoder().encode(texts.map((text) => `${text}\0`).join(""));
    this.pointers = new BigUint64Array(texts.length + 1);
    if (texts.length === 0) return;
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#bytes));
    for (let index = 0, offset = 0; index < texts.length; index++) {
      this.pointers[index] = BigInt(start) + BigInt(offset);
      offset = this.#bytes.indexOf(0, offset) + 1;
    }
  }
}

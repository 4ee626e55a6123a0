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
  /** An open file; there is nothing to read if it is absent. */
  readonly stdin?: number;
  /** Its output is appended to these files, which are created for nobody else; or it goes to open ones. */
  readonly stdout: string | number;
  readonly stderr: string | number;
}

/** The two ends of a pipe, open files that only this process has. */
export interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

/** The functions, in terms of this program. Those that wait in another thread return a promise. */
export interface Libc {
  /** Starts a process in a session and a process group of its own; returns its pid, or an error number below 0. */
  spawn(request: SpawnRequest): number;
  /** Waits for the end of a child; returns its status as wait(2) gives it, null if that can't be known. */
  waitForEnd(pid: number): Promise<number | null>;
  /** The same for a child that has ended already; null if it hasn't. */
  statusOf(pid: number): number | null;
  /** A file that can be read once a child has ended; null if there is no room for it. */
  openEnd(pid: number): number | null;
  /** Makes this process the parent of the orphans among its descendants; returns whether it can list them. */
  adoptOrphans(): boolean;
  /** The children of this process, adopted ones included. */
  children(): number[];
  /**
   * The variables with which a process was started, separated by zeros; empty if there are none or it may not be
   * asked. Null if that can't be said now: it is ending, or just becoming another program.
   */
  environ(pid: number): string | null;
  /** The size of a file in bytes; null if that can't be known. */
  sizeOf(path: string): number | null;
  /** The permissions that new files don't get. */
  umask(): number;
  /** A new pipe; null if there is no room for it. */
  openPipe(): Pipe | null;
  /** Waits until there is something to read; empty if nobody can write any more. */
  readText(file: number): Promise<string>;
  /** The same where it is known that it needn't wait. */
  readNow(file: number): string;
  /** Writes to a pipe that has room for the text; false if nobody can read it any more. */
  writeText(file: number, text: string): boolean;
  /** Waits at most `timeoutMs`, in whole ms, until some of the files can be read; returns which. */
  poll(files: readonly number[], timeoutMs: number): number[];
  closeFile(file: number): void;
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
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  sigfillset: { parameters: ["buffer"], result: "i32" },
  wait: { name: "waitpid", parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // Of the library's own function only the newest versions know.
  pidfd_open: { name: "syscall", parameters: ["i64", "i64", "i64"], result: "i64" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  readLater: { name: "read", parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
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
/** The same number on all processors. */
const SYS_PIDFD_OPEN = 434n;
const POLLIN = 1;
/** `struct pollfd` is a number of 32 bits and two of 16. */
const POLLFD_BYTES = 8;
const AT_FDCWD = -100;
const STATX_SIZE = 0x200;
/** Where `struct statx`, the same on all processors, has the size. */
const STATX_SIZE_OFFSET = 40;
const PIPE_READ_BYTES = 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

class GnuLibc implements Libc {
  readonly #calls = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  /** A session of its own, and no signal blocked or ignored: as a plain shell has it. */
  readonly #attributes = new Uint8Array(STRUCTURE_BYTES);
  readonly #actions = new Uint8Array(STRUCTURE_BYTES);
  readonly #pid = new Int32Array(1);
  readonly #status = new Int32Array(1);
  readonly #bytes = new Uint8Array(64 * 1024);
  readonly #textBytes = new Uint8Array(16 * 1024);
  readonly #structure = new Uint8Array(STRUCTURE_BYTES);
  readonly #structureView = new DataView(this.#structure.buffer);
  #pollEntries = new DataView(new ArrayBuffer(16 * POLLFD_BYTES));
  /** What is only pointed to must not be collected as garbage. */
  #inUse: readonly StringArray[] = [];
  /** The list of our children, which is read again and again. */
  #childrenFile = -1;

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

  spawn({ args, variables, cwd, stdin, stdout, stderr }: SpawnRequest): number {
    const calls = this.#calls;
    const [argv, envp] = [new StringArray(args), new StringArray(variables)];
    this.#inUse = [argv, envp];
    calls.posix_spawn_file_actions_init(this.#actions);
    try {
      calls.posix_spawn_file_actions_addchdir_np(this.#actions, cString(cwd));
      this.#giveFile(0, stdin ?? "/dev/null", O_RDONLY);
      this.#giveFile(1, stdout, O_APPENDING);
      this.#giveFile(2, stderr, O_APPENDING);
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

  /** Both functions copy the path that they are given. */
  #giveFile(number: number, file: string | number, flags: number): void {
    const calls = this.#calls;
    if (typeof file === "number") {
      calls.posix_spawn_file_actions_adddup2(this.#actions, file, number);
    } else {
      calls.posix_spawn_file_actions_addopen(this.#actions, number, cString(file), flags, 0o600);
    }
  }

  async waitForEnd(pid: number): Promise<number | null> {
    const status = new Int32Array(1);
    return await this.#calls.wait(pid, status, 0) === pid ? status[0]! : null;
  }

  statusOf(pid: number): number | null {
    return this.#calls.waitpid(pid, this.#status, WNOHANG) === pid ? this.#status[0]! : null;
  }

  openEnd(pid: number): number | null {
    const file = Number(this.#calls.pidfd_open(SYS_PIDFD_OPEN, BigInt(pid), 0n));
    return file < 0 ? null : file;
  }

  /** The orphans come to the first thread, which is the one that starts all commands. */
  adoptOrphans(): boolean {
    if (this.#calls.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) !== 0) return false;
    const path = cString(`/proc/self/task/${Deno.pid}/children`);
    this.#childrenFile = this.#calls.open(path, O_RDONLY | O_CLOEXEC);
    return this.#childrenFile >= 0;
  }

  children(): number[] {
    const bytes = this.#bytes;
    let text = "";
    for (let count = 1, offset = 0n; count > 0; offset += BigInt(count)) {
      count = Number(this.#calls.pread(this.#childrenFile, bytes, BigInt(bytes.length), offset));
      if (count > 0) text += decoder.decode(bytes.subarray(0, count));
    }
    return text.split(" ").filter((pid) => pid !== "").map(Number);
  }

  environ(pid: number): string | null {
    const path = `/proc/${pid}`;
    const text = this.#readText(`${path}/environ`);
    if (text) return text;
    const stat = this.#readText(`${path}/stat`) ?? "";
    // The fields of proc_pid_stat(5); the second, a name in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [code, start, end] = [fields[26 - 3] ?? "0", fields[50 - 3], fields[51 - 3]];
    // A new program has no code until it has its variables, and one that ends has none any more. Whoever shows a
    // place for variables has just got them; who may not be asked shows none.
    return code !== "0" && start === end ? "" : null;
  }

  sizeOf(path: string): number | null {
    const name = this.#written(`${path}\0`);
    if (this.#calls.statx(AT_FDCWD, name, 0, STATX_SIZE, this.#structure) !== 0) return null;
    return Number(this.#structureView.getBigUint64(STATX_SIZE_OFFSET, true));
  }

  umask(): number {
    const umask = this.#calls.umask(0o077);
    this.#calls.umask(umask);
    return umask;
  }

  openPipe(): Pipe | null {
    const files = new Int32Array(2);
    return this.#calls.pipe2(files, O_CLOEXEC) === 0 ? { reader: files[0]!, writer: files[1]! } : null;
  }

  async readText(file: number): Promise<string> {
    const bytes = new Uint8Array(PIPE_READ_BYTES);
    const count = Number(await this.#calls.readLater(file, bytes, BigInt(bytes.length)));
    return decoder.decode(bytes.subarray(0, Math.max(0, count)));
  }

  readNow(file: number): string {
    const count = Number(this.#calls.read(file, this.#bytes, BigInt(PIPE_READ_BYTES)));
    return decoder.decode(this.#bytes.subarray(0, Math.max(0, count)));
  }

  writeText(file: number, text: string): boolean {
    const bytes = this.#written(text);
    return Number(this.#calls.write(file, bytes, BigInt(bytes.length))) === bytes.length;
  }

  poll(files: readonly number[], timeoutMs: number): number[] {
    const length = files.length * POLLFD_BYTES;
    if (this.#pollEntries.byteLength < length) this.#pollEntries = new DataView(new ArrayBuffer(length * 2));
    const entries = this.#pollEntries;
    files.forEach((file, index) => {
      entries.setInt32(index * POLLFD_BYTES, file, true);
      entries.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
    });
    const count = this.#calls.poll(entries, BigInt(files.length), timeoutMs);
    return count <= 0
      ? []
      : files.filter((_, index) => entries.getInt16(index * POLLFD_BYTES + 6, true) !== 0);
  }

  closeFile(file: number): void {
    this.#calls.close(file);
  }

  /** A text in bytes that are the text's only until the next call: to make room for each costs more than to write it. */
  #written(text: string): Uint8Array<ArrayBuffer> {
    const { read, written } = encoder.encodeInto(text, this.#textBytes);
    return read === text.length ? this.#textBytes.subarray(0, written) : encoder.encode(text);
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

function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}

/** Texts as C has them: pointers to bytes that end with zero, and a null pointer. */
class StringArray {
  readonly pointers: BigUint64Array<ArrayBuffer>;
  /** What the pointers point to, which must stay as long as they do. */
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(texts: readonly string[]) {
    this.#bytes = encoder.encode(texts.map((text) => `${text}\0`).join(""));
    this.pointers = new BigUint64Array(texts.length + 1);
    if (texts.length === 0) return;
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#bytes));
    for (let index = 0, offset = 0; index < texts.length; index++) {
      this.pointers[index] = BigInt(start) + BigInt(offset);
      offset = this.#bytes.indexOf(0, offset) + 1;
    }
  }
}

/**
 * The command table: every command with its arguments, flags and examples, and what runs it.
 *
 * A command's code is loaded when it runs, so that none makes another one slower to start.
 */

import type { Describing, Description } from "./description.ts";
import { collect, jobOptions } from "./job_options.ts";
import { PIPELINE_COMMANDS } from "./pipeline_commands.ts";

/** In the order in which the help lists them. */
const COMMANDS: Readonly<Record<string, Description>> = {
  "enqueue": (program) =>
    jobOptions(program.command("enqueue [job] [words...]", "Store jobs, to be run by a worker", [
      `queuectl enqueue '{"id": "job1", "command": "echo hello"}'`,
      `queuectl enqueue --id job2 --command "sleep 2 && echo done"`,
      "queuectl enqueue --priority high --delay 10m -- make test",
      "queuectl enqueue --file jobs.ndjson",
      "queuectl enqueue - < jobs.ndjson",
    ]))
      .option("--file <file>", "read JSON or NDJSON from a file")
      .option("-q, --queue <queue>", "the queue; default if absent")
      .runs(async () => (await import("./commands/enqueue.ts")).enqueue),

  "list": (program) =>
    program.command("list", "Show jobs, oldest first", [
      "queuectl list",
      "queuectl list --state failed --queue reports",
      "queuectl list --search backup --limit 20 --json",
    ])
      .option("--state <state>", "only jobs in this state; several separated by commas")
      .option("-q, --queue <queue>", "only jobs of this queue")
      .option("--limit <n>", "at most so many")
      .option("--search <text>", "only jobs with this text in their id or command")
      .runs(async () => (await import("./commands/list.ts")).list),

  "status": (program) =>
    program.command("status [id]", "Show workers and jobs by state, or one job in full", [
      "queuectl status",
      "queuectl status job1",
      "queuectl status --json",
      "queuectl status --watch",
    ])
      .option("-w, --watch", "go on, as top does; without a terminal print it each time it has changed")
      .runs(async () => (await import("./commands/status.ts")).status),

  "top": (program) =>
    program.command("top", "Watch workers, queues and jobs, and act on them, on the whole screen", [
      "queuectl top",
    ])
      .runs(async () => (await import("./commands/top.ts")).top),

  "get": (program) =>
    program.command("get <id>", "Show one job in full, with its attempts", [
      "queuectl get job1",
      "queuectl get job1 --json",
    ])
      .runs(async () => (await import("./commands/status.ts")).get),

  "logs": (program) =>
    program.command("logs [id...]", "Print what jobs printed, or print it as it comes", [
      "queuectl logs job1",
      "queuectl logs job1 job2 --follow",
      "queuectl logs -f --queue reports --since 10m",
      "queuectl logs job1 --attempt 2 --stderr",
      "queuectl logs --all --tail 5 --timestamps",
      "queuectl logs job1 --path",
    ])
      .option("-f, --follow", "go on until the jobs have ended; all jobs if none is named")
      .option("-q, --queue <queue>", "of all jobs of this queue; with -f, also of those that come later")
      .option("--all", "of all jobs")
      .option("--attempt <n>", "of this attempt; the last if absent")
      .option("--since <time>", "of all attempts that ran since then: 10m, or a time in ISO 8601")
      .option("--tail <n>", "only the last lines of each stream that are there by now")
      .option("-t, --timestamps", "before each line, when it was seen, or its file last changed before that")
      .option("--stdout", "standard output alone")
      .option("--stderr", "standard error alone")
      .option("--path", "print the paths of the files instead")
      .option("--raw", "pass control characters on, even to a terminal")
      .runs(async () => (await import("./commands/logs.ts")).logs),

  "output": (program) => {
    const output = program.group("output", "What jobs printed, and how they ended", [
      "queuectl output get job1",
    ]);
    output.command("get <id>", "Print a job's output, exit code and finish time", [
      "queuectl output get job1",
    ])
      .runs(async () => (await import("./commands/output.ts")).outputGet);
  },

  "history": (program) =>
    program.command("history [id]", "Show attempts, of one job or the newest of all", [
      "queuectl history",
      "queuectl history job1 --json",
    ])
      .option("--limit <n>", "at most so many, the newest; 100 of all jobs if absent")
      .runs(async () => (await import("./commands/history.ts")).history),

  "retry": (program) =>
    program.command("retry <id...>", "Run failed, dead, cancelled or completed jobs again, now", [
      "queuectl retry job1 job2",
    ])
      .runs(async () => (await import("./commands/retry.ts")).retry),

  "cancel": (program) =>
    program.command("cancel <id...>", "Withdraw jobs; the command of one that runs is ended", [
      "queuectl cancel job1",
    ])
      .runs(async () => (await import("./commands/retry.ts")).cancel),

  "clear": (program) =>
    program.command("clear", "Delete jobs and their output, but none that is processing", [
      "queuectl clear --state completed --older-than 7d",
      "queuectl clear --yes",
    ])
      .option("--state <state>", "only jobs in this state; several separated by commas")
      .option("--older-than <time>", "only jobs not touched for this long, such as 7d")
      .option("-y, --yes", "don't ask")
      .runs(async () => (await import("./commands/clear.ts")).clear),

  ...PIPELINE_COMMANDS,

  "dlq": (program) => {
    const dlq = program.group("dlq", "The dead letter queue: jobs that are out of attempts", [
      "queuectl dlq list",
      "queuectl dlq retry --all",
    ]);
    dlq.command("list", "Show the dead jobs, oldest first", [
      "queuectl dlq list",
      "queuectl dlq list --json",
    ])
      .option("--limit <n>", "at most so many")
      .runs(async () => (await import("./commands/dlq.ts")).dlqList);
    dlq.command("show <id>", "Show a dead job in full, with its attempts", ["queuectl dlq show job1"])
      .runs(async () => (await import("./commands/dlq.ts")).dlqShow);
    dlq.command("retry [id...]", "Run dead jobs again, now", [
      "queuectl dlq retry job1",
      "queuectl dlq retry --all",
    ])
      .option("--all", "all dead jobs")
      .option("--reset-attempts", "begin with attempts 0, which is the default")
      .option("--keep-attempts", "keep the count, and grant one more attempt")
      .runs(async () => (await import("./commands/dlq.ts")).dlqRetry);
    dlq.command("clear", "Delete the dead jobs and their output", ["queuectl dlq clear --yes"])
      .option("-y, --yes", "don't ask")
      .runs(async () => (await import("./commands/clear.ts")).dlqClear);
  },

  "worker": (program) => {
    const worker = program.group("worker", "The processes that run jobs", [
      "queuectl worker start --count 3",
      "queuectl worker stop",
    ]);
    worker.command("start", "Start workers", [
      "queuectl worker start --count 3",
      "queuectl worker start --queue reports --concurrency 4",
      "queuectl worker start --foreground",
      "queuectl worker start --drain",
    ])
      .option("-c, --count <n>", "how many processes; 1 if absent")
      .option("--concurrency <n>", "how many jobs each runs at once; 1 if absent")
      .option("-q, --queue <queue...>", "serve only these queues")
      .option("--foreground", "stay until they are stopped (QUEUECTL_FOREGROUND=1)")
      .option("--daemon", "in the background, which is the default")
      .option("--drain", "stay until nothing is left, as drain does; with --daemon in the background")
      .option("--horizon <time>", "with --drain: wait for jobs scheduled within this time; 10m if absent")
      .runs(async () => {
        const [{ workerStart }, { drain }] = [
          await import("./commands/worker.ts"),
          await import("./commands/drain.ts"),
        ];
        return (context, operands, flags) =>
          flags.drain && !flags.daemon
            ? drain(context, operands, flags)
            : workerStart(context, operands, flags);
      });
    worker.command("stop [id...]", "Stop workers, after the jobs that they run", [
      "queuectl worker stop",
      "queuectl worker stop 2 --timeout 30s",
      "queuectl worker stop --force",
    ])
      .option("--force", "end the commands; their jobs go back to pending")
      .option("--timeout <time>", "after this long, as with --force")
      .runs(async () => (await import("./commands/worker.ts")).workerStop);
    for (const name of ["list", "status"]) {
      worker.command(name, "Show the workers and what they run", [`queuectl worker ${name}`])
        .runs(async () => (await import("./commands/worker.ts")).workerList);
    }
  },

  "config": (program) => {
    const config = program.group("config", "The configuration", [
      "queuectl config list",
      "queuectl config set max_retries 5",
    ]);
    config.command("set <key> <value>", "Change a value", [
      "queuectl config set max_retries 5",
      "queuectl config set backoff-base 1.5",
    ])
      .runs(async () => (await import("./commands/config.ts")).configSet);
    config.command("get <key>", "Print a value", ["queuectl config get max_retries"])
      .runs(async () => (await import("./commands/config.ts")).configGet);
    for (const name of ["list", "show"]) {
      config.command(name, "Show all keys with their values, defaults and meanings", [
        `queuectl config ${name}`,
      ])
        .runs(async () => (await import("./commands/config.ts")).configList);
    }
    config.command("reset <key>", "Go back to the default", ["queuectl config reset max_retries"])
      .runs(async () => (await import("./commands/config.ts")).configReset);
  },

  "completions": (program) =>
    program.command("completions <shell>", "Print what makes a shell complete commands, flags and ids", [
      `eval "$(queuectl completions bash)"`,
      "queuectl completions fish > ~/.config/fish/completions/queuectl.fish",
    ])
      .note("\nShells: bash, zsh, fish, powershell")
      .runs(async () => (await import("./commands/completions.ts")).completions),

  "web": (program) =>
    program.command("web", "Serve the dashboard and its API, until Ctrl-C", [
      "queuectl web --open",
      "queuectl web --port 8080 --read-only",
      "queuectl web --host 0.0.0.0 --allow-host queue.example.com",
    ])
      .alias("dashboard")
      .option("--host <host>", "where to listen; 127.0.0.1, this machine alone, if absent")
      .option("--port <port>", "5000 if absent; 0 for any that is free")
      .option("--open", "open it in the browser")
      .option("--read-only", "make no change possible")
      .option("--token-file <file>", "where the token is kept (QUEUECTL_WEB_TOKEN is the token itself)")
      .option("--allow-host <name>", "one more name under which it may be asked; may be repeated", collect)
      .runs(async () => (await import("./commands/web.ts")).web),

  "init-db": (program) =>
    program.command("init-db", "Create the store, which other commands do by themselves", [
      "queuectl init-db",
    ])
      .runs(async () => (await import("./commands/init_db.ts")).initDb),
};

/** Other names of commands, which a word of a command line may be, too. */
const ALIASES: ReadonlyMap<string, string> = new Map([["dashboard", "web"]]);

/** Describes all commands. */
export function describeAll(program: Describing): void {
  for (const describe of Object.values(COMMANDS)) describe(program);
}

/** Describes those commands whose names are among the words of a command line. */
export function describeMentioned(program: Describing, words: readonly string[]): void {
  const names = new Set(words.map((word) => ALIASES.get(word) ?? word));
  for (const name of names) if (Object.hasOwn(COMMANDS, name)) COMMANDS[name]!(program);
}

import assert from "node:assert/strict";
import { denoDir, start } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { isInstalled, programInPath, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { waitFor } from "../harness/wait_for.ts";

/** Every command that the help names, with the groups' own. */
async function allCommands(home: TemporaryHome, command: readonly string[] = []): Promise<string[][]> {
  const help = await home.run(...command, "--help");
  const listed = help.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "";
  const names = [...listed.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name!).filter((name) =>
    name !== "help"
  );
  const below = await Promise.all(names.map((name) => allCommands(home, [...command, name])));
  return [[...command], ...below.flat()];
}

async function examplesOf(home: TemporaryHome, command: readonly string[]): Promise<string[]> {
  const examples = (await home.run(...command, "--help")).split("\nExamples:\n")[1] ?? "";
  return examples.split("\n\n")[0]!.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** A home in which the jobs of the examples exist: `job1` and `job2`, both dead after two attempts. */
async function prepare(home: TemporaryHome): Promise<void> {
  const command = 'echo "attempt $QUEUECTL_ATTEMPT"; echo oops >&2; exit 1';
  await home.enqueue(...["job1", "job2"].map((id) => ({ id, command, max_retries: 2, backoff_base: 0 })));
  await home.startWorkers(1);
  for (const id of ["job1", "job2"]) await home.untilJob(id, "dead");
  await home.run("worker", "stop");
}

/** What must be so before an example makes sense, besides a home that is prepared. */
const STAGES: readonly [RegExp, (home: TemporaryHome) => Promise<unknown>][] = [
  [/^queuectl enqueue/, (home) => home.run("clear", "--yes")],
  [/^queuectl cancel/, (home) => home.run("retry", "job1", "job2")],
  [/^queuectl worker stop/, (home) => home.startWorkers(2)],
  [/^queuectl wait/, async (home) => {
    await home.run("clear", "--yes");
    await home.enqueue(...["job1", "job2"].map((id) => ({ id, command: "true", queue: "builds" })));
    await home.startWorkers(1);
  }],
];

/** What the examples call, and the folders that they write to. */
async function furnish(home: TemporaryHome): Promise<void> {
  for (const folder of [".config/fish/completions", "reports"]) {
    await Deno.mkdir(`${home.dir}/${folder}`, { recursive: true });
  }
  await Deno.writeTextFile(`${home.dir}/jobs.ndjson`, '{"id": "from-file", "command": "true"}\n');
  for (const name of ["build.sh", "nightly.sh", "bin/make"]) {
    await Deno.writeTextFile(`${home.dir}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
  }
}

/** Examples that go on until somebody ends them. */
const ENDLESS = /^queuectl (top|status --watch|worker start --foreground|web)\b/;

/** Examples that are for the commands of jobs. */
const INSIDE_A_JOB = /^queuectl progress\b/;

/** Runs an example as a person would; returns what is wrong with it, null if nothing is. */
async function complaintAbout(example: string, template: TemporaryHome): Promise<string | null> {
  let complaint: string | null = null;
  await TemporaryHome.use(async (home) => {
    await new Deno.Command("cp", { args: ["-a", `${template.dir}/.`, home.dir] }).output();
    const bin = await programInPath(home);
    await furnish(home);
    for (const [pattern, stage] of STAGES) if (pattern.test(example)) await stage(home);
    if (ENDLESS.test(example)) return await assertEndless(home, example);
    if (INSIDE_A_JOB.test(example)) return await assertWorksInJob(home, { example, bin });
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-ec", example],
      cwd: home.dir,
      env: {
        ...{ PATH: `${bin}:${Deno.env.get("PATH")}`, HOME: home.dir, DENO_DIR: denoDir(), NO_COLOR: "1" },
        ...{ QUEUECTL_HOME: home.dir, QUEUECTL_DB: "", QUEUECTL_FOREGROUND: "" },
      },
      stdin: "null",
    }).output();
    if (code !== 0) complaint = `${example} exited with ${code}: ${new TextDecoder().decode(stderr)}`;
  });
  return complaint;
}

async function assertWorksInJob(
  home: TemporaryHome,
  { example, bin }: { example: string; bin: string },
): Promise<void> {
  const env = { PATH: `${bin}:${Deno.env.get("PATH")}` };
  await home.enqueue({ id: "inside", command: example, env, max_retries: 1 });
  await home.startWorkers(1);
  await home.untilJob("inside", "completed");
}

async function assertEndless(home: TemporaryHome, example: string): Promise<void> {
  if (example.startsWith("queuectl web")) return await assertServes(home, example);
  if (example.includes("worker")) {
    const child = start(home.dir, example.split(" ").slice(1));
    await waitFor("a worker", async () => (await home.json("status")).active_workers > 0);
    child.kill("SIGTERM");
    const [{ code }] = await Promise.all([child.output(), child.stdin.close()]);
    return assert.equal(code, 0, example);
  }
  if (!await isInstalled("tmux")) return;
  const bin = await programInPath(home);
  const shell = ["env", `PATH=${bin}:${Deno.env.get("PATH")}`, "/bin/sh", "-c"];
  await TmuxTerminal.use(
    home,
    [...shell, `${example}; echo "exit status $?"; exec cat`],
    {},
    async (terminal) => {
      await terminal.until(/q quit/);
      await terminal.type("q");
      await terminal.until(/^exit status 0$/m);
    },
  );
}

/** The dashboard, but on a port that is free and for this machine alone. */
async function assertServes(home: TemporaryHome, example: string): Promise<void> {
  const words = example.replace("0.0.0.0", "127.0.0.1").replace(/ --port \d+/, "").split(" ").slice(1);
  const child = start(home.dir, [...words, "--port", "0"], { env: { BROWSER: "true" } });
  let said = "";
  const heard = [child.stdout, child.stderr].map(async (stream) => {
    for await (const bytes of stream) said += new TextDecoder().decode(bytes);
  });
  await waitFor("its address", () => said.includes("http://127.0.0.1:"));
  child.kill("SIGTERM");
  const { success } = await child.status;
  await Promise.all([...heard, child.stdin.close()]);
  assert.ok(success, `${example}: ${said}`);
}

Deno.test("--help: every example of every command works", () =>
  TemporaryHome.use(async (template) => {
    await prepare(template);
    const commands = await allCommands(template);
    assert.ok(commands.some((words) => words.join(" ") === "dlq retry"), "the help names no commands");
    const examples = new Set<string>();
    for (const command of commands) {
      const own = await examplesOf(template, command);
      assert.ok(own.length > 0, `${command.join(" ")} has no example`);
      for (const example of own) examples.add(example);
    }
    const complaints: string[] = [];
    for (const example of examples) {
      const complaint = await complaintAbout(example, template);
      if (complaint !== null) complaints.push(complaint);
    }
    assert.deepEqual(complaints, []);
  }));

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { shellJoin } from "../../src/core/shell_words.ts";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";
import { gate, openGate } from "./gate.ts";

const README = Deno.readTextFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)));

/** The code block of a recipe, as it stands in the README. */
function recipe(title: string): string {
  const section = README.split(/^## In pipelines$/m)[1]!.split(/^## /m)[0]!;
  const text = section.split(new RegExp(`^### ${title}$`, "m"))[1]?.split(/^### /m)[0];
  const block = /^```\w+\n([^]*?)^```$/m.exec(text ?? "")?.[1];
  assert.ok(block !== undefined, `the README has no recipe "${title}"`);
  return block;
}

/** The value of a key in YAML that is as plain as that of the recipes. */
function yamlValue(yaml: string, key: string): string {
  return new RegExp(`^ *(?:- )?${key}: (.*)$`, "m").exec(yaml)![1]!;
}

/** The lines that stand deeper than the line of `key`, without what they have in common before them. */
function yamlBlock(yaml: string, key: string): string[] {
  const lines = yaml.split("\n");
  const start = lines.findIndex((line) => line.trim().startsWith(`${key}:`));
  const depthOf = (line: string) => /^ */.exec(line)![0].length;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => depthOf(line) <= depthOf(lines[start]!));
  const block = rest.slice(0, end === -1 ? undefined : end).filter((line) => line.trim() !== "");
  return block.map((line) => line.slice(depthOf(block[0]!)));
}

/** Writes files into a folder that is left with the home; a script may be executed. */
async function write(home: TemporaryHome, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = `${home.dir}/${name}`;
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, text, { mode: 0o700 });
  }
}

/** The surroundings of a recipe: `queuectl` is on the PATH. */
async function surroundings(home: TemporaryHome) {
  await write(home, { "bin/queuectl": `#!/bin/sh\nexec ${shellJoin(programCommand())} "$@"\n` });
  return { PATH: `${home.dir}/bin:${Deno.env.get("PATH")}`, QUEUECTL_HOME: home.dir, QUEUECTL_DB: "" };
}

/** Runs a script as a CI system does, which ends it at the first command that fails. */
async function runScript(home: TemporaryHome, script: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-ec", script],
    ...{ cwd: home.dir, env: { ...await surroundings(home), ...env }, stdin: "null" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

Deno.test("recipe GitHub Actions: runs a batch, with its report, its summary and its annotations", () =>
  TemporaryHome.use(async (home) => {
    const yaml = recipe("GitHub Actions");
    const script = yamlBlock(yaml, "run").join("\n");
    const env = {
      QUEUECTL_HOME: yamlValue(yaml, "QUEUECTL_HOME").replace("${{ runner.temp }}", home.dir),
      GITHUB_ACTIONS: "true",
      GITHUB_STEP_SUMMARY: `${home.dir}/step.md`,
    };
    await write(home, { "batch/one.sh": "echo first", "batch/two.sh": "echo second" });
    const good = await runScript(home, script, env);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^::group::✓ one completed/m);
    assert.match(await Deno.readTextFile(env.GITHUB_STEP_SUMMARY), /^### ✅ Drained 2 job\(s\)/);
    assert.match(await Deno.readTextFile(`${home.dir}/${yamlValue(yaml, "path")}`), /<testcase name="two"/);

    await Deno.remove(env.QUEUECTL_HOME, { recursive: true });
    await write(home, { "batch/two.sh": "echo sorry >&2; exit 3" });
    const bad = await runScript(home, script, env);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^::error title=Job two died::exited with 3: sorry$/m);
  }));

Deno.test("recipe GitLab: runs jobs from a file, and leaves the report that it names", () =>
  TemporaryHome.use(async (home) => {
    const yaml = recipe("GitLab");
    const script = yamlBlock(yaml, "script").map((line) => line.replace(/^- /, "")).join("\n");
    const env = { QUEUECTL_HOME: yamlValue(yaml, "QUEUECTL_HOME").replace("$CI_PROJECT_DIR", home.dir) };
    const jobs = [{ id: "a", command: "true" }, { id: "b", command: "false", max_retries: 1 }];
    await write(home, { "jobs.ndjson": jobs.map((job) => JSON.stringify(job)).join("\n") });
    const { code, stdout } = await runScript(home, script, env);
    assert.equal(code, 1);
    assert.match(stdout, /✗ b died/);
    assert.match(
      await Deno.readTextFile(`${home.dir}/${yamlValue(yaml, "junit")}`),
      /<failure message="exited with 1"/,
    );
  }));

Deno.test("recipe Makefile: the target runs a job for each file, and fails if one does", () =>
  TemporaryHome.use(async (home) => {
    const files = { "images/a.txt": "A", "images/b.txt": "B" };
    await write(home, {
      ...files,
      Makefile: recipe("Makefile"),
      "thumbnail.sh": '#!/bin/sh\ncp "$1" "$1.small"\n',
    });
    const good = await runScript(home, "make thumbnails");
    assert.equal(good.code, 0, good.stderr);
    assert.equal(await Deno.readTextFile(`${home.dir}/images/b.txt.small`), "B");
    await home.run("config", "set", "max_retries", "1");
    await write(home, { "thumbnail.sh": "#!/bin/sh\nexit 1\n" });
    assert.equal((await runScript(home, "make thumbnails")).code, 2, "that is how make tells a failure");
  }));

Deno.test("recipe Cron: the line runs with what cron gives it, and prints what the command prints", () =>
  TemporaryHome.use(async (home) => {
    const [path, line] = recipe("Cron").trim().split("\n");
    const command = /^\S+ \S+ \S+ \S+ \S+ (.*)$/.exec(line!)![1]!;
    assert.ok(!command.includes("%"), "cron would take that for a newline");
    assert.match(path!, /^PATH=\/usr\/local\/bin:/);
    await write(home, { "bin/backup.sh": '#!/bin/sh\necho "saved in $PWD"\n' });
    const { PATH, QUEUECTL_HOME } = await surroundings(home);
    const { code, stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", command],
      ...{ cwd: home.dir, clearEnv: true, env: { PATH, QUEUECTL_HOME, HOME: Deno.env.get("HOME")! } },
    }).output();
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, `saved in ${home.dir}\n`]);
  }));

/** Starts a service by its words, and stops it while it runs a job: that is finished first. */
async function startAndStop(home: TemporaryHome, words: readonly string[], workers: number): Promise<void> {
  await home.enqueue({ id: "a", command: `${gate()}; echo finished` }, {
    id: "b",
    command: "true",
    priority: 9,
  });
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@"', "sh", ...words],
    ...{ cwd: "/", env: await surroundings(home), stdout: "null", stderr: "null" },
  }).spawn();
  await home.untilJob("a", "processing");
  await waitFor("all workers", async () => (await home.json("worker", "list")).length === workers);
  child.kill("SIGTERM");
  await waitFor("the worker to stop", async () => {
    const states: { state: string }[] = await home.json("worker", "list");
    return states.every(({ state }) => state === "stopping");
  });
  await openGate(home);
  assert.equal((await child.status).code, 0);
  assert.equal(await home.run("logs", "a"), "finished\n");
  assert.deepEqual(await home.processes(), []);
}

Deno.test("recipe systemd: the service runs jobs, and finishes them when it is stopped", () =>
  TemporaryHome.use(async (home) => {
    const unit = recipe("systemd");
    const words = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(" ");
    assert.equal(words[0], "/usr/local/bin/queuectl");
    await startAndStop(home, ["queuectl", ...words.slice(1)], 2);
  }));

Deno.test("recipe Container: the command runs jobs, and finishes them when the container is stopped", () =>
  TemporaryHome.use(async (home) => {
    const command: string[] = JSON.parse(/^CMD (.*)$/m.exec(recipe("Container"))![1]!);
    await startAndStop(home, command, 1);
  }));

Deno.test("recipe PowerShell: flags and standard input bring a job there whole", () =>
  TemporaryHome.use(async (home) => {
    // A POSIX shell reads these two lines as PowerShell does, but for the text before the pipe, which it takes as
    // a command; PowerShell prints it.
    const lines = recipe("PowerShell").trim().split("\n").map((line) => line.replace(/^(?=')/, "echo "));
    const { code, stderr } = await runScript(home, lines.join("\n"));
    assert.equal(code, 0, stderr);
    const jobs: { id: string; command: string }[] = await home.json("list");
    assert.deepEqual(jobs.map(({ id, command }) => [id, command]), [
      ["report", "echo 'the report of today'"],
      ["job1", "echo hello"],
    ]);
  }));

Deno.test("recipes: the README has no other ones, that nobody executes", () => {
  const section = README.split(/^## In pipelines$/m)[1]!.split(/^## /m)[0]!;
  const titles = [...section.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
  assert.deepEqual(titles, [
    "GitHub Actions",
    "GitLab",
    "Makefile",
    "Cron",
    "systemd",
    "Container",
    "PowerShell",
  ]);
});

/**
 * What nobody else may read: files and folders, command lines of our processes, logs and events.
 */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { programCommand } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { waitFor } from "../harness/wait_for.ts";

const SECRET = "s3cret-of-a-job-4711";

/** All below a folder, with their modes, as `d700 run` and `f600 queue.db`. */
function modesBelow(dir: string, prefix = ""): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) => {
    const mode = (Deno.lstatSync(`${dir}/${name}`).mode! & 0o7777).toString(8);
    const own = `${isDirectory ? "d" : "f"}${mode} ${prefix}${name}`;
    return isDirectory ? [own, ...modesBelow(`${dir}/${name}`, `${prefix}${name}/`)] : [own];
  });
}

/** Calls the program under a umask, given in octal. */
async function callUnder(umask: string, home: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", `umask ${umask} && exec "$@"`, "sh", ...programCommand(), ...args],
    env: { QUEUECTL_HOME: home, QUEUECTL_DB: "", NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

for (const umask of ["000", "022", "077"]) {
  Deno.test(`home: all files are 0600 and folders 0700 under the umask ${umask}, while workers work`, () =>
    TemporaryHome.use(async (home) => {
      const dir = `${home.dir}/parent/home`;
      const long = `: ${"x".repeat(130_000)}; ${HOLD}`; // goes through a file, which must be private, too
      await Deno.writeTextFile(`${home.dir}/jobs.json`, JSON.stringify([{ command: long, cwd: home.dir }]));
      await callUnder(umask, dir, ["enqueue", "--", "echo out; echo err >&2; exit 1"]);
      await callUnder(umask, dir, ["enqueue", "--file", `${home.dir}/jobs.json`]);
      await callUnder(umask, dir, ["worker", "start", "--concurrency", "2"]);
      try {
        await waitFor("the long job to run", () => Deno.stat(`${home.dir}/running`).catch(() => null));
        const modes = modesBelow(`${home.dir}/parent`);
        assert.deepEqual(modes.filter((line) => !/^(d700|f600) /.test(line)), []);
        // All kinds were there to be judged.
        for (
          const kind of [
            /^d700 home$/,
            /queue\.db-wal$/,
            /\d+-\d+\.out$/,
            /\.err$/,
            /worker-1\.log$/,
          ]
        ) {
          assert.ok(modes.some((line) => kind.test(line)), `no ${kind}: ${modes}`);
        }
        for (
          const kind of [
            /run\/wake$/,
            /run\/worker-.*\.lock$/,
            /run\/attempt-\d+\.sh$/,
            /^d700 home\/logs\/(\w+\/)?0$/,
          ]
        ) {
          assert.ok(modes.some((line) => kind.test(line)), `no ${kind}: ${modes}`);
        }
      } finally {
        await Deno.writeTextFile(`${home.dir}/gate`, "");
        await callUnder(umask, dir, ["worker", "stop", "--force"]);
      }
    }));
}

/** Waits in the job until the test opens its gate. */
const HOLD = ": >running; while [ ! -e gate ]; do sleep 0.02; done";

/** The command lines of all processes of this home. */
async function commandLines(home: TemporaryHome): Promise<string> {
  const pids = await home.processes();
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'for pid; do tr "\\0" " " <"/proc/$pid/cmdline"; echo; done', "sh", ...pids.map(String)],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

function rows(home: TemporaryHome, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(`${home.dir}/queue.db`, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** What the workers have told about themselves, wherever below `logs/` that is. */
async function workerLogs(home: TemporaryHome): Promise<string> {
  const logs = `${home.dir}/logs`;
  const paths = modesBelow(logs).map((line) => line.split(" ")[1]!).filter((path) =>
    /worker-\d+\.log$/.test(path)
  );
  assert.ok(paths.length > 0, "there are worker logs");
  return (await Promise.all(paths.map((path) => Deno.readTextFile(`${logs}/${path}`)))).join("");
}

Deno.test("secrets: a job's variables and its claim's token show up in no command line, log or event", () =>
  TemporaryHome.use(async (home) => {
    // They fail at first, so that errors and retries are written, too.
    const command = `${HOLD}; [ "$QUEUECTL_ATTEMPT" -gt 1 ]`;
    await home.startWorkers(2);
    // With $$ it has a shell of its own, with a command line that can be seen.
    await home.enqueue({
      id: "a",
      command: `: $$; ${command}`,
      cwd: home.dir,
      env: { PASSWORD: SECRET },
      backoff_base: 0,
    });
    await waitFor("the job to run", () => Deno.stat(`${home.dir}/running`).catch(() => null));
    const [{ claim_token: token }] = rows(home, "SELECT claim_token FROM jobs") as [{ claim_token: string }];
    assert.match(token, /^[0-9a-f-]{36}$/);
    const seen = await commandLines(home);
    assert.match(seen, /gate/, "the command's own line was seen");
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    await home.untilJob("a", "completed");
    await home.run("worker", "stop");
    const events = JSON.stringify(rows(home, "SELECT * FROM events"));
    const attempts = JSON.stringify(rows(home, "SELECT * FROM attempts"));
    const places = { seen, events, attempts, logs: await workerLogs(home) };
    for (const [place, text] of Object.entries(places)) {
      assert.ok(!text.includes(SECRET), `a variable's value is in ${place}`);
      assert.ok(!text.includes(token), `a claim's token is in ${place}`);
    }
  }));

Deno.test("secrets: no view of a job or worker shows the token of a claim", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({ id: "a", command: HOLD, cwd: home.dir });
    await home.untilJob("a", "processing");
    const [{ claim_token: token }] = rows(home, "SELECT claim_token FROM jobs") as [{ claim_token: string }];
    for (const command of ["get a", "status a", "status", "list", "history a", "worker list", "dlq list"]) {
      for (const flags of [[], ["--json"]]) {
        assert.ok(!(await home.run(...command.split(" "), ...flags)).includes(token), command);
      }
    }
  }));

Deno.test("secrets: the variables of one job are not in the environment of another one", () =>
  TemporaryHome.use(async (home) => {
    await home.startWorkers(1);
    await home.enqueue({ id: "a", command: "true", env: { PASSWORD: SECRET } }, { id: "b", command: "env" });
    await home.untilJob("b", "completed");
    assert.ok(!(await home.run("logs", "b")).includes(SECRET));
  }));

Deno.test("command: it inherits none of the variables that are about its worker", () =>
  TemporaryHome.use(async (home) => {
    const env = {
      ...{ QUEUECTL_ATTEMPT_ID: "0123456789abcdef-999", QUEUECTL_JOB_ID: "other", QUEUECTL_TOKEN: SECRET },
      ...{ QUEUECTL_BACKGROUND: "1", QUEUECTL_DEBUG: "1", QUEUECTL_FOREGROUND: "0" },
    };
    assert.equal((await home.call(["worker", "start"], { env })).code, 0);
    await home.enqueue({ id: "a", command: "env | grep ^QUEUECTL_ | sort" });
    await home.untilJob("a", "completed");
    const printed = await home.run("logs", "a", "--stdout");
    const names = printed.trim().split("\n").map((line) => line.split("=")[0]);
    const allowed = ["ATTEMPT", "ATTEMPT_ID", "DB", "HOME", "JOB_ID", "QUEUE"].map((name) =>
      `QUEUECTL_${name}`
    );
    assert.deepEqual(names, allowed);
    assert.match(printed, /^QUEUECTL_JOB_ID=a$/m);
    assert.ok(!printed.includes(SECRET) && !printed.includes("-999"));
  }));

Deno.test("command: of several jobs at once none has a descriptor of the worker or of another job", () =>
  TemporaryHome.use(async (home) => {
    const list = 'for fd in /proc/$$/fd/*; do readlink "$fd"; done';
    const jobs = Array.from({ length: 6 }, (_, index) => ({
      id: `job${index}`,
      command: `${list}; : >"up-${index}"; while [ ! -e gate ]; do sleep 0.02; done`,
      cwd: home.dir,
    }));
    // What the test itself was given from outside everything inherits.
    const plain = await new Deno.Command("/bin/sh", { args: ["-c", list], stdin: "null" }).output();
    const given = new TextDecoder().decode(plain.stdout).split("\n");
    await home.startWorkers(1, "--concurrency", "6");
    await home.enqueue(...jobs);
    for (let index = 0; index < 6; index++) {
      await waitFor(`job ${index}`, () => Deno.stat(`${home.dir}/up-${index}`).catch(() => null));
    }
    await Deno.writeTextFile(`${home.dir}/gate`, "");
    for (const { id } of jobs) {
      await home.untilJob(id, "completed");
      const own = (await home.run("logs", id, "--path")).trim().split("\n");
      const open = (await home.run("logs", id, "--stdout")).trim().split("\n");
      // The shell itself may have opened its folder of descriptors to list it.
      const foreign = open.filter((path) =>
        !given.includes(path) && !own.includes(path) && !/\/fd$/.test(path)
      );
      assert.deepEqual(foreign, []);
    }
  }));

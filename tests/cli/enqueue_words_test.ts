import assert from "node:assert/strict";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { untilStates } from "./every_state.ts";

Deno.test("enqueue --: each word reaches the command exactly as it was typed", () =>
  TemporaryHome.use(async (home) => {
    const words = [
      ...["plain", "two words", "it's", '"double"', "$HOME", "`id`", "$(id)", "*", "a\\b", "tab\there"],
      ...[
        "line\nbreak",
        "",
        "ünï → 😀 日本",
        ";true",
        "#no comment",
        "!x",
        "-n",
        "--id",
        "~",
        "a=b",
        "{x,y}",
        "'",
      ],
    ];
    await home.run("enqueue", "--id", "words", "--", "printf", "[%s]\\n", ...words);
    await home.startWorkers(1);
    await home.untilJob("words", "completed");
    assert.equal(await home.run("logs", "words"), words.map((word) => `[${word}]\n`).join(""));
  }));

Deno.test("enqueue --: one word is a command line for the shell", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", "--id", "line", "--", "echo $((1 + 2)) | tr 3 4 && echo 'a b'");
    await home.startWorkers(1);
    await home.untilJob("line", "completed");
    assert.equal(await home.run("logs", "line"), "4\na b\n");
  }));

Deno.test("enqueue --: flags before the dashes are queuectl's, those behind are the command's", () =>
  TemporaryHome.use(async (home) => {
    const args = [
      "enqueue",
      "--id",
      "a",
      "-p",
      "2",
      "--",
      "git",
      "log",
      "--max_count",
      "--json",
      "--",
      "file",
    ];
    assert.equal(await home.run(...args), "Enqueued job a\n");
    const job = await home.json("get", "a");
    assert.equal(job.command, "git log --max_count --json -- file");
    assert.equal(job.priority, 2);
  }));

Deno.test("enqueue: quotes, dollars, newlines and unicode reach the shell unchanged", () =>
  TemporaryHome.use(async (home) => {
    const command = "x='a b'; cat <<END\n\"$x\" it's ünï → 😀\n\\$x\nEND\nprintf '%s\\n' \"${x#a }\"";
    await home.run("enqueue", JSON.stringify({ id: "json", command }));
    await home.run("enqueue", "--id", "flag", "--command", command);
    await home.startWorkers(1, "--concurrency", "2");
    await untilStates(home, { json: "completed", flag: "completed" });
    const expected = '"a b" it\'s ünï → 😀\n$x\nb\n';
    assert.equal(await home.run("logs", "json"), expected);
    assert.equal(await home.run("logs", "flag"), expected);
  }));

Deno.test("enqueue: the command gets the job's directory, variables, id and attempt", () =>
  TemporaryHome.use(async (home) => {
    await Deno.mkdir(`${home.dir}/place`);
    await home.run(
      ...["enqueue", "--id", "surroundings", "--cwd", "place", "--env", "GREETING=it's $5 = ünï"],
      ...["--command", 'pwd; echo "$GREETING"; echo "$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT"'],
    );
    await home.startWorkers(1);
    await home.untilJob("surroundings", "completed");
    const printed = await home.run("logs", "surroundings");
    assert.equal(printed, `${home.dir}/place\nit's $5 = ünï\nsurroundings 1\n`);
  }));

Deno.test("enqueue: a command of 1 MB runs", () =>
  TemporaryHome.use(async (home) => {
    const text = "0123456789abcdef".repeat(65_536);
    const command = `cat <<END\n${text}\nEND`;
    const stdin = JSON.stringify({ id: "long", command });
    assert.equal((await home.call(["enqueue", "-"], { stdin })).code, 0);
    await home.startWorkers(1);
    await home.untilJob("long", "completed");
    assert.ok(await home.run("logs", "long") === `${text}\n`, "the output is not the text of the command");
    assert.ok((await home.json("get", "long")).command === command, "the stored command has changed");
  }));

Deno.test("enqueue: a directory that has gone fails the attempt and names it", () =>
  TemporaryHome.use(async (home) => {
    await home.run("enqueue", "--id", "a", "--cwd", "gone", "--max-retries", "1", "--command", "true");
    await home.startWorkers(1);
    const job = await home.untilJob("a", "dead");
    assert.match(job.last_error, new RegExp(`directory.*${home.dir}/gone`));
  }));

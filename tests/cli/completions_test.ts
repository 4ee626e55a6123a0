import assert from "node:assert/strict";
import { denoDir } from "../harness/program.ts";
import { TemporaryHome } from "../harness/temporary_home.ts";
import { programInPath, testWith, TmuxTerminal } from "../harness/tmux_terminal.ts";
import { assertRefused } from "./refusal.ts";

const BREAKS = ` \t\n"'@><=;|&(:`;

/** The candidates for the last of `words`, and what the shell has to complete itself. */
async function candidates(home: TemporaryHome, ...words: string[]) {
  const answer = (await home.run("__complete", "words", String(words.length), ...words)).trimEnd().split(
    "\n",
  );
  return { byShell: answer[0], words: answer.slice(1).map((line) => line.split("\t")[0]) };
}

async function wordsFor(home: TemporaryHome, ...words: string[]): Promise<(string | undefined)[]> {
  return (await candidates(home, ...words)).words;
}

Deno.test("__complete: commands and their groups' commands", () =>
  TemporaryHome.use(async (home) => {
    assert.deepEqual(await wordsFor(home, "hi"), ["history"]);
    assert.ok((await wordsFor(home, "")).includes("enqueue"));
    assert.deepEqual(await wordsFor(home, "dlq", "re"), ["retry"]);
    assert.deepEqual(await wordsFor(home, "--home", "/x", "worker", "sto"), ["stop"]);
    assert.deepEqual(await wordsFor(home, "help", "conf"), ["config"]);
    assert.ok(!(await wordsFor(home, "")).includes("__complete"));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(home.dir)), [], "it created something");
  }));

Deno.test("__complete: flags of the command and those of all, with their meanings", () =>
  TemporaryHome.use(async (home) => {
    assert.deepEqual(await wordsFor(home, "list", "--s"), ["--state", "--search"]);
    assert.ok((await wordsFor(home, "list", "--")).includes("--json"));
    assert.ok(!(await wordsFor(home, "enqueue", "--timeout-")).includes("--timeout-seconds"), "it is hidden");
    const answer = await home.run("__complete", "words", "2", "clear", "--older");
    assert.equal(answer, "nothing\n--older-than\tonly jobs not touched for this long, such as 7d\n");
  }));

Deno.test("__complete: states, several with commas, keys, values, queues, shells", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue({ command: "true", queue: "mail" }, { command: "true", queue: "main" });
    assert.deepEqual(await wordsFor(home, "list", "--state", "p"), ["pending", "processing"]);
    assert.deepEqual(await wordsFor(home, "list", "--state=de"), ["--state=dead"]);
    assert.deepEqual(await wordsFor(home, "clear", "--state", "dead,c"), [
      "dead,completed",
      "dead,cancelled",
    ]);
    assert.deepEqual(await wordsFor(home, "config", "get", "max_"), [
      ...["max_retries", "max_backoff_seconds", "max_output_bytes"],
    ]);
    assert.deepEqual(await wordsFor(home, "config", "set", "scheduling-mode", ""), ["priority", "fifo"]);
    assert.deepEqual(await wordsFor(home, "list", "--queue", "ma"), ["mail", "main"]);
    assert.deepEqual(await wordsFor(home, "worker", "start", "--queue", "mail", "mai"), ["mail", "main"]);
    assert.deepEqual(await wordsFor(home, "enqueue", "-p", ""), ["low", "medium", "high"]);
    assert.deepEqual(await wordsFor(home, "completions", "f"), ["fish"]);
  }));

Deno.test("__complete: ids of jobs for which the command would do something", () =>
  TemporaryHome.use(async (home) => {
    await home.enqueue(...["job1", "job2", "x"].map((id) => ({ id, command: "true" })));
    await home.run("cancel", "job2");
    assert.deepEqual(await wordsFor(home, "get", "jo"), ["job1", "job2"]);
    assert.deepEqual(await wordsFor(home, "get", ""), ["x", "job2", "job1"]);
    assert.deepEqual(await wordsFor(home, "cancel", "jo"), ["job1"]);
    assert.deepEqual(await wordsFor(home, "retry", ""), ["job2"]);
    assert.deepEqual(await wordsFor(home, "dlq", "retry", ""), []);
    assert.deepEqual(await wordsFor(home, "cancel", "job1", ""), ["x"]);
    assert.deepEqual(await wordsFor(home, "get", "@"), ["@last"]);
    assert.deepEqual(await wordsFor(home, "get", "--json", "x", ""), []);
  }));

Deno.test("__complete: the store that --home and --db name before the word", () =>
  TemporaryHome.use(async (home) => {
    const other = `${home.dir}/other`;
    await home.run("--home", other, "enqueue", "--id", "there", "--", "true");
    assert.deepEqual(await wordsFor(home, "get", ""), []);
    assert.deepEqual(await wordsFor(home, "--home", other, "get", ""), ["there"]);
    assert.deepEqual(await wordsFor(home, "get", `--home=${other}`, ""), ["there"]);
    assert.deepEqual(await wordsFor(home, "--db", `${other}/queue.db`, "get", ""), ["there"]);
  }));

Deno.test("__complete: leaves files, folders and other commands to the shell", () =>
  TemporaryHome.use(async (home) => {
    assert.equal((await candidates(home, "enqueue", "--file", "")).byShell, "files");
    assert.equal((await candidates(home, "enqueue", "--cwd", "")).byShell, "folders");
    assert.equal((await candidates(home, "enqueue", "--id", "x", "--", "ma")).byShell, "command");
    assert.deepEqual(await candidates(home, "frobnicate", "x"), { byShell: "nothing", words: [] });
  }));

Deno.test("__complete: a store that can't be used has no ids, and nobody is told", () =>
  TemporaryHome.use(async (home) => {
    await Deno.writeTextFile(`${home.dir}/queue.db`, "this is no database, whatever its name says");
    const { code, stdout, stderr } = await home.call(["__complete", "words", "2", "get", ""]);
    assert.deepEqual([code, stdout, stderr], [0, "nothing\n", ""]);
  }));

Deno.test("__complete bash: words are written so that the line goes on with them", () =>
  TemporaryHome.use(async (home) => {
    const id = `it's a "job": $HOME`;
    await home.enqueue({ id, command: "true" });
    const replies: [string, string][] = [
      ["queuectl get it", `it\\'s\\ a\\ \\"job\\":\\ \\$HOME`],
      [`queuectl get "it`, `it's a \\"job\\": \\$HOME`],
      ["queuectl get 'it", `it'\\''s a "job": $HOME`],
      [`queuectl get it\\'s\\ a\\ \\"job\\":`, "\\ \\$HOME"],
      ["queuectl get @", "@last"],
      ["queuectl list --state=pe", "pending"],
    ];
    for (const [line, reply] of replies) {
      assert.equal(await home.run("__complete", "bash", line, BREAKS), `nothing\n${reply}\n`, line);
    }
  }));

Deno.test("completions: an unknown shell is refused with those there are", () =>
  TemporaryHome.use(async (home) => {
    assertRefused(await home.call(["completions", "tcsh"]), 2, /shell "tcsh"/);
    assert.equal(await home.run("completions", "pwsh"), await home.run("completions", "powershell"));
    assert.equal((await home.json("completions", "fish")).script, await home.run("completions", "fish"));
  }));

Deno.test("completions powershell: the script hands over the number of words and quotes what it inserts", () =>
  TemporaryHome.use(async (home) => {
    const script = await home.run("completions", "powershell");
    assert.match(script, /Register-ArgumentCompleter -Native -CommandName queuectl/);
    assert.match(script, /__complete words \(\$words\.Count \+ 1\) @words \$current/);
    assert.match(script, /\.Replace\("'", "''"\)/);
    const [open, close] = [script.match(/[({[]/g)!.length, script.match(/[)}\]]/g)!.length];
    assert.equal(open, close);
    // An empty last word that PowerShell has lost: the number of words tells that there was one.
    await home.enqueue({ id: "a", command: "true" });
    assert.match(await home.run("__complete", "words", "2", "get"), /^nothing\na\tpending: true\n$/);
  }));

/** How each shell is started without the user's own configuration, ready to complete. */
const START: Record<string, (bin: string) => { command: string[]; setup: string }> = {
  bash: () => ({
    command: ["bash", "--norc", "--noprofile", "-i"],
    setup: `PS1='$ '; bind 'set bell-style none'; eval "$(queuectl completions bash)"`,
  }),
  zsh: () => ({
    command: ["zsh", "-f", "-i"],
    setup: `PS1='$ '; unsetopt beep; eval "$(queuectl completions zsh)"`,
  }),
  fish: () => ({
    command: ["fish", "--no-config", "-i"],
    setup:
      `function fish_prompt; echo -n '$ '; end; function fish_right_prompt; end; queuectl completions fish | source`,
  }),
};

for (const [shell, start] of Object.entries(START)) {
  await testWith(
    ["tmux", shell],
    `completions ${shell}: the shell itself completes commands, flags, ids`,
    () =>
      TemporaryHome.use(async (home) => {
        await home.enqueue(
          { id: `it's odd: $1 "x"`, command: "true" },
          ...["job-one", "job-two"].map((id) => ({ id, command: "true", queue: "reports" })),
        );
        await Deno.writeTextFile(`${home.dir}/jobs.ndjson`, "");
        const bin = await programInPath(home);
        const { command, setup } = start(bin);
        const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, HOME: home.dir, XDG_CONFIG_HOME: home.dir };
        await TmuxTerminal.use(
          home,
          ["env", `DENO_DIR=${denoDir()}`, ...command],
          { env },
          async (terminal) => {
            const enter = async (line: string) => {
              await terminal.type(line);
              await terminal.press("Enter");
            };
            await enter(`${setup}; clear; echo rea""dy`);
            await terminal.until(/^ready$/m);
            /** Types, presses Tab, waits for the completed line, and clears it. */
            const completes = async (typed: string, line: string) => {
              await terminal.type(typed);
              await terminal.press("Tab");
              await terminal.until(new RegExp(`^\\$ ${RegExp.escape(line)} ?$`, "m"));
              await terminal.press("C-u");
            };
            await completes("queuectl hist", "queuectl history");
            await completes("queuectl list --sta", "queuectl list --state");
            await completes("queuectl list --state comp", "queuectl list --state completed");
            await completes("queuectl config get sched", "queuectl config get scheduling_mode");
            await completes("queuectl get job-t", "queuectl get job-two");
            await completes("queuectl get jo", "queuectl get job-");
            await completes("true | A=1 queuectl get job-t", "true | A=1 queuectl get job-two");
            await completes("queuectl get @l", "queuectl get @last");
            await completes("queuectl logs job-one job", "queuectl logs job-one job-two");
            await completes("queuectl wait -q rep", "queuectl wait -q reports");
            await completes("queuectl enqueue --file jobs.n", "queuectl enqueue --file jobs.ndjson");
            await completes("queuectl enqueue -- queuec", "queuectl enqueue -- queuectl");
            await enter("clear");
            // The odd id must come back whole when the completed line is run.
            for (const typed of ["queuectl --json get it", "queuectl --json get 'it"]) {
              await terminal.type(typed);
              await terminal.press("Tab");
              await terminal.until(/get '?it.+odd/);
              await terminal.press("Enter");
              await terminal.until(/"id": "it's odd: \$1 \\"x\\"",/);
              await enter("clear");
              await terminal.until(/^\$\s*$/);
            }
          },
        );
      }),
  );
}

await testWith(
  ["tmux", "bash"],
  "completions bash: a command that is in the path twice is offered once",
  () =>
    TemporaryHome.use(async (home) => {
      const folders = [await programInPath(home), `${home.dir}/more`];
      for (const folder of folders) {
        await Deno.mkdir(folder, { recursive: true });
        for (const name of ["twin-a", "twin-b"]) {
          await Deno.writeTextFile(`${folder}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
        }
      }
      const { command, setup } = START.bash!("");
      const env = { PATH: [...folders, Deno.env.get("PATH")].join(":"), HOME: home.dir };
      await TmuxTerminal.use(
        home,
        ["env", `DENO_DIR=${denoDir()}`, ...command],
        { env },
        async (terminal) => {
          await terminal.type(`${setup}; clear; echo rea""dy`);
          await terminal.press("Enter");
          await terminal.until(/^ready$/m);
          await terminal.type("queuectl run -- tw");
          await terminal.press("Tab");
          await terminal.until(/-- twin-$/m);
          await terminal.press("Tab", "Tab");
          await terminal.until(/^twin-a +twin-b$/m);
        },
      );
    }),
);

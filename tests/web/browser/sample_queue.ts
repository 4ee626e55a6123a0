/**
 * A queue as it looks after a day of work: for the pictures of the dashboard. What has ended is told to the store
 * with times in the past; what is under way really runs.
 */

import { waitFor } from "../../harness/wait_for.ts";
import type { TemporaryHome } from "../../harness/temporary_home.ts";
import { resolveHome } from "../../../src/home/home.ts";
import { SqliteStore } from "../../../src/store/sqlite.ts";
import { endAttempt, newJob, newWorker, refOf, request, SUCCEEDED } from "../../conformance/samples.ts";

const MINUTE_MS = 60_000;
const HISTORY_MS = 25 * MINUTE_MS;

/** What the past jobs were: id, command, queue, priority, and how long they took. */
const KINDS = [
  ["thumbnail", "convert -resize 320x320 $IN $OUT", "images", 0, 900],
  ["mail", "sendmail -t < outbox/$ID.eml", "mails", 5, 240],
  ["invoice", "./bin/invoice --customer $ID --pdf", "default", 3, 2100],
  ["webhook", "curl -fsS -X POST https://shop.example/hooks -d @event.json", "mails", 5, 600],
  ["search-index", "node scripts/index.js --since yesterday", "default", 0, 4300],
] as const;

const ERRORS = [
  "exited with 22: curl: (22) The requested URL returned error: 503",
  "exited with 1: Error: connect ECONNREFUSED 10.0.0.12:5432",
  "timed out after 30s",
  "exited with 127: /bin/sh: 1: convert: not found",
] as const;

/** The same numbers between 0 and 1 in the same order, each time. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  while (true) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Fills a new home with a past. */
export async function fillPast(home: TemporaryHome): Promise<void> {
  const path = resolveHome({ home: home.dir }).dbPath;
  await home.run("init-db");
  const store = await SqliteStore.open(path, { durability: "normal", lockTimeoutMs: 5000 });
  const random = numbers(7);
  const next = () => random.next().value;
  const pause = (at: number) => Math.ceil(400 + next() * 3600 * (1.4 + Math.sin((at - now) / 90_000)));
  const now = Date.now();
  try {
    const { id: workerId } = await store.registerWorker(newWorker(4711), now - HISTORY_MS);
    let number = 4100;
    for (let at = now - HISTORY_MS; at < now - 3000; at += pause(at)) {
      const [id, command, queue, priority, tookMs] = KINDS[Math.floor(next() * KINDS.length)]!;
      const job = newJob(`${id}-${number++}`, {
        command,
        queue,
        priority,
        runAt: at,
        cwd: "/srv",
        maxRetries: 1,
      });
      await store.enqueue([job], at);
      const claimed = await store.claim(request({ workerId }), at + 5);
      const endedAt = Math.min(now - 500, Math.ceil(at + tookMs * (0.6 + next())));
      const hasFailed = next() < (Math.sin((at - now) / 200_000) > 0.9 ? 0.3 : 0.025);
      const error = ERRORS[Math.floor(next() * ERRORS.length)]!;
      const exitCode = Number(/exited with (\d+)/.exec(error)?.[1] ?? NaN);
      const failed = {
        ...{ outcome: Number.isNaN(exitCode) ? "timed_out" : "failed", error } as const,
        ...{
          exitCode: Number.isNaN(exitCode) ? null : exitCode,
          signal: Number.isNaN(exitCode) ? "SIGTERM" : null,
        },
      };
      await endAttempt(store, refOf(claimed!), hasFailed ? failed : SUCCEEDED, {
        ...{ now: endedAt, maxBackoffMs: MINUTE_MS },
      });
    }
    await store.unregisterWorker(workerId, now - 1000);
  } finally {
    await store.close();
  }
}

/** One of many small jobs that come and go. */
export function passingJob(number: number): { readonly [key: string]: string | number } {
  const [id, , queue, priority] = KINDS[number % KINDS.length]!;
  const command = number % 19 === 0 ? "sleep 1; echo 'Error: connect ECONNREFUSED' >&2; exit 1" : "sleep 0.7";
  return { id: `${id}-${number}`, command, queue, priority, max_retries: 1, cwd: "/srv" };
}

/** The programs that the jobs under way call: each goes on until the home's file `gate` is there. */
const PROGRAMS = {
  deploy: String.raw`
printf '\033[1mdeploy %s\033[0m to \033[4m%s\033[0m\n\n' "$*" "$REGION"
printf '\033[36mvite v7.2.4\033[0m building for production...\n'
printf '\033[32m✓\033[0m 1482 modules transformed.\n'
printf 'dist/index.html                   \033[2m0.62 kB\033[0m\n'
printf 'dist/assets/\033[35mindex-4f1c.css\033[0m       \033[1m48.17 kB\033[0m \033[2m│ gzip:   9.80 kB\033[0m\n'
printf 'dist/assets/\033[36mvendor-9ab2.js\033[0m      \033[1m412.90 kB\033[0m \033[2m│ gzip: 128.11 kB\033[0m\n'
printf '\033[33m(!) Some chunks are larger than 400 kB.\033[0m\n'
printf '\033[31mwarning\033[0m src/cart.ts:41  unused export \033[4mlegacyTotal\033[0m\n' >&2
[ "$QUEUECTL_ATTEMPT" = 1 ] && { echo 'Error: upload failed: socket hang up' >&2; exit 1; }
echo 'queuectl:progress 64 Uploading 31 of 48 files'`,
  "backup-shop": "echo 'queuectl:progress 31 Copying /var/lib/shop'",
  "resize-photos": "echo 'photos/0001.jpg 4032x3024 → 1200x900'",
} as const;

/** Adds what is under way and to come, and starts workers. */
export async function fillPresent(home: TemporaryHome): Promise<void> {
  const bin = `${home.dir}/bin`;
  await Deno.mkdir(bin);
  for (const [name, script] of Object.entries(PROGRAMS)) {
    const wait = `until [ -e ${home.dir}/gate ]; do sleep 1; done`;
    await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${script}\n${wait}\n`, { mode: 0o700 });
  }
  const env = { NODE_ENV: "production", REGION: "eu-west" };
  await home.enqueue(
    {
      id: "deploy-212",
      command: "deploy web --version 212",
      cwd: "/srv",
      priority: 10,
      backoff_base: 3,
      env,
    },
    {
      id: "backup-shop",
      command: "backup-shop --to s3://backups/shop",
      queue: "backup",
      cwd: "/srv",
      priority: 9,
    },
    { id: "resize-photos", command: "resize-photos --width 1200 photos/*.jpg", queue: "images", cwd: "/srv" },
  );
  const path = `${bin}:${Deno.env.get("PATH")}`;
  const { code, stderr } = await home.call(["worker", "start", "--count", "2", "--concurrency", "2"], {
    env: { PATH: path },
  });
  if (code !== 0) throw new Error(stderr);
  await waitFor("all three to run", async () => {
    const attempts: { outcome: string }[] = await home.json("history");
    return attempts.filter(({ outcome }) => outcome === "running").length === 3;
  });
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS + 90_000).toISOString();
  const report = { queue: "reports", cwd: "/srv" };
  await home.enqueue(
    { id: "rotate-keys", command: "./bin/rotate-keys --all", run_at: inMinutes(4), cwd: "/srv" },
    { id: "report-daily", command: "./bin/report --day | mail ops", run_at: inMinutes(42), ...report },
    { id: "report-weekly", command: "./bin/report --week | mail ops", run_at: inMinutes(2900), ...report },
    { id: "sitemap", command: "node scripts/sitemap.js", run_at: inMinutes(14), cwd: "/srv" },
  );
}

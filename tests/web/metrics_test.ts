import assert from "node:assert/strict";
import { waitFor } from "../harness/wait_for.ts";
import { WebServer } from "./web_server.ts";

/** The samples of the text, by name and labels. Fails the test for a line that the format doesn't allow. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  assert.ok(text.endsWith("\n"));
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE ([a-z_]+) (?:counter|gauge|histogram)$/.exec(line);
    if (type !== null) typed.add(type[1]!);
    if (line.startsWith("#")) {
      assert.match(line, /^# (HELP|TYPE) [a-z_]+ ./);
      continue;
    }
    const sample = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\n"])*",?)+\})? (-?\d+(?:\.\d+)?(?:e-?\d+)?)$/
      .exec(line);
    assert.ok(sample !== null, line);
    assert.ok(typed.has(sample[1]!) || typed.has(sample[1]!.replace(/_(bucket|sum|count)$/, "")), line);
    assert.ok(!samples.has(`${sample[1]}${sample[2] ?? ""}`), `twice: ${line}`);
    samples.set(`${sample[1]}${sample[2] ?? ""}`, Number(sample[3]));
  }
  return samples;
}

Deno.test("metrics: jobs, attempts, lengths of time and workers are told as Prometheus reads them", () =>
  WebServer.use(async (web) => {
    const { headers } = await web.ask("/metrics");
    assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    await web.home.enqueue(
      { id: "good", command: "sleep 0.2" },
      { id: "bad", command: "false", max_retries: 1 },
      { id: "waits", command: "true", queue: 'a "q" \\ b' },
    );
    const before = samplesOf((await web.ask("/metrics")).text);
    assert.ok(before.get("queuectl_oldest_ready_seconds")! > 0);
    await web.home.startWorkers(1, "--queue", "default");
    await web.home.untilJob("bad", "dead");
    const samples = await waitFor("the ends", async () => {
      const told = samplesOf((await web.ask("/metrics")).text);
      return told.get("queuectl_attempt_duration_seconds_count") === 2 ? told : null;
    });
    const value = (name: string) => samples.get(name);
    assert.equal(value('queuectl_jobs{state="completed",queue="default"}'), 1);
    assert.equal(value('queuectl_jobs{state="dead",queue="default"}'), 1);
    assert.equal(value('queuectl_jobs{state="pending",queue="a \\"q\\" \\\\ b"}'), 1);
    assert.equal(value('queuectl_attempts_total{outcome="succeeded"}'), 1);
    assert.equal(value('queuectl_attempts_total{outcome="failed"}'), 1);
    assert.equal(value('queuectl_attempt_duration_seconds_bucket{le="0.1"}'), 1);
    assert.equal(value('queuectl_attempt_duration_seconds_bucket{le="+Inf"}'), 2);
    assert.ok(value("queuectl_attempt_duration_seconds_sum")! >= 0.2);
    assert.equal(value("queuectl_job_wait_seconds_count"), 2);
    assert.equal(value('queuectl_workers{state="idle"}'), 1);
  }));

Deno.test("healthz: needs no token and tells nothing but that the store can be read", () =>
  WebServer.use(async (web) => {
    const { status, json } = await web.ask("/healthz", { headers: {} });
    assert.deepEqual([status, json], [200, { status: "ok" }]);
  }));

import assert from "node:assert/strict";
import { join } from "node:path";
import { Turnstile } from "../../src/store/turnstile.ts";
import { inFolder } from "./temporary_disk.ts";

/** Passes `turnstile` and stays until `leave` is called; `entered` settles with whether it was first. */
function stayIn(turnstile: Turnstile) {
  const entered = Promise.withResolvers<boolean>();
  const leaving = Promise.withResolvers<void>();
  const passed = turnstile.pass((isFirst) => {
    entered.resolve(isFirst);
    return leaving.promise;
  });
  return { entered: entered.promise, leave: () => leaving.resolve(), passed };
}

Deno.test("Turnstile.pass: one at a time, each as soon as the one before has left", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db-turn");
    const first = stayIn(new Turnstile(path));
    assert.equal(await first.entered, true);
    const order: number[] = [];
    const others = [1, 2, 3].map((number) =>
      new Turnstile(path).pass(() => {
        order.push(number);
        return Promise.resolve();
      })
    );
    assert.deepEqual(order, []);
    first.leave();
    await Promise.all([first.passed, ...others]);
    assert.deepEqual(order.toSorted(), [1, 2, 3]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  }));

Deno.test("Turnstile.pass: whoever waits behind one that never leaves goes on without being first", () =>
  inFolder(async (dir) => {
    const path = join(dir, "queue.db-turn");
    const frozen = stayIn(new Turnstile(path));
    await frozen.entered;
    const other = stayIn(new Turnstile(path));
    assert.equal(await other.entered, false);
    other.leave();
    frozen.leave();
    await Promise.all([frozen.passed, other.passed]);
    // The wait that was given up has left nothing locked.
    const next = stayIn(new Turnstile(path));
    assert.equal(await next.entered, true);
    next.leave();
    await next.passed;
  }));

Deno.test("Turnstile.pass: where its file can't be made, work is done all the same", async () => {
  const turnstile = new Turnstile("/proc/no-such-folder/turn");
  assert.equal(await turnstile.pass((isFirst) => Promise.resolve(isFirst)), false);
});

Deno.test("Turnstile.isCrowded: whoever stands in line, or had to for long, does so again for a while", () =>
  inFolder(async (dir) => {
    const turnstile = new Turnstile(join(dir, "queue.db-turn"));
    assert.equal(turnstile.isCrowded, false);
    const standing = stayIn(turnstile);
    await standing.entered;
    const startedAt = performance.now();
    assert.equal(turnstile.isCrowded, true);
    while (performance.now() < startedAt + 100) await new Promise((resolve) => setTimeout(resolve, 1));
    standing.leave();
    await standing.passed;
    assert.equal(turnstile.isCrowded, true);
    while (turnstile.isCrowded) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.ok(performance.now() >= startedAt + 200, "as long again");
  }));

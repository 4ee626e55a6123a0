/**
 * Random bytes in a store's file, a file that was cut off, and files that are no store: the program must
 * say so or work on what is sound; it must neither crash nor make a new file in place of the old one.
 */

import type { Evidence } from "../evidence.ts";
import type { Ground, Tally } from "../ground.ts";
import { isClearRefusal, withStore } from "../store_look.ts";

/** How many files are damaged. */
export interface DamageSize {
  readonly files: number;
}

/** The sizes for CI and for a full run. */
export const DAMAGE_SIZES: { readonly small: DamageSize; readonly full: DamageSize } = {
  small: { files: 12 },
  full: { files: 250 },
};

const JOBS = 120;
const PAGE_BYTES = 4096;
/** How many are tried at the same time. */
const AT_ONCE = 2;

/** Damages copies of a store; throws, naming all, if the program answers any of them badly. */
export async function damagedFile(
  ground: Ground,
  size: DamageSize,
): Promise<{ evidence: Evidence; tally: Tally }> {
  const { dir } = ground.home;
  await ground.enqueue(Array.from({ length: JOBS }, (_, index) => ground.job(`sound-${index}`)));
  const sound = await Deno.readFile(`${dir}/queue.db`);
  const wrong: string[] = [];
  const answers = { refused: 0, worked: 0, misled: 0 };
  for (let first = 0; first < size.files; first += AT_ONCE) {
    const numbers = Array.from(
      { length: Math.min(AT_ONCE, size.files - first) },
      (_, index) => first + index,
    );
    const damaged = numbers.map(() => damage(ground, sound));
    await Promise.all(numbers.map(async (number, index) => {
      const home = `${dir}/damaged-${number}`;
      const { bytes, what } = damaged[index]!;
      await Deno.mkdir(home, { mode: 0o700 });
      await Deno.writeFile(`${home}/queue.db`, bytes, { mode: 0o600 });
      const answer = await tryOut(ground, home, (fault) => wrong.push(`${what}: ${fault}`));
      answers[answer]++;
      await Deno.remove(home, { recursive: true });
    }));
  }
  for (const text of ["short", "Dear Sir or Madam,\n".repeat(900), "\0".repeat(PAGE_BYTES)]) {
    await tryForeign(ground, new TextEncoder().encode(text), (fault) => wrong.push(`no database: ${fault}`));
  }
  tell(`damaged files: ${answers.refused} refused, ${answers.worked} worked on, of which`, answers.misled);
  if (wrong.length > 0) throw new Error(`A damaged file was answered badly:\n${wrong.join("\n")}`);
  await ground.home.startWorkers(1);
  await ground.untilDrained(120_000);
  await ground.home.run("worker", "stop");
  const evidence = await ground.evidence();
  return { evidence, tally: { jobs: evidence.jobs.length, faults: size.files, recoveriesMs: [] } };
}

function tell(text: string, misled: number): void {
  const end = `${misled} more listed other jobs than there were (SQLite keeps no checksums of pages)\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${text} ${end}`));
}

/**
 * A copy with random bytes somewhere, or cut off; one of five is hit on the first page, which says what it
 * is.
 */
function damage(ground: Ground, sound: Uint8Array): { bytes: Uint8Array; what: string } {
  if (ground.between(0, 9) === 0) {
    const length = ground.between(1, sound.length - 1);
    return { bytes: sound.slice(0, length), what: `cut off after ${length} bytes` };
  }
  const bytes = sound.slice();
  const places = Array.from({ length: ground.between(1, 3) }, () => {
    const page = ground.between(0, 4) === 0 ? 0 : ground.between(0, sound.length / PAGE_BYTES - 1);
    const offset = page * PAGE_BYTES + ground.between(0, PAGE_BYTES - 1);
    const length = Math.min([1, 16, 200, PAGE_BYTES][ground.between(0, 3)]!, sound.length - offset);
    for (let index = 0; index < length; index++) bytes[offset + index] = ground.between(0, 255);
    return `${length} at ${offset}`;
  });
  return { bytes, what: `random bytes, ${places.join(" and ")}` };
}

/** Uses a damaged store; tells what is wrong with the answers, and what they are. */
async function tryOut(
  ground: Ground,
  home: string,
  isWrong: (fault: string) => void,
): Promise<"refused" | "worked" | "misled"> {
  const db = `${home}/queue.db`;
  const before = await Deno.stat(db);
  let hasRefused = false;
  let listed: string[] | null = null;
  const calls = [["list", "--json"], ["status"], ["enqueue", "--id", "new", "--command", "true"], [
    "retry",
    "sound-1",
  ]];
  for (const args of calls) {
    const result = await ground.home.call(["--home", home, ...args]);
    if (result.code === 0) {
      if (args[0] === "list") listed = idsIn(result.stdout);
      if (args[0] === "enqueue" && !await holds(db, "new")) isWrong("enqueue: acknowledged and not stored");
    } else if (isClearRefusal(result, [3, 4, 5])) {
      hasRefused ||= result.code === 5;
    } else {
      isWrong(`${args[0]}: exited with ${result.code}: ${JSON.stringify(result.stderr)}`);
    }
  }
  const after = await Deno.stat(db);
  if (after.ino !== before.ino || after.size < before.size) isWrong("the file was made anew");
  if (hasRefused) return "refused";
  const isSame = listed?.length === JOBS && listed.every((id) => /^sound-\d+$/.test(id));
  return isSame ? "worked" : "misled";
}

function idsIn(json: string): string[] {
  try {
    return JSON.parse(json).map((job: { id: string }) => job.id);
  } catch {
    return [];
  }
}

/** True as well if it can't be told: what was stored may be unreadable for another reason. */
async function holds(db: string, id: string): Promise<boolean> {
  try {
    return await withStore(db, async (store) => await store.job(id) !== null);
  } catch {
    return true;
  }
}

/** Uses a file that is no database: every call must be refused and leave every byte as it is. */
async function tryForeign(
  ground: Ground,
  bytes: Uint8Array,
  isWrong: (fault: string) => void,
): Promise<void> {
  const path = `${ground.home.dir}/letter.txt`;
  await Deno.writeFile(path, bytes);
  for (const args of [["list"], ["init-db"], ["enqueue", "--command", "true"], ["worker", "start"]]) {
    const result = await ground.home.call([...args, "--db", path]);
    if (!isClearRefusal(result, [5])) {
      isWrong(`${args[0]}: exited with ${result.code}: ${JSON.stringify(result.stderr)}`);
    }
    const after = await Deno.readFile(path);
    if (after.length !== bytes.length || after.some((byte, index) => byte !== bytes[index])) {
      isWrong(`${args[0]}: changed the file`);
    }
  }
  await Deno.remove(path);
}

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import manifest from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a folder of `src` may import besides itself and packages. */
const ARROWS: Record<string, readonly string[]> = {
  core: [],
  store: ["core"],
  home: ["core"],
  worker: ["core", "home"],
  cli: ["core", "home"],
  web: ["core", "home"],
  demo: ["core", "store"],
};

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function sources(folder: string): Source[] {
  const found: Source[] = [];
  for (const entry of Deno.readDirSync(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...sources(path));
    else if (/\.[jt]s$/.test(path)) {
      const text = Deno.readTextFileSync(ROOT + path);
      found.push({ path, text, lines: text.trimEnd().split("\n") });
    }
  }
  return found;
}

const SRC = sources("src");
const TESTS = sources("tests");
const MAIN = { path: "main.ts", text: Deno.readTextFileSync(`${ROOT}main.ts`), lines: [] };

/** Matches of `pattern` in the code of these files, with the place; whole-line comments don't count. */
function occurrences(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const isComment = /^\s*(\/\/|\/?\*)/.test(line);
      return !isComment && pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [];
    })
  );
}

function importsOf({ path, text }: Source): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)]
    .map(([, target]) => new URL(target!, `file:///${path}`).pathname.slice(1));
}

Deno.test("tidy: calls flow cli, worker → core ← store, and only main.ts joins them", () => {
  const wrong = SRC.flatMap((file) => {
    const layer = file.path.split("/")[1]!;
    return importsOf(file)
      .filter((target) => target.startsWith("src/"))
      .map((target) => target.split("/")[1]!)
      .filter((target) => target !== layer && !ARROWS[layer]?.includes(target))
      .map((target) => `${file.path} imports from ${target}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("tidy: no module imports itself through others", () => {
  const graph = new Map([...SRC, MAIN].map((file) => [file.path, importsOf(file)]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `a circle: ${[...trail, path].join(" → ")}`);
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
});

Deno.test("tidy: the core is pure: no Deno, no node, no clock, no random", () => {
  const core = SRC.filter((file) => file.path.startsWith("src/core/"));
  assert.deepEqual(
    occurrences(core, /\bDeno\.|"node:|Date\.now\(|new Date\(\)|Math\.random|crypto\.|performance\./),
    [],
  );
});

Deno.test("tidy: only main.ts and the demonstration exit the process", () => {
  const files = SRC.filter((file) => !file.path.startsWith("src/demo/"));
  assert.deepEqual(occurrences(files, /Deno\.exit\(|process\.exit\(/), []);
});

Deno.test("tidy: no SQL is built from values", () => {
  const store = SRC.filter((file) => file.path.startsWith("src/store/"));
  // A template may insert constants in capitals, a condition with its own bound values, or fixed pragmas.
  const allowed =
    /\$\{(?:[A-Z_]+(?:\.length)?|sql|text|Array\(count\)[^}]*|column|BUSY_TIMEOUT_MS|this\.#options\.durability)\}/g;
  const statements = /`\s*(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA)[^`]*`/g;
  const wrong = store.flatMap(({ path, text }) =>
    [...text.matchAll(statements)].filter(([sql]) => sql.replaceAll(allowed, "").includes("${"))
      .map(([sql]) => `${path}: ${sql}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("tidy: files stay short enough to read at a sitting", () => {
  const long = [
    ...SRC.map((file) => ({ ...file, max: 400 })),
    ...TESTS.map((file) => ({ ...file, max: 600 })),
  ]
    .filter((file) => file.lines.length > file.max);
  assert.deepEqual(long.map((file) => `${file.path} has ${file.lines.length} lines`), []);
});

Deno.test("tidy: file names say what is in them", () => {
  const vague = /(^|\/)(utils?|common|helpers?|types|manager|misc|index|mod)\.ts$/;
  assert.deepEqual([...SRC, ...TESTS].map((file) => file.path).filter((path) => vague.test(path)), []);
  assert.deepEqual([...SRC, ...TESTS].map((file) => file.path).filter((path) => /[A-Z]|-/.test(path)), []);
});

Deno.test("tidy: nothing is left behind", () => {
  const markers = new RegExp(
    ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "not imp" + "lemented"].join("|"),
  );
  assert.deepEqual(occurrences([...SRC, ...TESTS], markers), []);
  assert.deepEqual(occurrences(TESTS, /\.only\(|only: (?=true)|ignore: (?=true)/), []);
  assert.deepEqual(occurrences(SRC, /console\.\w+\(/), []);
});

Deno.test("tidy: every module and every export is documented", () => {
  const silent = SRC.flatMap(({ path, lines }) => {
    const exports = lines.flatMap((line, index) => {
      const isExport = /^export (?!\{|\*|type \{)/.test(line);
      const before = lines.slice(0, index).findLast((earlier) =>
        !earlier.startsWith("// deno-lint-ignore")
      ) ?? "";
      return isExport && !before.trim().endsWith("*/") ? [`${path}:${index + 1}: ${line}`] : [];
    });
    return lines[0]!.startsWith("/**") ? exports : [`${path} has no header`, ...exports];
  });
  assert.deepEqual(silent, []);
});

Deno.test("tidy: every dependency has a row with its reason in the README", () => {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  const missing = Object.keys(manifest.imports).filter((name) =>
    !new RegExp(`^\\| \`${name}\` +\\|`, "m").test(readme)
  );
  assert.deepEqual(missing, []);
});

Deno.test("tidy: titles of tests are unique in their file", () => {
  const repeated = TESTS.flatMap(({ path, text }) => {
    const titles = [...text.matchAll(/Deno\.test\(\s*(?:\{\s*name: )?"([^"]+)"/g)].map(([, title]) => title!);
    return titles.filter((title, index) => titles.indexOf(title) !== index).map((title) =>
      `${path}: ${title}`
    );
  });
  assert.deepEqual(repeated, []);
});

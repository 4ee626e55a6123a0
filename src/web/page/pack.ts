/**
 * Puts all files of the page into one, for a program that is bundled: `deno task bundle` calls it with the path.
 */

import { ASSETS } from "./assets.ts";

const [path] = Deno.args;
if (path === undefined) throw new TypeError("The path of the file to write is missing");
Deno.writeTextFileSync(path, JSON.stringify([...ASSETS]));

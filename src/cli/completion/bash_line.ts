/**
 * A line of bash on its way to being completed: which words it has, and how a word must be written so that the
 * line goes on with it.
 *
 * Bash hands over what was typed with all quotes and backslashes, and inserts what it is given as it is, in
 * place of what it takes for the last word: that begins at an open quote, or behind the last character of
 * `COMP_WORDBREAKS`.
 */

/** The beginning of a line, up to the cursor. */
export interface BashLine {
  /** The words as the program would get them, its own name first. The last one, perhaps empty, is unfinished. */
  readonly words: readonly string[];
  /** The quote that is still open. */
  readonly quote: "" | "'" | '"';
  /** How many characters of the last word, as the program would get them, bash will leave as they are. */
  readonly kept: number;
}

/** Reads `line`; the shell's `COMP_WORDBREAKS` are `breaks`. Variables and the like stay as they are written. */
export function readBashLine(line: string, breaks: string): BashLine {
  const words: string[] = [];
  let word = "";
  let isInWord = false;
  let quote: BashLine["quote"] = "";
  let kept = 0;
  const characters = [...line];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index]!;
    if (quote !== "" && character === quote) {
      quote = "";
    } else if (quote === "'") {
      word += character;
    } else if (character === "\\" && escapes(characters[index + 1], quote)) {
      word += characters[++index] ?? "";
    } else if (quote === '"') {
      word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      kept = word.length;
    } else if (/\s/.test(character)) {
      if (isInWord) words.push(word);
      [word, isInWord, kept] = ["", false, 0];
      continue;
    } else {
      word += character;
      // What bash replaces begins behind such a character, but with an @, which it takes for a host's name.
      if (breaks.includes(character)) kept = character === "@" ? word.length - 1 : word.length;
    }
    isInWord = true;
  }
  return { words: [...words, word], quote, kept };
}

function escapes(next: string | undefined, quote: string): boolean {
  return quote === "" || (next !== undefined && '"\\$`'.includes(next));
}

/** `word`, which begins with the last one of `line`, as bash is to insert it. */
export function bashReply(word: string, line: BashLine): string {
  const rest = word.slice(line.kept);
  if (line.quote === "'") return rest.replaceAll("'", `'\\''`);
  if (line.quote === '"') return rest.replace(/["\\$`]/g, "\\$&");
  return rest.replace(/[^\p{L}\p{N}_@%+=:,./-]/gu, "\\$&");
}

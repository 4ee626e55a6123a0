/**
 * Words of a command line, quoted so that a POSIX shell reads them as they are.
 */

/** The command line that passes exactly these words. */
export function shellJoin(words: readonly string[]): string {
  return words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}

/** The call of a command, such as `dlq show`, about one job; an id that looks like a flag comes behind `--`. */
export function callFor(command: string, id: string): string {
  return shellJoin(["queuectl", ...command.split(" "), ...(id.startsWith("-") ? ["--"] : []), id]);
}

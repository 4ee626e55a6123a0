/**
 * A command as a line for a fork server, which runs it in a subshell.
 */

import type { CommandSpec } from "./running_command.ts";

/** Longer ones have a shell of their own: the line must find room in a pipe. */
const MAX_COMMAND_LENGTH = 4000;
const MAX_LINE_BYTES = 32_000;

/**
 * What would differ in a subshell of a shell that reads its input: `$$` and `$-`; an alias would count only for the
 * next line, `set -v` would print nothing, and `setsid` wouldn't fork. What is sourced or evaluated may hold these. A
 * subshell that handles SIGTERM couldn't be found by its attempt's cookie, as it has become no other program.
 * `;;`, `esac` and a backslash at the end would join it with what follows it here. A descriptor whose number only turns
 * out to be none when it is needed is told with the number of another line.
 */
const TELLTALE =
  /\$\{?(?:[$-]|\\\n)|\b(?:alias|eval|fc|setsid|trap)\b|(?:^|[\s;&|(){}!`"'])\.\s|\bset\b.*(?:v|V)|esac|;;|\\$|[<>]&(?![\d-](?:[\s;&|()<>]|$))/s;

/** The variables that mean something to a shell itself. */
const SHELL_VARIABLE = /^(?:IFS|OPTIND|PPID|PWD|OLDPWD|LINENO|ENV|PS\d|MAIL\w*|FUNCNAME|_)$/;

/** What a shell would write in another way when it goes there by itself. */
const UNUSUAL_PATH = /^\/proc\/|[^/]\/$|\/\.{0,2}\/|\/\.{1,2}$|\n/;

/** What a fork server and its subshells have in common. */
export interface CommonGround {
  /** The variables of the fork server. */
  readonly variables: Readonly<Record<string, string>>;
  /** The permissions that new files of commands don't get, in octal digits. */
  readonly umask: string;
}

/**
 * The line that makes a fork server run a command and then print its exit code. Null if the command could tell that
 * from a shell of its own. What it prints before that code says that it couldn't enter the directory or create the
 * files, or which signal ended it.
 */
export function subshellLine(spec: CommandSpec, ground: CommonGround): string | null {
  const [, flag, command = ""] = spec.args;
  if (flag !== "-c" || command.length > MAX_COMMAND_LENGTH || TELLTALE.test(command)) return null;
  const { cwd, stdout, stderr } = spec;
  const pwd = ground.variables.PWD ?? "";
  if ([cwd, pwd, stdout, stderr].some((path) => UNUSUAL_PATH.test(path))) return null;
  // What the shell has already its subshells have, too.
  const given = Object.entries(spec.env).filter(([name, value]) => ground.variables[name] !== value);
  // A line more would move the numbers of the command's own lines.
  if (
    given.some(([name, value]) => SHELL_VARIABLE.test(name) || /^\d|\W/.test(name) || value.includes("\n"))
  ) {
    return null;
  }
  const { OLDPWD } = ground.variables;
  const exported = [...given, ...(OLDPWD === undefined ? [] : [["OLDPWD", OLDPWD] as const])];
  const setUp = [
    ...enter(cwd, pwd),
    `exec </dev/null >>${quoted(stdout)} 2>>${quoted(stderr)}`,
    `umask ${ground.umask}`,
    ...(OLDPWD === undefined ? ["unset OLDPWD"] : []),
    ...(exported.length === 0
      ? []
      : [`export ${exported.map(([name, value]) => `${name}=${quoted(value)}`).join(" ")}`]),
  ];
  // Between backquotes a text is read as a whole, with lines of its own, but only up to a `)`, `}` or `fi` too many: to
  // be told of these it must be within something that nothing but `esac` can end.
  // Something must follow, or the subshell would become the program that is its last command.
  const text = `${setUp.join(";")};case x in x) ${command}\n;;esac;exit $?`;
  const line = `\`${text.replaceAll(/[\\`$]/g, "\\$&")}\`;echo $?\n`;
  return line.length * 3 > MAX_LINE_BYTES ? null : line;
}

/** A shell goes by the name that `PWD` has for its directory, if it is one. */
function enter(cwd: string, pwd: string): string[] {
  if (pwd === cwd) return [`cd -- ${quoted(cwd)}||exit`];
  const physically = `cd -P -- ${quoted(cwd)}||exit`;
  if (!pwd.startsWith("/")) return [physically];
  return [physically, `[ ${quoted(pwd)} -ef . ]&&cd -- ${quoted(pwd)}`];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

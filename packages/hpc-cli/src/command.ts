import type { Argv } from "yargs";
import type { ExitCode } from "./exit";
import type { Io } from "./io";

/** One command: its options, and what it does. `options` must also give at least one example. */
export interface Command<A> {
  /** yargs form: `restore [pattern..]`. */
  readonly usage: string;
  /** For the list of commands; false: it is not in it. */
  readonly describe: string | false;
  options(parser: Argv): Argv<A>;
  run(args: A, io: Io): Promise<ExitCode>;
}

/**
 * What the parser found: called once it has returned, so that a command may wait without the parser
 * knowing.
 */
export type Chosen = (io: Io) => Promise<ExitCode>;

/** Stands before what the parser must not look at. No argument of a process holds a NUL. */
const MARK = "\0";

/**
 * The command line as the parser takes it: it would drop words behind `--`, or take them for
 * options, and take quotation marks off. Words behind `--` go to the places behind the command's
 * name, so that no option takes one for its value.
 */
export function forParser(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const before = argv.slice(0, end < 0 ? argv.length : end);
  const words =
    end < 0 ? [] : argv.slice(end + 1).map((word) => (word.startsWith("-") ? MARK + word : word));
  const option = before.findIndex((word) => word.startsWith("-"));
  const names = option < 0 ? before.length : option;
  return [...before.slice(0, names), ...words, ...before.slice(names)].map((word) =>
    word.replace(/^(--[^=]*=)?(?=["'])/s, `$1${MARK}`),
  );
}

/** A text or texts of the parser's, as they were given. */
export function fromParser<T>(value: T): T {
  if (typeof value === "string") return value.replaceAll(MARK, "") as T;
  return Array.isArray(value) ? (value.map(fromParser) as T) : value;
}

/** Adds `command` to the parser; when the arguments name it, `choose` receives its run. */
export function addCommand<A>(
  parser: Argv,
  command: Command<A>,
  choose: (chosen: Chosen) => void,
): Argv {
  return parser.command({
    command: command.usage,
    describe: command.describe,
    builder: (inner: Argv) => command.options(inner),
    handler: (args) => {
      const given = Object.fromEntries(
        Object.entries(args).map(([name, value]) => [name, fromParser(value)]),
      );
      choose((io) => command.run(given as A, io));
    },
  });
}

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

/** What the parser found: called once it has returned, so that a command may wait without the parser knowing. */
export type Chosen = (io: Io) => Promise<ExitCode>;

/** Adds `command` to the parser; when the arguments name it, `choose` receives its run. */
export function addCommand<A>(parser: Argv, command: Command<A>, choose: (chosen: Chosen) => void): Argv {
  return parser.command({
    command: command.usage,
    describe: command.describe,
    builder: (inner: Argv) => command.options(inner),
    handler: (args) => choose((io) => command.run(args as A, io)),
  });
}

import { readdirSync, readFileSync } from "node:fs";
import yargs, { type Argv } from "yargs";
import { addCommand, type Chosen, forParser, fromParser } from "./command";
import { backup } from "./commands/backup";
import { bench } from "./commands/bench";
import { benchPart } from "./commands/bench-part";
import { doctor } from "./commands/doctor";
import { estimate } from "./commands/estimate";
import { genFileset } from "./commands/gen-fileset";
import { list } from "./commands/list";
import { plugin } from "./commands/plugin";
import { restore } from "./commands/restore";
import { restorePlan } from "./commands/restore-plan";
import { shardProbe } from "./commands/shard-probe";
import { verify } from "./commands/verify";
import { refuseRelative } from "./current-directory";
import { HpcError, reportOf, usageError } from "./errors";
import { type CancelSignal, Exit, type ExitCode, exitOfSignal } from "./exit";
import type { Io } from "./io";
import { mayRepeat } from "./options";
import { Output } from "./output";
import { isStdout } from "./stdout";
import { version } from "./version";

/** Codes of the libraries that say that the command line asks for something that does not exist. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "HPC_USAGE",
  "HPC_UNKNOWN_KEY",
  "HPC_BAD_VALUE",
  "HPC_NO_PATH",
  "HPC_BAD_PATTERN",
]);

/**
 * Kernel functions in which threads of a program wait for each other, for time, or for their
 * descriptors.
 */
const OWN_WAITS =
  /^(__)?(futex|do_futex|ep_poll|do_epoll|do_poll|poll_schedule|hrtimer|do_nanosleep|pipe_|anon_pipe|sigtimedwait|do_sigtimedwait|unix_|wait_woken|do_wait|rt_sig)/;

/**
 * Runs one command line and returns its exit code; prints its errors, and never throws.
 *
 * @param argv arguments after the program's name, from `rawArguments`
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const end = argv.indexOf("--");
  const options = end < 0 ? argv : argv.slice(0, end);
  const output = new Output(io, options.includes("--json"), writesArchiveToStdout(options));
  try {
    const parsed = parse(argv);
    if (typeof parsed === "function") return await parsed(io);
    io.stdout.write(`${parsed}\n`);
    return Exit.done;
  } catch (error) {
    return conclude(error, output, io);
  }
}

/**
 * A thread that waits for a filesystem in the kernel: in its stat, its state is D, or what it
 * sleeps in is no wait of a program's own.
 */
function hangsInKernel(): boolean {
  try {
    return readdirSync("/proc/self/task").some((thread) => {
      const wait = readFileSync(`/proc/self/task/${thread}/wchan`, "latin1");
      return !(wait === "0" || wait === "" || OWN_WAITS.test(wait));
    });
  } catch {
    return false;
  }
}

function conclude(error: unknown, output: Output, io: Io): ExitCode {
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return Exit.outputClosed;
  if (io.signal.aborted) {
    const signal = io.signal.reason as CancelSignal;
    const waiting = hangsInKernel()
      ? (`Nothing unfinished was left, but a request to a filesystem has not come back: process ${process.pid} may stay until that server answers, whatever signal it gets.` as const)
      : "Nothing unfinished was left; start it again.";
    output.error(new HpcError("HPC_CANCELLED", `cancelled by ${signal}`, waiting));
    return exitOfSignal(signal);
  }
  output.error(error);
  return USAGE_CODES.has(reportOf(error).code) ? Exit.usage : Exit.failed;
}

/**
 * The parser's whole view of the command line; `choose` is called for the command that it names.
 */
function parserFor(choose: (chosen: Chosen) => void): Argv {
  let parser: Argv = yargs()
    .scriptName("podheitor-hpc")
    .usage("$0 COMMAND …\n\nParallel backup of parallel filesystems for Bacula")
    .version(version)
    .help()
    .alias("help", "h")
    .locale("en")
    .wrap(100)
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .demandCommand(1, "no command given")
    .parserConfiguration({
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "greedy-arrays": false,
      "boolean-negation": false,
    })
    .epilogue(
      "Exit: 0 done, 1 failed, 2 wrong usage, 3 done with warnings; 129, 130 or 143 when cancelled by SIGHUP, SIGINT or SIGTERM.",
    );
  parser = addCommand(parser, backup, choose);
  parser = addCommand(parser, restore, choose);
  parser = addCommand(parser, list, choose);
  parser = addCommand(parser, verify, choose);
  parser = addCommand(parser, estimate, choose);
  parser = addCommand(parser, shardProbe, choose);
  parser = addCommand(parser, genFileset, choose);
  parser = addCommand(parser, restorePlan, choose);
  parser = addCommand(parser, bench, choose);
  parser = addCommand(parser, benchPart, choose);
  parser = plugin(parser, choose);
  return addCommand(parser, doctor, choose);
}

/** The chosen command, or the help or version text that was asked for. */
function parse(argv: readonly string[]): Chosen | string {
  refuseClusters(argv);
  let chosen: Chosen | undefined;
  let outcome: { error: unknown; text: string } = { error: undefined, text: "" };
  const parser = parserFor((run) => {
    chosen = run;
  }).check((args) => refuseRepeated(args) && refuseEmpty(args) && refuseRelative(args));
  parser.parse(forParser(argv), {}, (error: Error | undefined, _args: unknown, text: string) => {
    outcome = { error, text };
  });
  if (outcome.error !== undefined && outcome.error !== null)
    throw withoutParser(outcome.error, argv);
  if (outcome.text !== "") return outcome.text;
  if (chosen === undefined) throw usageError("no command given", "See podheitor-hpc --help.");
  return chosen;
}

/** Words that follow the command: its own name, those of `bench`, and names to restore. */
const POSITIONAL: ReadonlySet<string> = new Set(["_", "what", "pattern"]);

/** Only options that say so may be given twice; for the others it is not clear which one counts. */
function refuseRepeated(args: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(args))
    if (Array.isArray(value) && !POSITIONAL.has(name) && !mayRepeat(value))
      throw usageError(`--${name} is given twice`, "Give it once.");
  return true;
}

/**
 * `--path "$UNSET"` would mean the working directory, which nobody asked for. Empty patterns have
 * an error of their own.
 */
function refuseEmpty(args: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(args))
    if (name !== "_" && name !== "pattern" && [value].flat().includes(""))
      throw usageError(`--${name} is empty`, "Give a value; a variable of the shell may be unset.");
  return true;
}

/**
 * What may follow, for the remedy of a word that does not exist; bench-part does, but nobody is
 * sent there.
 */
const COMMANDS = [
  "backup",
  "restore",
  "list",
  "verify",
  "estimate",
  "shard-probe",
  "gen-fileset",
  "restore-plan",
  "bench",
  "plugin",
  "doctor",
];

const PLUGIN_PARTS = ["build", "install", "check"];

const isCommand = (word: string) => word === "bench-part" || COMMANDS.includes(word);

function withoutParser(error: unknown, argv: readonly string[]): unknown {
  if (error instanceof HpcError) return error;
  // yargs: one problem in a sentence or two; "Missing required argument: archive", "Unknown
  // argument: foo".
  const message = fromParser(error instanceof Error ? error.message : String(error)).replace(
    /\s*\n\s*/g,
    " ",
  );
  const [first = ""] = argv;
  if (!first.startsWith("-") && !isCommand(first))
    return usageError(
      first === "" ? "no command given" : `unknown command: ${first}`,
      `The commands are ${COMMANDS.join(", ")}; see podheitor-hpc --help.`,
    );
  const command = argv.find(isCommand);
  if (first.startsWith("-") && command !== undefined)
    return usageError(
      `${first} stands before the command`,
      `Begin with it: podheitor-hpc ${command} ….`,
    );
  const part =
    first === "plugin" && argv[1] !== undefined && PLUGIN_PARTS.includes(argv[1])
      ? `${argv[1]} `
      : "";
  const help = `podheitor-hpc ${isCommand(first) ? `${first} ${part}` : ""}--help`;
  const [, unknown] = /^Unknown argument: (.*)$/.exec(message) ?? [];
  if (unknown !== undefined && (first !== "plugin" || part !== ""))
    return argv.includes(unknown)
      ? usageError(
          `unknown argument: ${unknown}`,
          `Every value follows an option, as in --archive FILE; see ${help}.`,
        )
      : usageError(
          `unknown option: ${unknown.length === 1 ? "-" : "--"}${unknown}`,
          `See ${help}.`,
        );
  return usageError(message.charAt(0).toLowerCase() + message.slice(1), `See ${help}.`);
}

function writesArchiveToStdout(argv: readonly string[]): boolean {
  if (argv[0] !== "backup") return false;
  const joined = argv.find((word) => word.startsWith("--archive="))?.slice("--archive=".length);
  const archive =
    joined ?? (argv.includes("--archive") ? argv[argv.indexOf("--archive") + 1] : undefined);
  return archive !== undefined && isStdout(archive);
}

/** Letters of the options that have one. */
const SHORT_OPTIONS = /^-[hx0]+$/;

/**
 * `restore … -dash` would be `-d -a -s -h`, and print the help: whoever wrote it means a name or an
 * option of two dashes.
 */
function refuseClusters(argv: readonly string[]): void {
  const [command = ""] = argv;
  const end = argv.indexOf("--");
  const word = argv.slice(1, end < 0 ? argv.length : end).find((each) => /^-[^-\d]./s.test(each));
  if (!isCommand(command) || word === undefined || SHORT_OPTIONS.test(word)) return;
  throw usageError(
    `unknown option: ${fromParser(word)}`,
    command === "restore"
      ? "Options begin with two dashes; names to restore that begin with one stand behind --."
      : `Options begin with two dashes, and a value that begins with one is written --option=VALUE; see podheitor-hpc ${command} --help.`,
  );
}

/** The help text of `podheitor-hpc [command] --help`. */
export function helpText(command: readonly string[]): string {
  const text = parse([...command, "--help"]);
  if (typeof text !== "string") throw new TypeError(`no help for ${command.join(" ")}`);
  return text;
}

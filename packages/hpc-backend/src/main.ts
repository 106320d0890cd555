// First, before anything else is evaluated: until SIGUSR1 has a handler it opens Node's inspector.
import { sinkOf } from "@podheitor/hpc-archive";
import "./dialogue/signals";

import { writeSync } from "node:fs";
import { BackendProcess } from "./dialogue/backend-process";
import { CRASHED } from "./dialogue/exit";
import { onCancelSignal } from "./dialogue/signals";
import { backupStandalone } from "./dialogue/standalone";
import { KEYS } from "./params/keys";
import { VERSION } from "./version";

const HELP = `podheitor-hpc-backend ${VERSION}

  podheitor-hpc-backend [backup]                  speak PTCOMM on standard input and output, as a File Daemon plugin's child
  podheitor-hpc-backend backup --path=/x > stream by hand: the job's hpc/1 stream, without a dialogue

Keys, as in the plugin string: ${Object.keys(KEYS).join(", ")}.
PODHEITOR_HPC_LOG=FILE writes a log. Archives are made by \`podheitor-hpc backup --archive FILE\`.
`;

function usage(text: string): never {
  process.stderr.write(`podheitor-hpc-backend: ${text}. Try --help.\n`);
  process.exit(2);
}

function main(args: readonly string[]): void {
  if (args.includes("--help")) return void process.stdout.write(HELP);
  if (args.includes("--version")) return void process.stdout.write(`${VERSION}\n`);
  const [first, ...rest] = args;
  if (first !== undefined && first !== "backup") usage(`unknown argument ${first}`);
  if (rest.length > 0) byHand(rest);
  else converse();
}

function converse(): void {
  const backend = new BackendProcess(process.stdin, sinkOf(1));
  process.on("uncaughtException", (error) => backend.crash(error));
  process.on("unhandledRejection", (reason) => backend.crash(reason));
  onCancelSignal((signal) => {
    lastWords(`ended by ${signal}`);
    backend.cancel(signal);
  });
  backend.start();
}

/** For a job log that would otherwise not know why the backend ended. */
function lastWords(text: string): void {
  try {
    writeSync(2, `podheitor-hpc-backend: ${text}\n`);
  } catch {
    // Nobody listens any more.
  }
}

function byHand(args: readonly string[]): void {
  const pairs = args.map((arg): [string, Buffer] => {
    const match = /^--([^=]+)=(.*)$/s.exec(arg);
    if (match === null) usage(`${arg} is not --key=value`);
    return [match[1] ?? "", Buffer.from(match[2] ?? "")];
  });
  const crash = (error: unknown) => {
    process.stderr.write(
      `podheitor-hpc-backend failed: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`,
    );
    process.exit(CRASHED);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  void backupStandalone(pairs).then((code) => process.exit(code));
}

main(process.argv.slice(2));

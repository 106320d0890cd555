// First: the option parser asks for the current directory when it is loaded.
import "./current-directory";

import { CANCEL_SIGNALS, Exit, exitOfSignal } from "./exit";
import { run } from "./run";
import { rawArguments } from "./text/bytes";

/**
 * Time that a cancelled command gets to remove what it had begun; after it, or at a second signal,
 * the process ends.
 */
const CANCEL_LIMIT_MS = 10_000;

const cancel = new AbortController();
for (const signal of CANCEL_SIGNALS) {
  process.on(signal, () => {
    if (cancel.signal.aborted) process.exit(exitOfSignal(signal));
    cancel.abort(signal);
    setTimeout(() => process.exit(exitOfSignal(signal)), CANCEL_LIMIT_MS).unref();
  });
}

// `podheitor-hpc list … | head`: the reader has what it wanted, and there is nobody to complain to.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (cancel.signal.aborted) return; // the terminal went away, but what was begun is still removed
    if (error.code === "EPIPE") process.exit(Exit.outputClosed);
    if (stream === process.stdout)
      process.stderr.write(
        `podheitor-hpc: standard output cannot be written: ${error.code ?? error.message}: make room, or write elsewhere [HPC_OUTPUT]\n`,
      );
    process.exit(Exit.failed);
  });
}

void run(rawArguments(process.argv.slice(2)), {
  // Node makes this stream when it is asked for, which takes milliseconds.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  signal: cancel.signal,
}).then((code) => {
  process.exitCode = code;
});

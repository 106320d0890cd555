import { rawArguments } from "./bytes";
import { Exit } from "./exit";
import { run } from "./run";

/** Time that a cancelled command gets to remove what it had begun; after it, or at a second signal, the process ends. */
const CANCEL_LIMIT_MS = 10_000;

const cancel = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (cancel.signal.aborted) process.exit(signal === "SIGTERM" ? 143 : 130);
    cancel.abort(signal);
    setTimeout(() => process.exit(signal === "SIGTERM" ? 143 : 130), CANCEL_LIMIT_MS).unref();
  });
}

// `podheitor-hpc list … | head`: the reader has what it wanted, and there is nobody to complain to.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(Exit.outputClosed);
    if (stream === process.stdout)
      process.stderr.write(
        `podheitor-hpc: standard output cannot be written: ${error.code ?? error.message}: make room, or write elsewhere\n`,
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

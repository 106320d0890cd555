import { sinkOf } from "@podheitor/hpc-archive";
import { backupToStream, Emitter, parseParams, scanSource } from "@podheitor/hpc-backend";
import { streamerTo, widenPipe } from "@podheitor/hpc-walker";
import { HpcError } from "./errors";

import { SyntheticScanner } from "./synthetic-scanner";

/*
 * What contestants of ours do that no command of the product does by itself; `podheitor-hpc bench`
 * starts itself with these, as `bench-part`. Standard output is a pipe.
 */

const STDIN = 0;
const STDOUT = 1;
/**
 * Of the pipe that a relay writes to. A slot of it may hold more than a page of a socket's buffer,
 * by reference: 64 slots instead of the 256 of a mebibyte are less in flight between the cores, and
 * were a tenth faster (docs/benchmarks).
 */
export const RELAY_PIPE_BYTES = 256 * 1024;

/**
 * Entries that do not exist, through everything a backup has behind its scan, to standard output as
 * frames.
 */
export async function emitSynthetic(count: number, signal: AbortSignal): Promise<void> {
  const emitter = new Emitter(sinkOf(STDOUT));
  const params = parseParams([["path", Buffer.from("/")]]);
  const openSource = () => scanSource(new SyntheticScanner(count));
  await backupToStream({ params, emitter, signal, openSource });
  emitter.close();
}

/** Standard input (a Unix socket or a pipe) to standard output as D frames. */
export async function relay(): Promise<number> {
  widenPipe(STDOUT, RELAY_PIPE_BYTES);
  const { bytes, errno } = await streamerTo(STDOUT).move(STDIN, -1, Number.MAX_SAFE_INTEGER);
  if (errno !== 0)
    throw new HpcError("HPC_BENCH_FAILED", `standard input: errno ${errno}`, "Give it a socket.");
  return bytes;
}

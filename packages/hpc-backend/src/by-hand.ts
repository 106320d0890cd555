import { describe } from "./backend-process";
import { backupToStream } from "./backup-stream";
import { sinkOf } from "./byte-sink";
import { Emitter } from "./emitter";
import { cancelled } from "./errors";
import { leave } from "./leave";
import { parseParams } from "./params";
import { onCancelSignal } from "./signals";

/**
 * `podheitor-hpc-backend backup --path=/x > stream`: the same job without a plugin. Standard output
 * gets what an hpc/1 backup sends between its start and its end; what is wrong is said on standard
 * error.
 */
export async function backupByHand(pairs: readonly (readonly [string, Buffer])[]): Promise<number> {
  const abort = new AbortController();
  const emitter = new Emitter(sinkOf(1));
  const done = work(pairs, emitter, abort.signal);
  onCancelSignal(() => {
    abort.abort(cancelled());
    emitter.abandon(cancelled());
    void leave(1, done);
  });
  return done;
}

async function work(
  pairs: readonly (readonly [string, Buffer])[],
  emitter: Emitter,
  signal: AbortSignal,
): Promise<number> {
  try {
    await backupToStream({ params: parseParams(pairs), emitter, signal });
    return 0;
  } catch (error) {
    process.stderr.write(`podheitor-hpc-backend: ${describe(error)}\n`);
    return 1;
  }
}

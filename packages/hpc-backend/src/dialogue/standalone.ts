import { cancelled, sinkOf } from "@podheitor/hpc-archive";
import { Emitter } from "../emit/emitter";
import { backupToStream } from "../job/backup-stream";
import { parseParams } from "../params/params";
import { describe } from "./backend-process";
import { leave } from "./exit";
import { onCancelSignal } from "./signals";

/**
 * `podheitor-hpc-backend backup --path=/x > stream`: the same job without a plugin. Standard output
 * gets what an hpc/1 backup sends between its start and its end; what is wrong is said on standard
 * error.
 */
export async function backupStandalone(
  pairs: readonly (readonly [string, Buffer])[],
): Promise<number> {
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

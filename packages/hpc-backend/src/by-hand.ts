import { encodeAccounting } from "@podheitor/hpc-ptcomm";
import { describe, PTCOMM_LEVEL } from "./backend-process";
import { runBackup } from "./backup-job";
import { sinkOf } from "./byte-sink";
import { Emitter } from "./emitter";
import { cancelled } from "./errors";
import { Hpc1Sink } from "./hpc1-sink";
import { leave } from "./leave";
import { Messages } from "./messages";
import { parseParams } from "./params";
import { onCancelSignal } from "./signals";
import { Sums } from "./sums";

/**
 * `podheitor-hpc-backend backup --path=/x > stream`: the same job without a plugin. Standard output gets what an hpc/1 backup sends
 * between its start and its end; what is wrong is said on standard error.
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
    const sums = new Sums();
    const messages = new Messages((level, text) => emitter.frames.message(PTCOMM_LEVEL[level], text));
    const sink = new Hpc1Sink(emitter, { digests: false });
    const params = parseParams(pairs);
    await runBackup({ params, since: undefined, ask: undefined, content: true, sink, sums, messages, signal });
    emitter.frames.frame("U", encodeAccounting(sums));
    emitter.frames.signal("F");
    await emitter.finish();
    return 0;
  } catch (error) {
    process.stderr.write(`podheitor-hpc-backend: ${describe(error)}\n`);
    return 1;
  }
}

import { JobLog } from "@podheitor/hpc-archive";
import { encodeAccounting } from "@podheitor/hpc-ptcomm";
import { PTCOMM_LEVEL } from "../dialogue/backend-process";
import type { Emitter } from "../emit/emitter";
import { Hpc1Sink } from "../emit/hpc1-sink";
import type { JobParams } from "../params/params";
import { requireRoots } from "../params/roots";
import type { OpenSource } from "../source/source";
import { runBackup } from "./backup-job";
import { Tally } from "./tally";

export interface BackupStream {
  readonly params: JobParams;
  readonly emitter: Emitter;
  readonly signal: AbortSignal;
  /** Another source of entries than the scan of `params.paths`. */
  readonly openSource?: OpenSource;
}

/**
 * What an hpc/1 backup sends between its start and its end, without a plugin that asks for it.
 * Rejects with HpcError HPC_ROOT_REFUSED, HPC_BAD_PATH (a root that became unreadable),
 * HPC_WORK_FILE, and HPC_CANCELLED when the signal fires during the scan (before it: the signal's
 * reason); with HpcError when the scan fails, or HpcError when the native engine cannot be
 * used; and with the output's error when the receiver is gone.
 */
export async function backupToStream({
  params,
  emitter,
  signal,
  openSource,
}: BackupStream): Promise<void> {
  emitter.limit(params.bandwidth);
  const sums = new Tally(emitter.waits);
  const messages = new JobLog((level, text) => emitter.frames.message(PTCOMM_LEVEL[level], text));
  const sink = new Hpc1Sink(emitter, { digests: false });
  const job = {
    params,
    since: undefined,
    ask: undefined,
    content: true,
    sink,
    sums,
    messages,
    signal,
  };
  if (openSource === undefined) await requireRoots(params);
  const confirmed = await runBackup(openSource === undefined ? job : { ...job, openSource });
  emitter.frames.frame("U", encodeAccounting(sums));
  emitter.frames.signal("F");
  await emitter.finish();
  await confirmed();
}

import { availableParallelism } from "node:os";
import { whole } from "../options";

/** The threads of a scan that is timed: those of --threads, or two to a core. Throws UsageError. */
export async function scanThreads(text: string | undefined): Promise<number> {
  const { THREADS } = await import("@podheitor/hpc-backend");
  if (text === undefined) return Math.min(2 * availableParallelism(), THREADS.max);
  return whole(text, "--threads", THREADS.min, THREADS.max);
}

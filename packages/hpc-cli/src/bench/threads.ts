import { availableParallelism } from "node:os";
import { KEYS } from "@podheitor/hpc-backend/keys";
import { whole } from "../options";

const { min, max } = KEYS.threads.range;

/** The threads of a scan that is timed: those of --threads, or two to a core. Throws HpcError. */
export function scanThreads(text: string | undefined): number {
  if (text === undefined) return Math.min(2 * availableParallelism(), max);
  return whole(text, "--threads", min, max);
}

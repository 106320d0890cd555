import { setTimeout as pause } from "node:timers/promises";
import { labError } from "./errors";
import { limits } from "./limits";

/**
 * Looks at `probe` until it gives something other than undefined or false, and returns that.
 * @param what names the condition in the error; a function is asked only when time is up
 * @throws HpcError HPC_LAB_TIMEOUT after `limit` milliseconds
 */
export async function until<T>(
  what: string | (() => string),
  limit: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const begin = Date.now();
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    const waited = Date.now() - begin;
    if (waited > limit) {
      const text = typeof what === "string" ? what : what();
      throw labError(
        "HPC_LAB_TIMEOUT",
        `gave up after ${limit} ms: ${text}`,
        "Look at the log named here.",
      );
    }
    // The longer it takes, the less often: what waits shall not take what it waits for its
    // processor.
    await pause(Math.min(Math.max(limits.poll, waited / 20), limits.restPoll));
  }
}

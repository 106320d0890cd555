import { setImmediate as turn } from "node:timers/promises";

/** Followed while something large is made, which is synchronous work. */
export interface Making {
  readonly signal?: AbortSignal;
  /** How much of it is there, from 0 to 1; now and then. */
  progress?(part: number): void;
}

/** Says how far it is, and lets signals and timers in. Throws the signal's reason. */
export async function pause(part: number, { signal, progress }: Making): Promise<void> {
  progress?.(part);
  await turn();
  signal?.throwIfAborted();
}

import { setImmediate as turn } from "node:timers/promises";
import { TURN_MS } from "./native/limits";

let turned = Number.NEGATIVE_INFINITY;
let turning: Promise<void> | undefined;

/**
 * Waits for one turn of the event loop when there was none for TURN_MS, so that many short steps do
 * not hold up timers, signals and finished writes, nor pay the system calls of a turn each. All
 * callers share it: with many of them each makes one step between two turns that are due.
 */
export async function loopTurn(): Promise<void> {
  if (performance.now() - turned < TURN_MS) return;
  turning ??= turn().then(() => {
    turned = performance.now();
    turning = undefined;
  });
  await turning;
}

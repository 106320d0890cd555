import { expect, test } from "@jest/globals";
import { TrialBackoff } from "./trial-backoff";

/** The turns, of so many, at which it is tried. */
function tries(pauses: TrialBackoff, turns: number, paid: boolean): number[] {
  const at: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    if (!pauses.due) continue;
    at.push(turn);
    pauses.tried(paid);
  }
  return at;
}

test("what does not pay is tried ever more seldom, up to a bound; what pays at each turn", () => {
  const pauses = new TrialBackoff(8);
  expect(tries(pauses, 40, false)).toEqual([0, 2, 6, 14, 22, 30, 38]);
  expect(tries(pauses, 10, true)).toEqual([6, 7, 8, 9]);
});

test("turns that are known not to pay are passed, and do not shorten a pause", () => {
  const pauses = new TrialBackoff(8);
  pauses.pass(2);
  expect(tries(pauses, 5, true)).toEqual([2, 3, 4]);
  pauses.tried(false);
  pauses.tried(false);
  pauses.pass(1);
  expect(tries(pauses, 5, true)).toEqual([3, 4]);
});

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { allocateMemory, counterIndex, SCAN_COUNTERS, statsOf, Word } from "./memory";
import { type Gift, giftBytes, Work, WorkStack } from "./stack";

const options = {
  paths: [],
  threads: 1,
  inlineBytes: 0,
  keepOlder: false,
  serialDirectories: false,
};
const memoryOf = () => allocateMemory({ ...options, ringEntries: 1, ringBytes: 1 }, 1, 0);

const bytes = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((a) => Buffer.from(a));
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const gift: fc.Arbitrary<Gift> = fc.record({
  work: fc.constantFrom(...Object.values(Work)),
  dir: bytes,
  dev: u64,
  ino: u64,
  names: fc.array(bytes, { maxLength: 5 }),
});

describe("WorkStack", () => {
  test("gives back what was pushed, last in, first out", () => {
    fc.assert(
      fc.property(fc.array(gift, { maxLength: 20 }), (gifts) => {
        const stack = new WorkStack(memoryOf());
        for (const g of gifts) expect(stack.push(g)).toBe(true);
        const taken = gifts.map(() => stack.take(() => {}));
        expect(taken).toEqual(gifts.toReversed());
        // Nothing is pending, so nobody waits.
        expect(stack.take(() => {})).toBeUndefined();
      }),
    );
  });

  test("refuses what does not fit, and goes on", () => {
    const stack = new WorkStack(memoryOf());
    const large: Gift = {
      work: Work.DIR,
      dir: Buffer.alloc(400_000, 1),
      dev: 1n,
      ino: 2n,
      names: [],
    };
    expect(giftBytes(large)).toBe(400_028);
    expect([stack.push(large), stack.push(large), stack.push(large)]).toEqual([true, true, false]);
    expect(stack.take(() => {})).toEqual(large);
    expect(stack.push(large)).toBe(true);
  });

  test("somebody wants work when more wait than lies there", () => {
    const memory = memoryOf();
    const stack = new WorkStack(memory);
    expect(stack.wants(1)).toBe(false);
    Atomics.store(memory.control, Word.HUNGRY, 1);
    expect(stack.wants(1)).toBe(true);
    stack.push({ work: Work.DIR, dir: Buffer.from("/d"), dev: 1n, ino: 2n, names: [] });
    expect([stack.wants(1), stack.wants(2)]).toEqual([false, true]);
  });

  test("a stopped stack gives nothing, though work is pending", () => {
    const memory = memoryOf();
    const stack = new WorkStack(memory);
    stack.began();
    Atomics.store(memory.control, Word.STOP, 1);
    let flushed = 0;
    expect(stack.take(() => flushed++)).toBeUndefined();
    expect(flushed).toBe(1);
  });
});

test("statistics: counters add up over the workers, peaks do not", () => {
  const counters = new Float64Array(2 * SCAN_COUNTERS);
  counters[counterIndex("scanned")] = 3;
  counters[SCAN_COUNTERS + counterIndex("scanned")] = 4;
  counters[counterIndex("fdsPeak")] = 5;
  counters[SCAN_COUNTERS + counterIndex("fdsPeak")] = 2;
  expect(statsOf(counters)).toMatchObject({ scanned: 7, fdsPeak: 5, failed: 0 });
});

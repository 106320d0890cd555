import { expect, test } from "@jest/globals";
import type { ByteSink } from "@podheitor/hpc-archive";
import { Emitter } from "./emitter";
import { Pacer } from "./pacer";

/** With a limit of so many bytes a second. */
function pacerOf(bytesPerSecond: number): Pacer {
  const pacer = new Pacer();
  pacer.limit(bytesPerSecond);
  return pacer;
}

test("bytes take at least their time", async () => {
  const pacer = pacerOf(1_000_000);
  const begun = performance.now();
  for (let i = 0; i < 5; i++) await pacer.spent(40_000, performance.now());
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
});

test("time that the writing took counts", async () => {
  const pacer = pacerOf(1);
  // Forty seconds' worth that took a minute: whoever waits here is out of time.
  await pacer.spent(40, performance.now() - 60_000);
});

test("whoever waits for a limit waits as long as the next one wants", async () => {
  const pacer = pacerOf(1);
  const begun = performance.now();
  const hour = pacer.spent(3600, begun);
  pacer.limit(36_000);
  await hour;
  expect(performance.now() - begun).toBeGreaterThanOrEqual(95);
  const day = pacer.spent(86_400 * 36_000, performance.now());
  pacer.limit(undefined);
  await day;
  expect(pacer.limited).toBe(false);
  await pacer.spent(Number.MAX_SAFE_INTEGER, performance.now());
});

test("an emitter with a limit sends no faster, and everything", async () => {
  const written: Buffer[] = [];
  const sink: ByteSink = { write: async (bytes) => void written.push(Buffer.from(bytes)) };
  const emitter = new Emitter(sink);
  emitter.limit(10);
  const begun = performance.now();
  for (let i = 0; i < 4; i++) {
    emitter.frames.data(Buffer.alloc(2 ** 19, i));
    await emitter.drain();
  }
  await emitter.finish();
  emitter.close();
  expect(Buffer.concat(written).length).toBe(4 * (2 ** 19 + 8));
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
});

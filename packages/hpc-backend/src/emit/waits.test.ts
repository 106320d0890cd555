import { expect, test } from "@jest/globals";
import type { ByteSink, TimeBy } from "@podheitor/hpc-archive";
import { Emitter } from "./emitter";
import { timeText, Waits } from "./waits";

const sumOf = (time: TimeBy) => Object.values(time).reduce((sum, one) => sum + one, 0);

test("what was waited for and the work add up to the job's time", () => {
  const waits = new Waits();
  const now = performance.now();
  waits.output(now - 5000, now - 2000); // the receiver took it after 3 s, the limit kept it for 2
  waits.output(now - 1000, now - 9000); // it had been taken before anybody waited
  waits.answer(now - 500);
  waits.content(now - 4000, 1000);
  waits.scan = () => ({ waitedMs: 6000, throttledMs: 2000, receiverMs: 250 });
  const time = waits.timeBy(20);
  expect(time.receiver).toBeCloseTo(3 + 0.5 + 1 + 0.25, 1);
  expect(time.bandwidth).toBeCloseTo(3, 1);
  expect(time.content).toBeCloseTo(3, 1);
  expect(time.metadata).toBe(4);
  expect(time.throttle).toBe(2);
  expect(sumOf(time)).toBeCloseTo(20, 9);
  expect(timeText(time)).toBe(
    "of 20.0 s the job worked 16 %; it waited for the receiver 24 %, for metadata 20 %, " +
      "for file content 15 %, for its limits of bandwidth 15 % and of metadata operations 10 %",
  );
});

test("a receiver and a limit of bandwidth are told apart", async () => {
  const slow: ByteSink = { write: () => new Promise((resolve) => setTimeout(resolve, 60)) };
  const emitter = new Emitter(slow);
  emitter.close();
  const begun = performance.now();
  const send = async (bytes: number) => {
    emitter.frames.data(Buffer.alloc(bytes));
    await emitter.finish();
  };
  await send(1);
  const { receiver, bandwidth } = emitter.waits.timeBy(0);
  expect(receiver).toBeGreaterThan(0.055);
  expect(bandwidth).toBeLessThan(0.005);
  emitter.limit(1);
  await send(2 ** 17); // an eighth of a second's worth, of which the receiver takes half
  const time = emitter.waits.timeBy((performance.now() - begun) / 1000);
  expect(time.bandwidth).toBeGreaterThan(0.02);
  expect(time.bandwidth + time.receiver).toBeGreaterThan(0.18);
  expect(sumOf(time)).toBeCloseTo((performance.now() - begun) / 1000, 2);
});

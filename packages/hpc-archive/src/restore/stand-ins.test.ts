import { expect, test } from "@jest/globals";
import { StandIns } from "./stand-ins";

test("names that stand in for leaders are kept, however many and however often they are asked for", () => {
  const names = new StandIns();
  const group = (i: number) => (BigInt(i) << 30n) + 1n;
  for (let i = 0; i < 70_000; i++) names.add(group(i), Buffer.from(`name ${i}`));
  for (const i of [0, 5, 5, 5, 65_535, 65_536, 69_999, 69_999])
    expect(names.get(group(i))?.toString()).toBe(`name ${i}`);
  expect(names.get(7n)).toBeUndefined();
  names.close();
});

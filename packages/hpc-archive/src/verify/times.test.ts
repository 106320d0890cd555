import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Looked } from "../restore/held-tree";
import { Times } from "./times";

describe("modification times", () => {
  const seconds = (s: number, ns = 0) => BigInt(s) * 1_000_000_000n + BigInt(ns);
  const looked = (mtimeNs: bigint, ctimeNs: bigint, dev = 1n) =>
    ({ dev, mtimeNs, ctimeNs }) as Looked;
  let said: bigint[];
  let times: Times;
  beforeEach(() => {
    said = [];
    times = new Times((nanoseconds) => said.push(nanoseconds));
  });

  test("are compared to the second where the filesystem keeps no more, which is said once", () => {
    const stat = looked(seconds(100), seconds(2000));
    times.see(stat);
    expect(times.same(seconds(100, 999_999_999), stat)).toBe(true);
    expect(times.same(seconds(100), stat)).toBe(true);
    expect(times.same(seconds(101, 1), stat)).toBe(false);
    expect(times.same(seconds(-100, 5), looked(seconds(-100), seconds(2000)))).toBe(true);
    expect(said).toEqual([1_000_000_000n]);
  });

  test("are compared to the nanosecond where it keeps them, though a copy cut them off", () => {
    const stat = looked(seconds(100), seconds(2000, 123_456_789));
    times.see(stat);
    expect(times.same(seconds(100, 5), stat)).toBe(false);
    expect(said).toEqual([]);
  });

  test("each filesystem by itself, and in between only after some were seen", () => {
    times.see(looked(seconds(1), seconds(2)));
    const other = looked(seconds(100, 123_456_700), seconds(2000, 1_000_100), 2n);
    times.see(other);
    expect(times.same(seconds(100, 123_456_789), other)).toBe(false);
    for (let i = 0; i < 4; i++) times.see(other);
    expect(times.same(seconds(100, 123_456_789), other)).toBe(true);
    expect(said).toEqual([100n]);
  });
});

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { defineKeys, key, type ScanFacts } from "../src/params/key-types";
import { KEYS } from "../src/params/keys";
import { nearest } from "../src/params/nearest";
import { checkParams, parseParams, readKeys } from "../src/params/params";
import { effectsOf, planScan } from "../src/params/plan";

/** Pairs as a plugin string has them: `threads=4`. */
const pairs = (...texts: string[]) =>
  texts.map((text): [string, string] => {
    const equals = text.indexOf("=");
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
const job = (...texts: string[]) => parseParams(pairs("path=/", ...texts));
const scope = { since: undefined, keepOlder: false, content: true };

describe("how a key is added", () => {
  // One row, and its effect in it.
  const TABLE = defineKeys({
    ...KEYS,
    "trial-depth": key.integer({
      help: "hold this many trial entries",
      aliases: ["trial_depth"],
      min: 1,
      max: 9,
      unit: "entries",
      default: 3,
      commands: ["backup"],
      effect: (ringEntries) => ({ ringEntries }),
    }),
  });
  const facts = {
    filesystems: [],
    content: true,
    knowsOwn: true,
    suitingThreads: async () => 7,
  };

  test("it is parsed, and the scan is asked what its row says", async () => {
    const { values, problems } = readKeys(pairs("path=/a", "trial_depth=5"), TABLE);
    const depth: number = values.trialDepth;
    expect([depth, problems]).toEqual([5, []]);
    expect(await effectsOf(TABLE, values, facts)).toMatchObject({ ringEntries: 5, threads: 7 });
    expect(readKeys([], TABLE).values.trialDepth).toBe(3);
  });

  test("it is refused out of its range, and suggested where it is misspelt", () => {
    const { problems } = readKeys(pairs("trial-depth=10", "trail-depth=1"), TABLE);
    expect(problems).toMatchObject([
      { key: "trial-depth", remedy: "Use a whole number from 1 to 9; default: 3." },
      { key: "trail-depth", remedy: expect.stringMatching(/^Did you mean "trial-depth"\? /) },
    ]);
  });
});

describe("names", () => {
  test.each([
    ["inline_kib=8", "inline-kib=8"],
    ["channel_depth=2048", "channel-depth=2048"],
  ])("%s is %s", (old, now) => {
    expect(job(old)).toEqual(job(now));
    expect(() => job(old, now)).toThrow(/is given twice/);
  });

  test("an alias that has a bad value is named as it was given", () => {
    expect(() => job("inline_kib=513")).toThrow(
      expect.objectContaining({ key: "inline_kib", message: "inline_kib=513 is out of range" }),
    );
  });

  test.each([
    ["thread", "threads"],
    ["threds", "threads"],
    ["metadata_ops", "metadata-ops"],
    ["exclude_marker", "exclude-marker"],
    ["paht", "path"],
    ["engine", undefined],
    ["", undefined],
  ])("%j was meant to be %j", (given, meant) => {
    expect(nearest(given, Object.keys(KEYS))).toBe(meant);
  });

  test("a slip leads to the nearest name, and a long name costs nothing", () => {
    const names = Object.keys(KEYS);
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.nat(),
        fc.constantFrom("", "~", "~~"),
        (name, place, instead) => {
          const at = place % name.length;
          const slip = name.slice(0, at) + instead + name.slice(at + 1);
          if (name.length > 2) expect(nearest(slip, names)).toBe(name);
        },
      ),
    );
    expect(nearest("x".repeat(1_000_000), names)).toBeUndefined();
  });
});

test("all that is wrong is told, in its order", () => {
  const given = ["threads=0", "nokey=1", "mode=zfs", "path=a", "shard=0/2", "strategy=none"];
  const { params, problems } = checkParams(pairs(...given));
  expect(params).toBeUndefined();
  expect(problems.map((problem) => problem.key)).toEqual([
    "threads",
    "nokey",
    "mode",
    "path",
    "strategy",
  ]);
  expect(checkParams([]).problems).toMatchObject([{ code: "HPC_NO_PATH" }]);
});

test("whatever is given, there are parameters or problems", () => {
  const value = fc.oneof(fc.string(), fc.constantFrom("yes", "1", "/a", "0/2", "auto"));
  const pair = fc.tuple(fc.oneof(fc.constantFrom(...Object.keys(KEYS)), fc.string()), value);
  fc.assert(
    fc.property(fc.array(pair), (given) => {
      const { params, problems } = checkParams(given);
      expect(params === undefined).toBe(problems.length > 0);
    }),
  );
});

test("a channel-depth below 1024 works, and warns once", async () => {
  const plan = await planScan(job("channel-depth=1023"), scope);
  expect(plan.scan.ringEntries).toBe(1023);
  expect(plan.warnings).toEqual([
    expect.stringMatching(/^channel-depth=1023 .* use 1024 or more$/),
  ]);
  expect((await planScan(job("channel-depth=1024"), scope)).warnings).toEqual([]);
  expect((await planScan(job(), scope)).scan.ringEntries).toBe(8192);
});

test("what an effect asks for is what the values say", async () => {
  const effects = (filesystems: ScanFacts["filesystems"], ...texts: string[]) =>
    effectsOf(KEYS, job(...texts), {
      filesystems,
      content: true,
      knowsOwn: true,
      suitingThreads: async () => 9,
    });
  const lustre = [{ type: "lustre", isNetwork: true } as const];
  expect(await effects(lustre)).toMatchObject({
    serialDirectories: true,
    projects: "directories",
    skipReleased: true,
    backOff: true,
    threads: 9,
  });
  expect(await effects(lustre, "mode=posix", "project=no", "hsm=recall")).toMatchObject({
    serialDirectories: false,
    skipReleased: false,
  });
  expect(await effects(lustre, "project=no")).not.toHaveProperty("projects");
  expect(await effects([], "project=yes", "threads=2")).toMatchObject({
    serialDirectories: false,
    projects: "all",
    skipReleased: false,
    backOff: false,
    threads: 2,
  });
});

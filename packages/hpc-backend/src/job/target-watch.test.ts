import { describe, expect, test } from "@jest/globals";
import {
  describeFilesystem,
  type LustreTarget,
  mountOf,
  parseMountinfo,
} from "@podheitor/hpc-native";
import { TargetWatch } from "./target-watch";

const LINE = Buffer.from("5 1 0:43 / /m rw - lustre 10.0.0.1@tcp:/testfs rw\n");
const lustre = describeFilesystem(0, mountOf(Buffer.from("/m"), parseMountinfo(LINE)));

function watching(states: Record<string, boolean> | undefined, degraded = false) {
  const said: string[] = [];
  const asked: string[] = [];
  let failed = 0;
  const now = { states };
  const watch = new TargetWatch([lustre, lustre], {
    degraded,
    messages: { say: (level, text) => said.push(`${level} ${text}`) },
    failed: () => failed++,
    ask: async (mountPoint, fsname) => {
      asked.push(`${mountPoint.toString()} ${fsname}`);
      return now.states === undefined
        ? undefined
        : Object.entries(now.states).map(
            ([name, active]): LustreTarget => ({
              kind: name.includes("MDT") ? "MDT" : "OST",
              name,
              active,
            }),
          );
    },
  });
  return { watch, said, asked, now, failed: () => failed };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the targets of a job's filesystems", () => {
  test("each mount is asked once, and silence is good", async () => {
    const { watch, said, asked } = watching({ "testfs-MDT0000": true, "testfs-OST0000": true });
    await watch.look();
    expect([said, asked]).toEqual([[], ["/m testfs"]]);
  });

  test("an inactive MDT ends the job, with the command that says more", async () => {
    const { watch } = watching({ "testfs-MDT0000": true, "testfs-MDT0001": false });
    await expect(watch.look()).rejects.toMatchObject({
      code: "HPC_MDT_INACTIVE",
      message: expect.stringContaining("MDT testfs-MDT0001 of /m is inactive"),
      remedy: expect.stringMatching(/lctl get_param mdc\.testfs-MDT0001.*degraded=yes/),
    });
  });

  test("degraded, it is said once; an OST always", async () => {
    const { watch, said } = watching({ "testfs-MDT0001": false, "testfs-OST0002": false }, true);
    await watch.look();
    await watch.look();
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(/^warning MDT testfs-MDT0001 of \/m is inactive/);
    expect(said[1]).toMatch(/^warning OST testfs-OST0002 of \/m is inactive.*osc\.testfs-OST0002/);
    expect(watch.degraded).toBe(true);
  });

  test("in the middle of a job they are asked when an operation says ESHUTDOWN, and not for each", async () => {
    const { watch, asked, failed } = watching({ "testfs-MDT0001": false });
    watch.suspect(5);
    await settled();
    expect(asked).toEqual([]);
    for (let i = 0; i < 100; i++) watch.suspect(108);
    await settled();
    watch.suspect(108);
    await settled();
    expect([asked.length, failed()]).toEqual([1, 1]);
    expect(watch.problem).toMatchObject({ code: "HPC_MDT_INACTIVE" });
  });

  test("where nothing tells, that is said", async () => {
    const { watch, said } = watching(undefined);
    await watch.look();
    await watch.look();
    expect(said).toEqual([
      expect.stringMatching(/^warning the state of the MDTs and OSTs of \/m cannot be told/),
    ]);
  });
});

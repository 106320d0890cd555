import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { BaculaLab } from "../src";
import { declareLustre, LustreDouble } from "../src/lustre-double";
import {
  atCleanUp,
  chosenReleases,
  cleanUp,
  deleted,
  installedPlugin,
  labWith,
  pluginJob,
  present,
  scratch,
  settle,
} from "./support";

/* Jobs of a real Bacula on a double of a Lustre client. */

const OLD = 1_000_000_000;

describe.each(chosenReleases)("a Lustre client and Bacula %s", (release) => {
  let double: LustreDouble;
  let lab: BaculaLab;
  let tree: string;
  let names: string[];

  beforeAll(async () => {
    const folder = scratch();
    double = await LustreDouble.start(folder);
    atCleanUp(() => double.stop());
    const source = join(folder, "src/tree");
    tree = join(double.mount, "tree");
    for (const name of ["", "here", "striped", "remote"]) mkdirSync(join(source, name));
    double.place("tree/striped", 0, 1);
    double.place("tree/remote", 1);
    names = ["here/f", "remote/r", ...Array.from({ length: 20 }, (_, i) => `striped/s${i}`)];
    for (const name of names) {
      writeFileSync(join(source, name), name);
      utimesSync(join(source, name), OLD, OLD);
    }
    const pluginDir = installedPlugin();
    declareLustre(pluginDir);
    const jobs = [
      pluginJob("Strict", tree),
      pluginJob("Degraded", tree, "degraded=yes"),
      pluginJob("Accurate", tree, "degraded=yes", { accurate: true }),
    ];
    lab = await labWith(release, jobs, { pluginDir, env: { PATH: double.environment["PATH"] } });
  });
  afterAll(cleanUp);
  beforeEach(() => double.targets("mdt 1 active"));
  const at = (name: string) => join(tree, name);

  test("an inactive MDT fails a Full at once, with its name", async () => {
    double.targets("mdt 1 silent");
    const job = await lab.run("Strict", "Full");
    expect(job.status).toBe("failed");
    expect(job.messages).toMatch(
      /MDT testfs-MDT0001 of \S+ is inactive on this client.*HPC_MDT_INACTIVE/,
    );
    double.targets("mdt 1 active");
    const whole = await lab.run("Strict", "Full");
    expect([whole.status, whole.files]).toEqual(["ok", names.length + 4]);
  });

  test("degraded, what was not seen is saved whole by the next job, and by no later one", async () => {
    double.targets("mdt 1 inactive");
    const full = await lab.run("Degraded", "Full");
    expect(full.status).toBe("ok");
    expect(full.errors).toBeGreaterThan(0);
    const first = present(await lab.catalog(full.jobId));
    expect(first).toContain(at("here/f"));
    const missing = names.map(at).filter((name) => !first.includes(name));
    expect(missing).toContain(at("remote/r"));
    expect(missing.length).toBeGreaterThan(5);
    expect(full.messages).toMatch(/MDT testfs-MDT0001 of \S+ is inactive/);
    expect(full.messages).toMatch(/2 paths could not be seen/);

    double.targets("mdt 1 active");
    await settle();
    const next = await lab.run("Degraded", "Incremental");
    expect(next.messages).toMatch(/what lies at and below 2 paths is saved whole/);
    expect(present(await lab.catalog(next.jobId))).toEqual(expect.arrayContaining(missing));
    await settle();
    const last = await lab.run("Degraded", "Incremental");
    expect([last.status, last.files]).toEqual(["ok", 0]);
    // A Differential builds on the Full again.
    const differential = await lab.run("Degraded", "Differential");
    expect(present(await lab.catalog(differential.jobId))).toEqual(expect.arrayContaining(missing));
  });

  test("degraded and accurate, nothing is recorded as deleted", async () => {
    const full = await lab.run("Accurate", "Full");
    expect(full.files).toBe(names.length + 4);
    await settle();
    double.targets("mdt 1 inactive");
    const next = await lab.run("Accurate", "Incremental");
    expect(deleted(await lab.catalog(next.jobId))).toEqual([]);
    expect(next.errors).toBeGreaterThan(0);
    double.targets("mdt 1 silent");
    const silent = await lab.run("Accurate", "Incremental");
    expect(deleted(await lab.catalog(silent.jobId))).toEqual([]);
    double.targets("mdt 1 active");
    const after = await lab.run("Accurate", "Incremental");
    expect(deleted(await lab.catalog(after.jobId))).toEqual([]);
  });
});

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab } from "../src";
import {
  alive,
  childrenOf,
  type ProcessId,
  signalProcess,
  transferred,
} from "../src/bacula/daemon";
import { until } from "../src/wait";
import {
  backendName,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  scratch,
} from "./support";

/**
 * A tree with one file of zeros. It has blocks, so it is read and takes as long as it is large, but
 * nobody wrote them.
 */
function slowTree(bytes: number): string {
  const root = join(scratch(), "tree");
  mkdirSync(root);
  writeFileSync(join(root, "first"), "x");
  execFileSync("fallocate", ["-l", String(bytes), join(root, "zeros")]);
  return root;
}

describe.each(chosenReleases)("faults on Bacula %s", (release) => {
  let lab: BaculaLab;
  const longest = 30_000;

  beforeAll(async () => {
    const options = ["compression = LZO"]; // zeros need not fill the volume
    const endless = slowTree(2 ** 34);
    const other = slowTree(2 ** 30);
    const jobs = [
      pluginJob("Endless", endless, "", { options }),
      pluginJob("Other", other, "", { options }),
    ];
    lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
  });
  afterAll(cleanUp);

  const backends = () => childrenOf(lab.fdPid, backendName);

  /** The backend of a job, once it is in the middle of the large file. */
  async function inMidJob(job: string): Promise<{ jobId: number; backend: ProcessId }> {
    const before = new Set(backends().map(({ pid }) => pid));
    const jobId = await lab.start(job);
    const backend = await until(`backend of ${job}`, longest, () =>
      backends().find(({ pid }) => !before.has(pid)),
    );
    const already = transferred(lab.daemons.file);
    await until(
      `${job} reads`,
      longest,
      () => transferred(lab.daemons.file) > already + 64 * 2 ** 20,
    );
    return { jobId, backend };
  }

  test("kill -9 of one backend fails its job with the reason; the other job and the daemon go on", async () => {
    const victim = await inMidJob("Endless");
    const other = await inMidJob("Other");
    signalProcess(victim.backend, "SIGKILL");
    const failed = await lab.wait(victim.jobId);
    expect(failed.status).toBe("failed");
    expect(failed.messages).toMatch(/podheitor-hpc.*(signal 9|SIGKILL)/);
    const went = await lab.wait(other.jobId);
    expect([went.status, went.errors, went.files]).toEqual(["ok", 0, 3]);
    expect(lab.fdAlive).toBe(true);
    expect((await lab.run("Other")).status).toBe("ok");
    await until("no backend is left", longest, () => backends().length === 0);
  });

  test("cancel from the console ends the backend within 5 seconds", async () => {
    const { jobId, backend } = await inMidJob("Endless");
    await lab.cancel(jobId);
    await until("the backend ends", 5000, () => !alive(backend));
    expect((await lab.wait(jobId)).status).toBe("cancelled");
    expect(lab.fdAlive).toBe(true);
    expect(backends()).toEqual([]);
  });

  test("a File Daemon that dies takes its backends with it", async () => {
    const { backend } = await inMidJob("Endless");
    process.kill(lab.fdPid, "SIGKILL");
    await until("the backend sees the end", 5000, () => !alive(backend));
  });
});

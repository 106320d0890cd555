import { appendFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { BaculaLab, Release } from "../src";
import {
  alive,
  childrenOf,
  type ProcessId,
  signalProcess,
  transferred,
} from "../src/bacula/daemon";
import { command } from "../src/command";
import { LabFs } from "../src/labfs";
import { childrenAndZombies } from "../src/leftovers";
import { until } from "../src/wait";
import { atCleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

/**
 * A fault of a daemon: it takes a Bacula of its own, because afterwards that is not what it was.
 */
export interface DaemonFault {
  readonly name: string;
  readonly what: string;
  readonly short?: true;
  /** What must be seen is checked here. */
  readonly act: (lab: BaculaLab, trees: Trees) => Promise<void>;
}

interface Trees {
  /** 64 MiB that do not compress, on labfs: `Large`'s. `Small`'s tree is one file. */
  readonly large: string;
  readonly fs: LabFs;
}

const longest = 60_000;

const backends = (lab: BaculaLab) => childrenOf(lab.fdPid, "");

async function started(
  lab: BaculaLab,
  job: string,
): Promise<{ jobId: number; backend: ProcessId }> {
  const jobId = await lab.start(job);
  const backend = await until(`backend of ${job}`, longest, () => backends(lab)[0]);
  return { jobId, backend };
}

/** `Large`, in the middle of its work: its filesystem is slow until `trees.fs.clear()`. */
async function inMidJob(
  lab: BaculaLab,
  trees: Trees,
): Promise<{ jobId: number; backend: ProcessId }> {
  trees.fs.rule("read delay 200 : /large/large");
  const job = await started(lab, "Large");
  await until("it reads", longest, () => (trees.fs.state().hits[0] ?? 0) > 2);
  return job;
}

/** `Large`, whose Storage Daemon reads no more, because the filesystem of its volume hangs. */
async function blockedByStorage(
  lab: BaculaLab,
  trees: Trees,
): Promise<{ jobId: number; backend: ProcessId; volumes: LabFs }> {
  const volumes = await LabFs.start(join(lab.folder, "vol-below"), join(lab.folder, "vol"));
  atCleanUp(() => volumes.stop());
  const job = await inMidJob(lab, trees);
  volumes.rule("write hang : /*");
  trees.fs.clear();
  await until("the volume hangs", longest, () => volumes.state().hanging > 0);
  await blocked(lab);
  return { ...job, volumes };
}

const noChildren = (lab: BaculaLab) =>
  until(
    () => `no child is left: ${childrenAndZombies(lab.fdPid).join(", ")}`,
    longest,
    () => childrenAndZombies(lab.fdPid).length === 0,
  );

/** Waits until the File Daemon, which is the backend's receiver, moves no more bytes. */
function blocked(lab: BaculaLab): Promise<boolean> {
  let last = -1;
  return until("the backend is blocked", longest, async () => {
    const now = transferred(lab.daemons.file);
    const same = now === last && now > 2 ** 20;
    last = now;
    return same;
  });
}

export const daemonFaults: readonly DaemonFault[] = [
  {
    name: "fd-killed",
    what: "the File Daemon is killed in the middle of a backup: its backend ends within 5 seconds",
    short: true,
    act: async (lab, trees) => {
      const { backend } = await inMidJob(lab, trees);
      signalProcess(lab.daemons.file, "SIGKILL");
      await until("the backend sees the end", 5000, () => !alive(backend));
    },
  },
  {
    name: "fd-killed-blocked",
    what: "the File Daemon is killed while its backend waits for it: the backend ends within 5 seconds",
    act: async (lab, trees) => {
      const { backend } = await blockedByStorage(lab, trees);
      signalProcess(lab.daemons.file, "SIGKILL");
      await until("the backend sees the end", 5000, () => !alive(backend));
    },
  },
  {
    name: "sd-not-reading-cancel",
    what: "the Storage Daemon stops reading, and the job is cancelled: the backend ends within 5 seconds",
    short: true,
    act: async (lab, trees) => {
      const { jobId, backend, volumes } = await blockedByStorage(lab, trees);
      await lab.cancel(jobId);
      await until("the backend ends", 5000, () => !alive(backend));
      expect(lab.fdAlive).toBe(true);
      volumes.release();
      expect((await lab.wait(jobId, longest)).status).toBe("cancelled");
      await noChildren(lab);
      expect((await lab.run("Small")).status).toBe("ok");
    },
  },
  {
    name: "sd-pauses",
    what: "the Storage Daemon stops reading for longer than the stall limit, and goes on: the job is whole",
    act: async (lab, trees) => {
      const { jobId, volumes } = await blockedByStorage(lab, trees);
      const end = Date.now() + 4000; // the lab's stall limit is 3 seconds
      await until("the stall limit passes", longest, () => Date.now() > end);
      volumes.release();
      const result = await lab.wait(jobId, longest);
      expect([result.status, result.errors, result.files]).toEqual(["ok", 0, 2]);
      await noChildren(lab);
    },
  },
  {
    name: "sd-killed",
    what: "the Storage Daemon is killed: the job fails and says so, no backend is left",
    act: async (lab, trees) => {
      const { jobId } = await inMidJob(lab, trees);
      signalProcess(lab.daemons.storage, "SIGKILL");
      trees.fs.clear();
      const words = /lab-fd.*Fatal error: .*Network send error to SD/;
      // The Director itself waits minutes for a Storage Daemon that is gone: the File Daemon's own
      // words count.
      await until("the File Daemon says why", longest, async () =>
        words.test(await lab.messages(jobId)),
      );
      await noChildren(lab);
      expect(lab.fdAlive).toBe(true);
    },
  },
  {
    name: "sd-full",
    what: "the volumes' filesystem is full: the job fails and says so; with room again, the next one ends OK",
    act: async (lab, trees) => {
      const volumes = join(lab.folder, "vol");
      await command(["mount", "-t", "tmpfs", "-o", "size=8m", "hpc-lab", volumes]);
      atCleanUp(async () => {
        await command(["umount", "-l", volumes]);
      });
      const { jobId } = await started(lab, "Large");
      const full = /Out of freespace|No space left on device/;
      const result = await lab.wait(jobId, longest);
      expect(result.status).toBe("failed");
      expect(result.messages).toMatch(full);
      await noChildren(lab);
      expect(lab.fdAlive).toBe(true);
      await command(["mount", "-o", "remount,size=64m", volumes]);
      trees.fs.clear();
      expect((await lab.run("Small", "Full", longest)).status).toBe("ok");
      await noChildren(lab);
    },
  },
  {
    name: "director-killed",
    what: "the Director is killed: the File Daemon lives, and no backend is left when it has given the job up",
    act: async (lab, trees) => {
      const { backend } = await inMidJob(lab, trees);
      signalProcess(lab.daemons.director, "SIGKILL");
      trees.fs.clear();
      await until("the backend ends", longest, () => !alive(backend));
      expect(lab.fdAlive).toBe(true);
      await noChildren(lab);
    },
  },
  {
    name: "fd-killed-restoring",
    what: "the File Daemon is killed in the middle of a restore: no half file stands under its final name",
    act: async (lab, trees) => {
      const saved = await lab.run("Large");
      expect(saved.status).toBe("ok");
      mkdirSync(join(trees.fs.source, "target"));
      trees.fs.rule("write delay 100 : /target/*", "rename delay 1 : /target/*large");
      const where = join(trees.fs.mount, "target");
      await lab.console(
        `restore jobid=${saved.jobId} client=lab-fd restorejob=Rest where="${where}" all done yes`,
      );
      await until("it writes", longest, () => (trees.fs.state().hits[0] ?? 0) > 2);
      signalProcess(lab.daemons.file, "SIGKILL");
      await until("the File Daemon is dead", 5000, () => !lab.fdAlive);
      expect(trees.fs.state().hits[1]).toBe(0);
      expect(existsSync(join(where, trees.large, "large"))).toBe(false);
    },
  },
];

/** A Bacula with two jobs, `Large` and `Small`, and a stall limit of 3 seconds. */
export async function daemonLab(release: Release): Promise<{ lab: BaculaLab; trees: Trees }> {
  const folder = scratch();
  const fs = await LabFs.start(join(folder, "source"), join(folder, "mount"));
  atCleanUp(() => fs.stop());
  for (const name of ["large", "small"]) mkdirSync(join(fs.source, name));
  const random = join(fs.source, "large/large");
  await command(["dd", "if=/dev/urandom", `of=${random}`, "bs=1M", "count=64", "status=none"]);
  writeFileSync(join(fs.source, "small/file"), "small");
  const large = join(fs.mount, "large");
  const pluginDir = installedPlugin();
  appendFileSync(join(pluginDir, "podheitor-hpc-fd.conf"), "stall-limit = 3\n");
  const lab = await labWith(
    release,
    [pluginJob("Large", large), pluginJob("Small", join(fs.mount, "small"))],
    {
      pluginDir,
    },
  );
  return { lab, trees: { large, fs } };
}

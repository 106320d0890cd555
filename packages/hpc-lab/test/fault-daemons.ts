import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { BaculaLab, Release } from "../src";
import { command } from "../src/command";
import { alive, childrenOf, type ProcessId, signalProcess, transferred } from "../src/daemon";
import { childrenAndZombies } from "../src/leftovers";
import { until } from "../src/wait";
import { atCleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

/** A fault of a daemon: it takes a Bacula of its own, because afterwards that is not what it was. */
export interface DaemonFault {
  readonly name: string;
  readonly what: string;
  readonly short?: true;
  /** What must be seen is checked here. */
  readonly act: (lab: BaculaLab, trees: Trees) => Promise<void>;
}

interface Trees {
  /** 64 MiB of bytes that do not compress; `Small`'s tree is one file. */
  readonly large: string;
}

const longest = 60_000;

const backends = (lab: BaculaLab) => childrenOf(lab.fdPid, "");

async function inMidJob(lab: BaculaLab, job: string): Promise<{ jobId: number; backend: ProcessId }> {
  const before = new Set(backends(lab).map(({ pid }) => pid));
  const jobId = await lab.start(job);
  const backend = await until(`backend of ${job}`, longest, () => backends(lab).find(({ pid }) => !before.has(pid)));
  return { jobId, backend };
}

const noChildren = (lab: BaculaLab) =>
  until(
    () => `no child is left: ${childrenAndZombies(lab.fdPid).join(", ")}`,
    10_000,
    () => childrenAndZombies(lab.fdPid).length === 0,
  );

/** Waits until the backend moves no more bytes: its receiver does not read. */
function blocked(backend: ProcessId): Promise<boolean> {
  let last = -1;
  return until("the backend is blocked", longest, async () => {
    const now = transferred(backend);
    const same = now === last && now > 2 ** 20;
    last = now;
    return same;
  });
}

export const daemonFaults: readonly DaemonFault[] = [
  {
    name: "fd-killed",
    what: "the File Daemon is killed: its backends end within 5 seconds",
    short: true,
    act: async (lab) => {
      signalProcess(lab.daemons.storage, "SIGSTOP"); // the job lasts as long as we like
      const { backend } = await inMidJob(lab, "Large");
      await blocked(backend);
      signalProcess(lab.daemons.file, "SIGKILL");
      await until("the backend sees the end", 5000, () => !alive(backend));
    },
  },
  {
    name: "sd-not-reading-cancel",
    what: "the Storage Daemon stops reading, and the job is cancelled: the backend ends within 5 seconds",
    short: true,
    act: async (lab) => {
      const { jobId: other } = await inMidJob(lab, "Small");
      expect((await lab.wait(other, longest)).status).toBe("ok");
      signalProcess(lab.daemons.storage, "SIGSTOP");
      const { jobId, backend } = await inMidJob(lab, "Large");
      await blocked(backend);
      await lab.cancel(jobId);
      await until("the backend ends", 5000, () => !alive(backend));
      expect(lab.fdAlive).toBe(true);
      signalProcess(lab.daemons.storage, "SIGCONT");
      expect((await lab.wait(jobId, longest)).status).toBe("cancelled");
      await noChildren(lab);
      expect((await lab.run("Small")).status).toBe("ok");
    },
  },
  {
    name: "sd-killed",
    what: "the Storage Daemon is killed: the job fails and says so, no backend is left",
    act: async (lab) => {
      signalProcess(lab.daemons.storage, "SIGSTOP");
      const { jobId, backend } = await inMidJob(lab, "Large");
      await blocked(backend);
      signalProcess(lab.daemons.storage, "SIGKILL");
      const result = await lab.wait(jobId, longest);
      expect(result.status).toBe("failed");
      expect(result.messages).toMatch(/(Network|Socket|Broken pipe|Connection reset|Comm error)/i);
      expect(lab.fdAlive).toBe(true);
      await noChildren(lab);
    },
  },
  {
    name: "sd-full",
    what: "the volumes' filesystem is full: the job waits, another one ends OK once there is room, the cancel ends the first's backend",
    act: async (lab) => {
      const volumes = join(lab.folder, "vol");
      await command(["mount", "-t", "tmpfs", "-o", "size=8m", "hpc-lab", volumes]);
      atCleanUp(async () => {
        await command(["umount", "-l", volumes]);
      });
      const { jobId, backend } = await inMidJob(lab, "Large");
      const said = async () =>
        /No space left on device|Please mount|Cannot write|fixing the error|marking it/i.test(
          await lab.messages(jobId),
        );
      await until("the Storage Daemon says that it is full", longest, said);
      await lab.cancel(jobId);
      await until("the backend ends", 5000, () => !alive(backend));
      expect(lab.fdAlive).toBe(true);
      await command(["mount", "-o", "remount,size=64m", volumes]);
      expect((await lab.run("Small", "Full", longest)).status).toBe("ok");
      expect((await lab.wait(jobId, longest)).status).toMatch(/cancelled|failed/);
      await noChildren(lab);
    },
  },
  {
    name: "director-killed",
    what: "the Director is killed: the File Daemon lives, the backends end when it gives the job up",
    act: async (lab) => {
      const { backend } = await inMidJob(lab, "Large");
      signalProcess(lab.daemons.director, "SIGKILL");
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
      const where = scratch();
      const answer = lab.console(
        `restore jobid=${saved.jobId} client=lab-fd restorejob=Rest where="${where}" all done yes`,
      );
      const target = join(where, trees.large);
      await until("the restore has begun", longest, () => statSync(target, { throwIfNoEntry: false }) !== undefined);
      signalProcess(lab.daemons.file, "SIGKILL");
      await answer;
      const restored = statSync(join(target, "large"), { throwIfNoEntry: false });
      expect([undefined, 2 ** 26]).toContain(restored?.size);
    },
  },
];

/** A Bacula with two jobs, `Large` and `Small`. */
export async function daemonLab(release: Release): Promise<{ lab: BaculaLab; trees: Trees }> {
  const folder = scratch();
  const large = join(folder, "large");
  const small = join(folder, "small");
  for (const root of [large, small]) mkdirSync(root);
  await command(["dd", "if=/dev/urandom", `of=${join(large, "large")}`, "bs=1M", "count=64", "status=none"]);
  writeFileSync(join(small, "file"), "small");
  const lab = await labWith(release, [pluginJob("Large", large), pluginJob("Small", small)], {
    pluginDir: installedPlugin(),
  });
  return { lab, trees: { large } };
}

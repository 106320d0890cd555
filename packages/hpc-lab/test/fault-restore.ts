import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { JobResult } from "../src";
import { command } from "../src/command";
import { namesBelow } from "../src/leftovers";
import { until } from "../src/wait";
import { type Bench, type Fault, sampleTree } from "./fault-bench";
import { atCleanUp, scratch } from "./support";

/** Backs the job's folder up, then restores it below `where(bench)`; the fault hits the restore. */
function restoring(
  where: (bench: Bench, job: string) => string | Promise<string>,
  during: (bench: Bench, jobId: number, where: string) => Promise<unknown> = async () => undefined,
): NonNullable<Fault["act"]> {
  return async (bench, job) => {
    const saved = await bench.lab.run(job);
    expect(saved.status).toBe("ok");
    const target = await where(bench, job);
    const result: Promise<JobResult> = bench.lab.restore({
      jobIds: [saved.jobId],
      where: target,
      limit: 60_000,
    });
    const [, restored] = await Promise.all([during(bench, saved.jobId, target), result]);
    expect(namesBelow(target, /^\.podheitor-hpc/)).toEqual([]);
    return restored;
  };
}

/** A folder on labfs, whose name the rules know as `/target-<job>`. */
function onLabFs(bench: Bench, job: string): string {
  const name = `target-${job}`;
  mkdirSync(join(bench.fs.source, name));
  return join(bench.fs.mount, name);
}

async function tiny(options: string): Promise<string> {
  const folder = scratch();
  await command(["mount", "-t", "tmpfs", "-o", options, "hpc-lab", folder]);
  atCleanUp(async () => {
    await command(["umount", folder]);
  });
  return folder;
}

function fault(
  name: string,
  what: string,
  rule: string,
  says: readonly RegExp[],
  more: Partial<Fault> = {},
): Fault {
  return {
    name: `restore-${name}`,
    what,
    rules: rule === "" ? [] : [rule.replace("@", `/target-restore-${name}*`)],
    act: restoring(onLabFs),
    expect: { status: "failed", says },
    ...more,
  };
}

/** What happens while entries are put back. */
export const restoreFaults: readonly Fault[] = [
  fault("enospc", "the target is full", "", [/big: not restored: No space left on device/], {
    short: true,
    act: restoring(() => tiny("size=1m")),
  }),
  fault(
    "no-inodes",
    "the target has no inodes left",
    "",
    [/not restored: No space left on device/],
    {
      act: restoring(() => tiny("nr_inodes=5")),
    },
  ),
  fault(
    "enospc-late",
    "ENOSPC in the middle of a file",
    "write error ENOSPC offset 1048577 : @/big*",
    [/not restored: No space left on device/],
    {
      rules: ["write error ENOSPC offset 1048577 : /target-restore-enospc-late/*"],
    },
  ),
  fault(
    "eio-write",
    "EIO at a write",
    "write error EIO : @",
    [/not restored: Input\/output error/],
    { short: true },
  ),
  fault("eacces", "EACCES where a directory should be made", "mkdir error EACCES : @/sub", [
    /sub.*not restored: Permission denied/,
  ]),
  fault("erofs", "the target is read only", "mkdir,create,mknod,symlink error EROFS : @", [
    /not restored: Read-only file system/,
  ]),
  fault(
    "enametoolong",
    "the target does not take a name so long",
    "create error ENAMETOOLONG : @",
    [/not restored: File name too long/],
  ),
  fault("rename", "EIO when a file gets its final name", "rename error EIO : @/a", [
    /\/a: not restored: Input\/output error/,
  ]),
  fault(
    "link",
    "EIO at a hard link, whichever of the two names comes second",
    "",
    [/(\/a|second): not restored: Input\/output error/],
    {
      tree: (root) => {
        sampleTree(root);
        mkdirSync(join(root, "z"));
        linkSync(join(root, "a"), join(root, "z/second"));
      },
      rules: ["link error EIO : /target-restore-link/*"],
    },
  ),
  fault("attributes", "owner and times cannot be set", "chown,utimens error EPERM : @", [], {
    expect: { status: "ok", says: [/restored 3 files/, /of \d+ entries could not be set in full/] },
  }),
  fault(
    "planted-symlink",
    "a symlink out of the target was planted where a directory belongs: it is replaced when the directory's entry comes first",
    "",
    [],
    {
      short: true,
      keys: "threads=1", // with more, an entry below may come before it, and is refused with ELOOP: planted-parent
      act: async (bench, job) => {
        const outside = scratch();
        let planted = "";
        const result = await restoring((b, j) => {
          const where = onLabFs(b, j);
          planted = join(where, b.fs.mount, j);
          mkdirSync(planted, { recursive: true });
          symlinkSync(outside, join(planted, "sub"));
          return where;
        })(bench, job);
        expect(readdirSync(outside)).toEqual([]);
        expect(lstatSync(join(planted, "sub")).isDirectory()).toBe(true);
        expect(existsSync(join(planted, "sub/x"))).toBe(true);
        return result;
      },
      expect: { status: "ok", says: [/restored 3 files/] },
    },
  ),
  fault(
    "planted-parent",
    "a symlink out of the target was planted above everything that is restored: ELOOP",
    "",
    [/big: not restored: Too many levels of symbolic links .*none is followed/],
    {
      act: async (bench, job) => {
        const outside = scratch();
        const result = await restoring((b, j) => {
          const where = onLabFs(b, j);
          symlinkSync(outside, join(where, b.fs.mount.split("/")[1] ?? ""));
          return where;
        })(bench, job);
        expect(readdirSync(outside)).toEqual([]);
        return result;
      },
    },
  ),
  fault(
    "directory-in-the-way",
    "a directory that holds something stands where a file belongs",
    "",
    [/\/a: not restored: Is a directory/],
    {
      act: restoring((bench, job) => {
        const where = onLabFs(bench, job);
        mkdirSync(join(where, bench.fs.mount, job, "a", "something"), { recursive: true });
        return where;
      }),
    },
  ),
  fault("cancel-hung", "the restore is cancelled while a write hangs", "write hang : @", [], {
    act: async (bench, job) => {
      const saved = await bench.lab.run(job);
      const where = onLabFs(bench, job);
      const answer = await bench.lab.console(
        `restore jobid=${saved.jobId} client=lab-fd restorejob=Rest where="${where}" all done yes`,
      );
      const jobId = Number(/JobId=(\d+)/.exec(answer)?.[1]);
      await bench.hanging(2);
      await bench.lab.cancel(jobId);
      // The File Daemon's own thread sits in write(2): it ends when the filesystem answers, and at
      // once then.
      bench.fs.release();
      const result = await bench.lab.wait(jobId, 20_000);
      await until(
        "no half file is left",
        5000,
        () => namesBelow(where, /^\.podheitor-hpc/).length === 0,
      );
      expect(namesBelow(where, /^(a|big)$/)).toEqual([]);
      return result;
    },
    expect: { status: "cancelled", says: [] },
  }),
  fault("slow", "the target is slow", "all delay 20 : @", [], {
    expect: { status: "ok", says: [/restored 3 files .*failed 0/] },
  }),
  fault("short-writes", "writes take at most 1000 bytes", "write short 1000 : @", [], {
    expect: { status: "ok", says: [/restored 3 files .*failed 0/] },
  }),
  fault(
    "replaced-parent",
    "the directory that is being filled becomes a symlink",
    "",
    [/sub\/x: not restored/],
    {
      rules: [
        "create,open exchange /target-restore-replaced-parent/link : /target-restore-replaced-parent/*sub/*",
      ],
      act: async (bench, job) => {
        const outside = scratch();
        const result = await restoring((b, j) => {
          const where = onLabFs(b, j);
          symlinkSync(outside, join(b.fs.source, `target-${j}`, "link"));
          writeFileSync(join(b.fs.source, `target-${j}`, "kept"), "kept");
          return where;
        })(bench, job);
        expect(readdirSync(outside)).toEqual([]);
        return result;
      },
    },
  ),
];

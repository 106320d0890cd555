import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { JobLog } from "@podheitor/hpc-archive";
import { describeFilesystem, mountOf, parseMountinfo } from "@podheitor/hpc-native";
import { RecordWriter, ScanOp } from "@podheitor/hpc-walker";
import { BatchEmitter } from "../src/emit/batch-emitter";
import { Tally } from "../src/job/tally";
import { type JobParams, parseParams } from "../src/params/params";
import { checkRoot } from "../src/params/plan";
import { unreadableRoot } from "../src/params/roots";
import { TestPlugin } from "./plugin";

/* Roots that cannot be saved, or must not be by accident. */

const ROOT = join(__dirname, "..", "..", "..");
/**
 * root reads everything: where the tests run as root, the backend runs without the capabilities to.
 */
const DROP = [
  "--bounding-set=-dac_override,-dac_read_search",
  "--inh-caps=-dac_override,-dac_read_search",
  "--",
];
const POWERLESS = process.getuid?.() === 0 ? ["setpriv", ...DROP] : [];

let scratch: string;
let program: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-roots-"));
  execFileSync(process.execPath, [join(ROOT, "scripts", "bundle.mjs"), "hpc-backend", scratch]);
  program = join(scratch, "podheitor-hpc-backend.cjs");
  mkdirSync(join(scratch, "closed/below"), { recursive: true });
  mkdirSync(join(scratch, "open"));
  mkdirSync(join(scratch, "listless"));
  writeFileSync(join(scratch, "file"), "secret");
  chmodSync(join(scratch, "closed"), 0o000);
  chmodSync(join(scratch, "listless"), 0o311);
  chmodSync(join(scratch, "file"), 0o000);
  chmodSync(scratch, 0o755);
});
afterAll(() => {
  chmodSync(join(scratch, "closed"), 0o700);
  rmSync(scratch, { recursive: true });
});

describe("a root that may not be read", () => {
  const cases = [["closed"], ["closed/below"], ["listless"], ["file"]];

  test.each(cases)(
    "%s: one line that names path and remedy, exit 1, and not a byte of a job",
    (name) => {
      const path = join(scratch, name);
      const [command = "", ...args] = [...POWERLESS, process.execPath, program];
      const open = `--path=${join(scratch, "open")}`;
      const ran = spawnSync(command, [...args, "backup", open, `--path=${path}`], {
        encoding: "utf8",
        cwd: "/",
      });
      expect(ran.stderr).toBe(
        `podheitor-hpc-backend: path "${path}" cannot be used: EACCES. ` +
          "Run the job as root, or as a user who may read it and search the directories above it. [HPC_BAD_PATH]\n",
      );
      expect([ran.status, ran.stdout]).toEqual([1, ""]);
    },
  );

  let plugin: TestPlugin | undefined;
  afterEach(() => plugin?.kill());

  test("an abort frame answers the parameters", async () => {
    const [command = "", ...args] = [...POWERLESS, process.execPath, program, "backup"];
    plugin = new TestPlugin(args, {}, command);
    await plugin.configure({ Type: "B", Level: "F" }, [`path=${join(scratch, "closed")}`]);
    expect((await plugin.expect("A")).toString()).toMatch(
      /closed" cannot be used: EACCES\. Run the job as root/,
    );
    expect(await plugin.next()).toBeUndefined();
    expect(await plugin.exit()).toMatchObject({ code: 1, signal: null });
    expect(plugin.stderr).toBe("");
  });
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot(
  "a root behind another user's link ends the job with one line that names the link; one behind root's is saved",
  () => {
    const link = join(scratch, "theirs");
    symlinkSync("open", link);
    symlinkSync("open", join(scratch, "ours"));
    lchownSync(link, 12_345, 12_345);
    const save = (path: string) =>
      spawnSync(process.execPath, [program, "backup", `--path=${path}`], {
        encoding: "latin1",
        cwd: "/",
      });
    for (const path of [link, join(link, ".")]) {
      const refused = save(path);
      expect(refused.stderr).toContain(
        `cannot be used: the symbolic link ${link} on the way may lead where another user wants. ` +
          "Name the resolved path (as a path of the FileSet, or with --path). [HPC_BAD_PATH]\n",
      );
      expect(refused.status).toBe(1);
    }
    expect(save(join(scratch, "ours")).status).toBe(0);
  },
);

describe("a root that becomes unreadable after it was checked", () => {
  const root = Buffer.from("/data/tree");

  /** Lets the emitter meet one ERROR record of the scan. */
  async function meet(op: ScanOp, dir: Buffer, name: string): Promise<string[]> {
    const said: string[] = [];
    const bytes = Buffer.alloc(4096);
    const writer = new RecordWriter(bytes);
    writer.dir(dir);
    writer.error(op, 13, Buffer.from(name));
    const methods = {
      attributes: fail,
      deleted: fail,
      drain: fail,
      entry: fail,
      data: fail,
      end: fail,
    };
    const sink = { full: false, ...methods };
    const emitter = new BatchEmitter({
      params: {
        ...parseParams([["path", Buffer.from("/")]]),
        paths: [Buffer.from("/other"), root],
      },
      sink,
      sums: new Tally(),
      messages: new JobLog((level, text) => said.push(`${level} ${text}`)),
      content: true,
      signal: undefined,
    });
    await emitter.batch(writer.batch, undefined);
    return said;
  }
  const fail = (): never => {
    throw new Error("nothing is to be sent");
  };

  test.each([
    ["opened", ScanOp.OPENDIR, root, ""],
    ["stat-ed", ScanOp.STAT, root, ""],
    ["stat-ed by its name", ScanOp.STAT, Buffer.from("/data"), "tree"],
  ])("ends the job when it cannot be %s", async (_what, op, dir, name) => {
    await expect(meet(op, dir, name)).rejects.toMatchObject({
      code: "HPC_BAD_PATH",
      message: 'path "/data/tree" cannot be used: EACCES',
    });
  });

  test("what a name such as EACCES does not tell is said", () => {
    const { message, remedy } = unreadableRoot(root, "ESHUTDOWN");
    expect(message).toBe('path "/data/tree" cannot be used: ESHUTDOWN');
    expect(remedy).toMatch(/^The client has given up its server: `lfs mdts`/);
    expect(unreadableRoot(root, "EMFILE").remedy).toMatch(
      /^Raise the limit of open files: `ulimit -n`/,
    );
  });

  test("while anything below it is a warning", async () => {
    expect(await meet(ScanOp.OPENDIR, Buffer.from("/data/tree/sub"), "")).toEqual([
      "not-saved /data/tree/sub: cannot open directory: EACCES",
    ]);
    expect(await meet(ScanOp.STAT, root, "tree")).toEqual([
      "not-saved /data/tree/tree: cannot stat: EACCES",
    ]);
  });
});

describe("the root of a whole parallel filesystem", () => {
  const MOUNTS = parseMountinfo(
    Buffer.from(
      [
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        "30 1 0:30 / /lustre rw - lustre 10.0.0.1@tcp:/scratch rw",
        "29 1 0:30 / /sub rw - lustre 10.0.0.1@tcp:/scratch/tree/d33 rw",
        "31 1 0:31 / /gpfs rw - gpfs fs1 rw",
        "32 1 0:32 / /ceph\\040fs rw - ceph 10.0.0.1:6789:/ rw",
        "33 1 0:33 / /kernel-less rw - fuse.ceph-fuse ceph-fuse rw",
        "34 1 0:34 / /beegfs rw - beegfs beegfs_nodev rw",
        "35 1 0:35 / /weka rw - wekafs default rw",
        "36 1 0:36 / /home rw - nfs4 server:/home rw",
      ].join("\n"),
    ),
  );

  /** Judges `path`, which leads to `real`. */
  function judge(path: string, params: Partial<JobParams> = {}, real = path): string | undefined {
    const bytes = Buffer.from(real);
    const root = {
      path: Buffer.from(path),
      real: bytes,
      filesystem: describeFilesystem(0, mountOf(bytes, MOUNTS)),
    };
    return checkRoot(root, { mode: "auto", allowRoot: false, ...params });
  }

  test.each([
    ["/lustre", "lustre"],
    ["/gpfs", "gpfs"],
    ["/ceph fs", "cephfs"],
    ["/kernel-less", "cephfs"],
    ["/beegfs", "beegfs"],
    ["/weka", "weka"],
  ])("%s is refused without allow-root, by itself and through a symlink", (mount, type) => {
    const refusal = (path: string) =>
      expect.objectContaining({
        code: "HPC_ROOT_REFUSED",
        key: "path",
        message: `path ${path} is the root of a whole ${type} filesystem`,
        remedy: expect.stringContaining("allow-root=yes"),
      });
    expect(() => judge(mount)).toThrow(refusal(mount));
    expect(() => judge("/shortcut", {}, mount)).toThrow(refusal("/shortcut"));
    expect(judge(mount, { allowRoot: true })).toBeUndefined();
  });

  test.each(["/", "/home", "/sub", "/lustre/project", "/lustre2", "/weka/a/b"])(
    "%s is not",
    (path) => expect(judge(path)).toBeUndefined(),
  );

  test("mode does not talk its way round it, and a mode of another filesystem is said", () => {
    expect(() => judge("/lustre", { mode: "posix" })).toThrow(
      expect.objectContaining({ code: "HPC_ROOT_REFUSED" }),
    );
    expect(judge("/lustre/a", { mode: "lustre" })).toBeUndefined();
    expect(judge("/home/a", { mode: "lustre" })).toBe(
      "mode=lustre, but /home/a is on nfs: a directory is read by one thread all the same",
    );
    expect(judge("/home/a", { mode: "gpfs" })).toBe(
      "mode=gpfs, but /home/a is on nfs: it is read as posix",
    );
  });
});

test("nothing of this left a file behind", () => {
  expect(readdirSync(join(scratch, "open"))).toEqual([]);
});

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listArchive } from "@podheitor/hpc-archive";
import { type Digests, storedInArchive, storedInCatalog } from "../src/bacula/stored";
import { command } from "../src/command";
import {
  type Cell,
  type Columns,
  cellsOf,
  columnOf,
  contractPage,
  kept,
  lost,
  type Row,
  type Way,
  ways,
} from "../src/trees/metadata-contract";
import { metadataFilesystem } from "../src/trees/metadata-filesystem";
import {
  type Aspect,
  makeMetadataTree,
  makeSocket,
  type Subject,
  sparse,
} from "../src/trees/metadata-tree";
import { changed, type Observed, observe } from "../src/trees/observe";
import {
  atCleanUp,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  repository,
  scratch,
} from "./support";

const page = join(repository, "docs/metadata-contract.md");
const committed = existsSync(page) ? readFileSync(page, "utf8") : "";
const columns = new Map<Way, Columns>();

const extra: readonly Row[] = [
  { group: "Regular files", what: "1 TiB with three extents of 4 KiB, in seconds" },
  { group: "Sockets", what: "not saved; counted, and named once" },
  { group: "The source", what: "files and directories stay as they were, access times included" },
  { group: "The source", what: "symlinks stay as they were, access times included" },
];
const aspects: readonly Aspect[] = [
  "type",
  "content",
  "mode",
  "owner",
  "mtime",
  "atime",
  "xattrs",
  "flags",
  "sparse",
];
const notApplicable = "–";
/** Sockets, and the source's two rows. */
const notRestored = [notApplicable, notApplicable, notApplicable];

let root: string;
let view: string;
let subjects: readonly Subject[];

const look = (path: string) => {
  const plain = subjects
    .flatMap(({ paths }) => paths)
    .filter((name) => /^[!-[\]-~]*$/.test(name) && !name.startsWith("names/"));
  return observe(path, [...new Set(plain)]);
};

beforeAll(async () => {
  const filesystem = await metadataFilesystem(scratch());
  atCleanUp(() => filesystem.unmount());
  ({ root, view } = filesystem);
  subjects = makeMetadataTree(`${root}/tree`);
  makeSocket(`${root}/tree/special/socket`);
  for (const path of ["tree/special", "tree"])
    await command(["touch", "-d", "@1500000000.5", `${root}/${path}`]);
});
afterAll(cleanUp);

async function podheitor(limit: number, ...words: string[]): Promise<string> {
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words, "--json"], {
    maxBuffer: 1 << 26,
    timeout: limit,
    killSignal: "SIGKILL",
  }).catch((error: { code?: unknown; stdout: string }) => {
    if (error.code === 3) return error; // done, with warnings: what is lost is for the comparison to say
    throw error;
  });
  return stdout;
}

/** The source after a backup: what of it moved, of what is no symlink and of symlinks. */
async function sourceCells(before: ReadonlyMap<string, Observed>): Promise<[Cell, Cell]> {
  const after = await look(`${view}/tree`);
  const cell = (symlinks: boolean): Cell => {
    const moved = new Set<string>();
    for (const [path, was] of before)
      if ((was.type === "l") === symlinks)
        for (const aspect of changed(was, after.get(path), aspects)) moved.add(aspect);
    return moved.size === 0 ? kept : lost([...moved].join(", "));
  };
  return [cell(false), cell(true)];
}

function socketCell(messages: string, counted: boolean): Cell {
  const named = messages.split("special/socket").length - 1;
  if (!counted) return lost("not counted");
  return named === 1 ? kept : lost(`named ${named} times`);
}

async function huge(): Promise<[backup: Cell, restore: Cell]> {
  mkdirSync(`${root}/huge`);
  const size = 2 ** 40;
  const offsets = [0, 2 ** 39, size - 4096];
  sparse(`${root}/huge/file`, size, offsets);
  const archive = `${root}/huge.hpc`;
  const back = `${root}/huge-back`;
  // What stores the holes fills the filesystem, or takes for ever.
  const soon = async (...words: string[]): Promise<Cell> => {
    try {
      await podheitor(20_000, ...words);
      return kept;
    } catch (error) {
      const { killed, code } = error as { killed?: boolean; code?: unknown };
      if (killed || code === 1) return lost("not within 20 seconds and 4 GiB");
      throw error;
    }
  };
  const saved = await soon("backup", "--path", `${root}/huge`, "--archive", archive);
  if (saved !== kept) return [saved, lost("nothing to restore")];
  const restored = await soon("restore", "--archive", archive, "--where", back);
  if (restored !== kept) return [saved, restored];
  const [one, two] = [`${view}/huge/file`, `${view}/huge-back${root}/huge/file`];
  const ask = async (...argv: string[]) =>
    (await command(argv, { accept: [0, 1] })).stdout.toString();
  // Logical offsets and lengths of the extents; what lies between them reads as zeros.
  const extents = async (file: string) =>
    [...(await ask("filefrag", "-v", file)).matchAll(/^ *\d+: *(\d+)\.\. *(\d+):/gm)].map(
      ([, from, to]) => `${from}-${to}`,
    );
  expect(await extents(one)).toHaveLength(3);
  expect(await extents(two)).toEqual(await extents(one));
  for (const offset of offsets)
    await command(["cmp", "-i", String(offset), "-n", "4096", one, two]);
  expect(await ask("stat", "-c", "%s %b", two)).toBe(await ask("stat", "-c", "%s %b", one));
  return [saved, restored];
}

/**
 * What Bacula's catalog may say of the contents of every file of the source, beside what was
 * observed.
 */
async function contents(before: ReadonlyMap<string, Observed>): Promise<Map<string, Digests>> {
  const files = new Map<string, Digests>();
  for (const [path, { type, content }] of before) {
    if (type !== "f") continue;
    const bytes = await readFile(Buffer.from(`${view}/tree/${path}`, "latin1"));
    files.set(path, { sha256: content, md5: [md5(bytes), md5WithoutZeros(bytes)] });
  }
  return files;
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("base64");
}

/**
 * Of a sparse file the File Daemon digests what it sends: no block that is zeros, but for the last
 * one. A block is 64 KiB with its address of 8 bytes.
 */
function md5WithoutZeros(bytes: Buffer): string {
  const hash = createHash("md5");
  const block = 65536 - 8;
  for (let at = 0; at < bytes.length; at += block) {
    const piece = bytes.subarray(at, at + block);
    if (piece.some((byte) => byte !== 0) || at + block >= bytes.length) hash.update(piece);
  }
  return hash.digest("base64");
}

/** Every cell that the page calls kept is kept, and every one that it calls lost still is. */
function expectAsCommitted(way: Way): void {
  const rows = [...subjects, ...extra];
  const observed = columnOf(contractPage(rows, columns, []), way);
  if (process.env["UPDATE_DOCS"] !== "1") expect(observed).toEqual(columnOf(committed, way));
}

test("the tree holds what the rows speak of", async () => {
  const found = await look(`${view}/tree`);
  for (const { what, paths, aspects } of subjects) {
    const values = (aspect: Aspect) => paths.map((path) => found.get(path)?.[aspect] ?? "");
    for (const aspect of aspects.filter((one) =>
      ["xattrs", "flags", "target", "device", "links"].includes(one),
    ))
      if (!what.includes("did not inherit"))
        expect([what, aspect, values(aspect)]).not.toEqual([
          what,
          aspect,
          expect.arrayContaining([""]),
        ]);
  }
  expect(found.get("acls/access")?.acl).toContain("user:1234:rwx");
  expect(found.get("acls/default")?.acl).toContain("default:group:4321:---");
  expect(found.get("data/sparse")?.sparse).toBe("24");
});

test("through the archive", async () => {
  const before = await look(`${view}/tree`);
  const archive = `${root}/tree.hpc`;
  const said = await podheitor(60_000, "backup", "--path", `${root}/tree`, "--archive", archive);
  const summary = JSON.parse(said.trimEnd().split("\n").at(-1) ?? "") as {
    entries: number;
    filtered: number;
  };
  const source = await sourceCells(before);
  await podheitor(60_000, "restore", "--archive", archive, "--where", `${root}/from-archive`);
  const after = await look(`${view}/from-archive${root}/tree`);
  const entries = [];
  for await (const entry of listArchive(archive)) {
    expect([entry.name.toString("latin1"), entry.damage]).toEqual([
      entry.name.toString("latin1"),
      undefined,
    ]);
    entries.push(entry);
  }
  const stored = storedInArchive(entries, `${root}/tree`);
  const counted = summary.filtered === 1 && summary.entries === before.size - 1;
  const [hugeBackup, hugeRestore] = await huge();
  const { backup, restore } = cellsOf(subjects, before, stored, after);
  columns.set("archive", {
    backup: [...backup, hugeBackup, socketCell(said, counted), ...source],
    restore: [...restore, hugeRestore, ...notRestored],
  });
  expectAsCommitted("archive");
});

describe.each(chosenReleases)("through Bacula %s", (release) => {
  test("backup and restore", async () => {
    const lab = await labWith(release, [pluginJob("Plugin", `${root}/tree`)], {
      pluginDir: installedPlugin(),
    });
    const before = await look(`${view}/tree`);
    const job = await lab.run("Plugin");
    expect([job.status, job.errors, job.files]).toEqual(["ok", 0, before.size - 1]);
    const source = await sourceCells(before);
    const where = `${root}/from-${release}`;
    mkdirSync(where);
    const restored = await lab.restore({ jobIds: [job.jobId], where });
    expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    const after = await look(`${view}/from-${release}${root}/tree`);
    const stored = storedInCatalog(
      await lab.catalog(job.jobId),
      `${root}/tree`,
      await contents(before),
    );
    await lab.stop();
    const socket = socketCell(job.messages, /filtered 1,/.test(job.messages));
    const cells = cellsOf(subjects, before, stored, after);
    columns.set(`Bacula ${release}`, {
      backup: [...cells.backup, notApplicable, socket, ...source],
      restore: [...cells.restore, notApplicable, ...notRestored],
    });
    expectAsCommitted(`Bacula ${release}`);
  });
});

test("docs/metadata-contract.md says what was seen", () => {
  if (ways.some((way) => !columns.has(way))) return expect(chosenReleases.length).toBe(1); // a part was chosen; its columns were compared
  const text = contractPage([...subjects, ...extra], columns, [
    "1 TiB through Bacula: its File Daemon takes plain contents from a plugin, so holes are not read but sent as zeros, which takes long. Restored files are sparse again.",
    "The source's access times: files and directories are opened with O_NOATIME. Reading a symlink moves its access time unless the filesystem is mounted with noatime (relatime: once a day); no system call avoids that.",
    "NFSv4 ACLs are not observed here: no local filesystem takes them. They are extended attributes (`system.nfs4_acl`) and travel as bytes like the others.",
    "Never saved, never restored: what a filesystem keeps in extended attributes for itself. Lustre: `trusted.lov`, `lmv`, `lma`, `link`, `fid`, `som`, `hsm`, `version`, `dmv`, `dummy`, `dataver`, `lfsck_bitmap`, `projid`, `pin`, and `user.job`, in which a metadata server notes which job made the file; everything that begins with `lustre.`, `ceph.`, `btrfs.`, `gpfs.`, `afs.`, `cifs.` or `trusted.overlay.`.",
    "Project ids are not observed here: ext4 needs a kernel with project quota for them.",
    "Bacula's own attribute record holds whole seconds; the nanoseconds travel in fields that it carries and nobody reads (docs/plugin.md). `bextract`, without our plugin, restores contents and whole seconds.",
  ]);
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, text);
  else expect(text).toBe(committed);
});

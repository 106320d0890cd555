import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../src/command";
import { until } from "../src/wait";
import { cancelWhen, type Fault, sampleEntries, sampleTree } from "./fault-bench";

const all = sampleEntries;
const rest = ["sub/x", "sub/"];

/** The sample tree and something beside it that takes a name's place. */
function treeWith(more: (root: string) => void): (root: string) => void {
  return (root) => {
    sampleTree(root);
    more(root);
  };
}

/** In `outside`, and in no tree that is saved. */
const secret = "what no job may ever read";

/** A folder beside the job's own that holds a file `secret`. */
function outside(root: string): string {
  const folder = `${root}-outside`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "secret"), `${secret}\n`);
  return folder;
}

// labfs is asked twice for one stat of a name, by its look-up and for its attributes: what comes
// after them is the open's look-up.
const looksOfStat = 2;

/** What happens to files and directories while they are saved. */
export const sourceFaults: readonly Fault[] = [
  {
    name: "grow-small",
    what: "a small file grows between its stat and its read",
    rules: ["open append 4096 : %/a"],
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "grow-large",
    what: "a large file grows while it is read",
    short: true,
    rules: ["read append 500000 offset 1048576 : %/big"],
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "shrink-small",
    what: "a small file shrinks to nothing between its stat and its read",
    rules: ["open truncate 0 : %/a"],
    expect: {
      status: "ok",
      says: [/shrink-small\/a.*shrank/],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "shrink-large",
    what: "a large file shrinks while it is read",
    short: true,
    rules: ["read truncate 700000 offset 1048576 : %/big"],
    expect: {
      status: "ok",
      says: [/shrink-large\/big.*shr[au]nk/],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "replaced-small",
    what: "another file takes a small file's name between its stat and its read",
    tree: treeWith((root) => writeFileSync(join(root, "new"), "new content")),
    rules: ["open replace %/new : %/a"],
    expect: { status: "ok", says: [], saved: ["a", "big", ...rest] },
  },
  {
    name: "replaced-large",
    what: "another file takes a large file's name while it is read",
    tree: treeWith((root) => writeFileSync(join(root, "new"), "new content")),
    rules: ["read replace %/new offset 1048576 : %/big"],
    expect: { status: "ok", says: [], saved: ["a", "big", ...rest] },
  },
  {
    name: "vanish-before-stat",
    what: "a file vanishes between readdir and stat",
    short: true,
    rules: ["getattr unlink : %/a"],
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all, vanished: 1, emitted: all - 1 },
      notSaved: ["a"],
      saved: rest,
    },
  },
  {
    name: "vanish-before-open",
    what: "a small file vanishes between stat and open",
    rules: ["open unlink : %/a"],
    expect: { status: "ok", says: [], sums: { scanned: all }, saved: ["big", ...rest] },
  },
  {
    name: "vanish-large",
    what: "a large file vanishes between stat and open",
    rules: ["open unlink : %/big"],
    expect: { status: "ok", says: [], sums: { scanned: all }, saved: ["a", ...rest] },
  },
  {
    name: "vanish-directory",
    what: "a directory vanishes between stat and open",
    tree: treeWith((root) => mkdirSync(join(root, "empty"))),
    rules: ["opendir unlink : %/empty"],
    expect: { status: "ok", says: [], sums: { scanned: all + 1 }, saved: ["a", "big", ...rest] },
  },
  {
    name: "eacces-file",
    what: "EACCES at open of a file",
    rules: ["open error EACCES : %/a"],
    expect: {
      status: "ok",
      says: [/eacces-file\/a.*EACCES/],
      sums: { scanned: all },
      saved: ["big", ...rest],
    },
  },
  {
    name: "eacces-directory",
    what: "EACCES at the listing of a directory",
    rules: ["opendir error EACCES : %/sub"],
    expect: {
      status: "ok",
      says: [/eacces-directory\/sub.*EACCES/],
      sums: { scanned: all - 1, unlisted: 1 },
      saved: ["a", "big", "sub/"],
      notSaved: ["sub/x"],
    },
  },
  {
    name: "eacces-stat",
    what: "EACCES at stat",
    rules: ["getattr error EACCES : %/sub/x"],
    expect: {
      status: "ok",
      says: [/eacces-stat\/sub\/x.*EACCES/],
      sums: { scanned: all, failed: 1, emitted: all - 1 },
      notSaved: ["sub/x"],
    },
  },
  {
    name: "eio-small",
    what: "EIO at the read of a small file: nothing of it is sent, so it counts as failed",
    short: true,
    rules: ["read error EIO : %/a"],
    expect: {
      status: "ok",
      says: [/eio-small\/a.*EIO/],
      sums: { scanned: all, emitted: all - 1, failed: 1, unread: 0 },
      notSaved: ["a"],
      saved: ["big", ...rest],
    },
  },
  {
    name: "eio-large",
    what: "EIO in the middle of a large file",
    rules: ["read error EIO offset 1048577 : %/big"],
    expect: {
      status: "ok",
      says: [/eio-large\/big.*(EIO|Input\/output error)/],
      sums: { scanned: all, unread: 1 },
      saved: ["a", ...rest],
    },
  },
  {
    name: "eio-stat",
    what: "EIO at stat",
    rules: ["getattr error EIO : %/a"],
    expect: {
      status: "ok",
      says: [/eio-stat\/a.*EIO/],
      sums: { scanned: all, failed: 1 },
      notSaved: ["a"],
      saved: rest,
    },
  },
  {
    name: "eio-readdir",
    what: "EIO while a directory is listed",
    rules: ["readdir error EIO : %/sub"],
    expect: {
      status: "ok",
      says: [/eio-readdir\/sub.*EIO/],
      sums: { unlisted: 1 },
      saved: ["a", "big", "sub/"],
    },
  },
  {
    name: "eio-readlink",
    what: "EIO at the target of a symlink",
    tree: treeWith((root) => symlinkSync("a", join(root, "link"))),
    rules: ["readlink error EIO : %/link"],
    expect: {
      status: "ok",
      says: [/eio-readlink\/link.*EIO/],
      sums: { scanned: all + 1, failed: 1 },
      notSaved: ["link"],
      saved: rest,
    },
  },
  {
    name: "enametoolong",
    what: "ENAMETOOLONG at open of a directory",
    rules: ["opendir error ENAMETOOLONG : %/sub"],
    expect: {
      status: "ok",
      says: [/enametoolong\/sub.*ENAMETOOLONG/],
      sums: { unlisted: 1 },
      saved: ["a", "big"],
    },
  },
  {
    name: "file-to-symlink",
    what: "a symlink out of the tree takes a file's name between stat and open: it is saved as what it is by then",
    tree: treeWith((root) => symlinkSync(join(outside(root), "secret"), join(root, "link"))),
    rules: [`getattr exchange %/link after ${looksOfStat} : %/a`],
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all + 1, emitted: all + 1 },
      saved: ["big", ...rest],
      kinds: { a: "l" },
      never: secret,
    },
  },
  {
    name: "estale-stat",
    what: "ESTALE at stat",
    rules: ["getattr error ESTALE : %/a"],
    expect: {
      status: "ok",
      says: [/estale-stat\/a.*ESTALE/],
      sums: { scanned: all, failed: 1 },
      notSaved: ["a"],
      saved: rest,
    },
  },
  {
    name: "estale-read",
    what: "ESTALE in the middle of a large file",
    rules: ["read error ESTALE offset 1048577 : %/big"],
    expect: {
      status: "ok",
      says: [/estale-read\/big.*(ESTALE|Stale file handle)/],
      sums: { unread: 1 },
      saved: ["a", ...rest],
    },
  },
  {
    name: "directory-to-symlink",
    what: "a symlink out of the tree takes a directory's name between stat and open: nothing that it leads to is saved",
    short: true,
    tree: treeWith((root) => symlinkSync(outside(root), join(root, "zz"))),
    rules: [`getattr exchange %/zz after ${looksOfStat} : %/sub`],
    expect: {
      status: "ok",
      says: [],
      saved: ["a", "big"],
      kinds: { sub: "d" },
      notSaved: ["sub/x", "sub/secret", "zz/secret"],
      never: secret,
    },
  },
  {
    name: "file-to-directory",
    what: "a directory takes a file's name between stat and open",
    tree: treeWith((root) => mkdirSync(join(root, "aside"))),
    rules: ["open exchange %/aside : %/a"],
    expect: { status: "ok", says: [], saved: ["big", ...rest] },
  },
  {
    name: "short-reads",
    what: "reads return at most 1000 bytes",
    rules: ["read short 1000 : %/*"],
    expect: {
      status: "ok",
      says: [/2102153 bytes of data; not read in full 0/],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "slow-filesystem",
    what: "every operation takes 50 ms longer",
    rules: ["all delay 50 : %*"],
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "hang-then-answer",
    what: "a read hangs longer than the stall limit, then answers: the backend's heartbeats keep the job",
    conf: (bench) => [...bench.realBackend, "stall-limit = 7"],
    rules: ["read hang : %/big"],
    act: async (bench, job) => {
      const { jobId } = await bench.startWithBackend(job);
      await bench.hanging(1);
      const end = Date.now() + 9000;
      await until("the stall limit passes", 12_000, () => Date.now() > end);
      bench.fs.rule("release");
      return bench.lab.wait(jobId);
    },
    expect: {
      status: "ok",
      says: [],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
  {
    name: "cancel-hung-read",
    what: "the job is cancelled while a large file's read hangs",
    short: true,
    rules: ["read hang : %/big"],
    act: cancelWhen((bench) => bench.hanging(2), 20_000),
    expect: { status: "cancelled", says: [] },
  },
  {
    name: "cancel-hung-small",
    what: "the job is cancelled while the scan's read of a small file hangs",
    rules: ["open hang : %/a"],
    act: cancelWhen((bench) => bench.hanging(2), 20_000),
    expect: { status: "cancelled", says: [] },
  },
  {
    name: "cancel-hung-listing",
    what: "the job is cancelled while the listing of a directory hangs",
    rules: ["opendir hang : %/sub"],
    act: cancelWhen((bench) => bench.hanging(2), 20_000),
    expect: { status: "cancelled", says: [] },
  },
  {
    name: "path-gone",
    what: "the job's path does not exist",
    act: async (bench, job) => {
      await command(["rm", "-r", join(bench.fs.source, job)]);
      return bench.lab.run(job);
    },
    expect: { status: "failed", says: [/path-gone.*ENOENT/] },
  },
  {
    name: "path-eio",
    what: "EIO at stat of the job's path",
    rules: ["getattr error EIO : %"],
    expect: { status: "failed", says: [/path-eio.*EIO/] },
  },
  {
    name: "xattrs-eio",
    what: "EIO at the list of a file's extended attributes",
    rules: ["listxattr error EIO : %/a"],
    expect: {
      status: "ok",
      says: [/xattrs-eio\/a.*EIO/],
      sums: { scanned: all, emitted: all },
      saved: ["a", "big", ...rest],
    },
  },
];

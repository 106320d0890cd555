import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { labError } from "../errors";

/** What can be asked of an entry; {@link observe} asks it. */
export type Aspect =
  | "type"
  | "size"
  | "content"
  | "mode"
  | "owner"
  | "mtime"
  | "atime"
  | "target"
  | "device"
  | "links"
  | "sparse"
  | "xattrs"
  | "acl"
  | "flags";

/** One row of the contract: some entries, and what of them has to come back. */
export interface Subject {
  readonly group: string;
  readonly what: string;
  /** Below the tree's root; bytes as latin1. */
  readonly paths: readonly string[];
  readonly aspects: readonly Aspect[];
}

const owners = 2 ** 32 - 2; // 2^32 - 1 means "leave it" to chown

/** Names of the tree; every byte one latin1 character. */
const names = [
  "new\nline",
  "trailing newline\n",
  'double"quote',
  "back\\slash",
  "-rf",
  " blanks ",
  "semi;colon=and|pipe",
  "\u0001\u001b[31mcontrol",
  "\xff\xfe\x80",
  "\xc3(",
  "x".repeat(255),
];

/**
 * Makes a tree that holds every kind of the metadata contract, and returns the contract's rows.
 * Needs root and a filesystem such as
 * {@link metadataFilesystem}'s. Made with coreutils, attr, acl and e2fsprogs.
 */
export function makeMetadataTree(root: string): readonly Subject[] {
  const subjects: Subject[] = [];
  mkdirSync(root);
  const at = (path: string): string => `${root}/${path}`;
  const row = (
    group: string,
    what: string,
    paths: readonly string[],
    ...aspects: Aspect[]
  ): void => {
    subjects.push({ group, what, paths, aspects });
  };
  const folder = (path: string): string => {
    mkdirSync(at(path));
    return path;
  };
  const file = (path: string, bytes = 100): string => {
    writeFileSync(at(path), Buffer.alloc(bytes, `${path} `), { flag: "wx" });
    return path;
  };
  const touch = (path: string, mtime: string, atime = mtime): string => {
    run("touch", "-h", "-m", "-d", mtime, at(path));
    run("touch", "-h", "-a", "-d", atime, at(path));
    return path;
  };

  folder("names");
  for (const name of names) writeFileSync(bytes(at(`names/${name}`)), "named", { flag: "wx" });
  row(
    "Names",
    "any byte but NUL and `/`: newlines, controls, no UTF-8, 255 bytes",
    names.map((name) => `names/${name}`),
    "type",
    "content",
  );

  folder("data");
  const sizes = [0, 1, 65_535, 65_536, 65_537, 1_048_577];
  row(
    "Regular files",
    "contents, empty to large",
    sizes.map((size) => file(`data/${size}`, size)),
    "type",
    "size",
    "content",
  );
  sparse(at("data/sparse"), 64 * 2 ** 20, [0, 2 ** 20, 32 * 2 ** 20]);
  sparse(at("data/holes-only"), 64 * 2 ** 20, []);
  row(
    "Regular files",
    "contents of sparse files",
    ["data/sparse", "data/holes-only"],
    "size",
    "content",
  );
  row(
    "Regular files",
    "holes: at most 1.1 times the blocks",
    ["data/sparse", "data/holes-only"],
    "sparse",
  );

  folder("links");
  folder("links/elsewhere");
  file("links/a");
  for (const name of ["links/b", "links/elsewhere/c"]) linkSync(at("links/a"), at(name));
  row(
    "Hard links",
    "of a file, over directories",
    ["links/a", "links/b", "links/elsewhere/c"],
    "links",
    "content",
  );
  const many = Array.from({ length: 300 }, (_, index) => `links/elsewhere/many-${index}`);
  file("links/many");
  for (const name of many) linkSync(at("links/many"), at(name));
  row("Hard links", "301 names of one inode", ["links/many", ...many], "links", "content");
  symlinkSync("nowhere", at("links/symlink"));
  run("mkfifo", at("links/fifo"));
  run("mknod", at("links/device"), "c", "1", "3");
  const kinds = ["symlink", "fifo", "device"].flatMap((name) => {
    linkSync(at(`links/${name}`), at(`links/elsewhere/${name}`));
    return [`links/${name}`, `links/elsewhere/${name}`];
  });
  row("Hard links", "of symlinks, fifos and devices", kinds, "type", "links");

  folder("symlinks");
  symlinkSync("there/is/nothing", at("symlinks/dangling"));
  symlinkSync(`${"y".repeat(254)}/`.repeat(16) + "z".repeat(15), at("symlinks/longest"));
  symlinkSync(bytes("/\xff\xfe\n"), at("symlinks/bytes"));
  row("Symlinks", "dangling", ["symlinks/dangling"], "type", "target");
  row("Symlinks", "of 4095 bytes", ["symlinks/longest"], "type", "target");
  row("Symlinks", "no UTF-8", ["symlinks/bytes"], "type", "target");
  run("chown", "-h", "7:8", at("symlinks/dangling"));
  row("Symlinks", "owner", ["symlinks/dangling"], "owner");
  touch("symlinks/dangling", "@1234567890.987654321", "@1234567891.123456789");
  row("Symlinks", "mtime and atime, nanoseconds", ["symlinks/dangling"], "mtime", "atime");

  folder("special");
  run("mkfifo", at("special/fifo"));
  run("mknod", at("special/character"), "c", "254", "70000");
  run("mknod", at("special/block"), "b", "7", "99");
  row("Special files", "fifos", ["special/fifo"], "type", "mode", "owner");
  row(
    "Special files",
    "character devices",
    ["special/character"],
    "type",
    "device",
    "mode",
    "owner",
  );
  row("Special files", "block devices", ["special/block"], "type", "device", "mode", "owner");
  const special = ["special/fifo", "special/character", "special/block"];
  for (const path of special) touch(path, "@1234567890.987654321", "@1234567891.123456789");
  row("Special files", "mtime and atime, nanoseconds", special, "mtime", "atime");

  folder("modes");
  const modes = ["0000", "0400", "0777", "1644", "2755", "4755", "6711"].map((mode) => {
    run("chown", "1:1", at(file(`modes/${mode}`)));
    run("chmod", mode, at(`modes/${mode}`)); // chown takes setuid away
    return `modes/${mode}`;
  });
  row("Mode and owner", "modes, with setuid, setgid, sticky", modes, "mode");
  run("chown", `${owners}:${owners}`, at(file("modes/largest")));
  row("Mode and owner", "uid and gid up to 2^32 - 2", ["modes/largest"], "owner");

  folder("times");
  const times = (
    [
      ["nanoseconds", "@1000000000.000000001", "@1000000000.999999999"],
      ["before-1970", "@-86400.123456789", "@-1.5"],
      ["after-2038", "@3000000000.5", "@3000000001.25"],
      ["after-2106", "@5000000000.987654321", "@5000000001.123456789"],
    ] as const
  ).map(([name, mtime, atime]) => touch(file(`times/${name}`), mtime, atime));
  for (const path of times) {
    const name = path.slice("times/".length).replace("-", " ");
    row("Times", `mtime, ${name}`, [path], "mtime");
    row("Times", `atime, ${name}`, [path], "atime");
  }

  folder("xattrs");
  const set = (path: string, name: string, value: string): void =>
    run("setfattr", "-h", "-n", name, "-v", value, at(path));
  set(file("xattrs/user"), "user.small", "a value");
  set("xattrs/user", "user.empty", '""');
  set("xattrs/user", "user.bytes", "0x00ff0a3d22");
  row("Attributes", "`user.*`: text, empty, bytes", ["xattrs/user"], "xattrs");
  // A value that does not fit an argument: through setfattr's --restore.
  const large = `# file: ${at(file("xattrs/large"))}\nuser.large=0x${"a5".repeat(65_536)}\n`;
  run("setfattr", { input: large }, "--restore=-");
  row("Attributes", "`user.*` of 64 KiB", ["xattrs/large"], "xattrs");
  file("xattrs/many");
  for (let index = 0; index < 40; index += 1)
    set("xattrs/many", `user.attribute-${index}`, `value ${index}`);
  row("Attributes", "40 to a file", ["xattrs/many"], "xattrs");
  set(folder("xattrs/directory"), "user.on-directory", "value");
  row("Attributes", "of directories", ["xattrs/directory"], "xattrs");
  run("chown", "1:1", at(file("xattrs/capability")));
  set("xattrs/capability", "security.capability", "0x0100000200040000000000000000000000000000");
  row("Attributes", "`security.capability`", ["xattrs/capability"], "xattrs");
  set(file("xattrs/trusted"), "trusted.ours", "value");
  row("Attributes", "`trusted.*`", ["xattrs/trusted"], "xattrs");
  symlinkSync("nowhere", at("xattrs/symlink"));
  run("mkfifo", at("xattrs/fifo"));
  run("mknod", at("xattrs/device"), "c", "1", "3");
  const carriers = ["xattrs/symlink", "xattrs/fifo", "xattrs/device"];
  for (const path of carriers) set(path, "trusted.ours", "value");
  row("Attributes", "`trusted.*` of symlinks, fifos, devices", carriers, "xattrs");
  set(file("xattrs/linked"), "user.shared", "value");
  linkSync(at("xattrs/linked"), at("xattrs/linked-too"));
  row(
    "Attributes",
    "of a file with two names",
    ["xattrs/linked", "xattrs/linked-too"],
    "xattrs",
    "links",
  );
  set(file("xattrs/read-only"), "user.locked", "value");
  run("chmod", "0400", at("xattrs/read-only"));
  set(file("xattrs/empty-file", 0), "user.empty-file", "value");
  row(
    "Attributes",
    "of empty and of read-only files",
    ["xattrs/read-only", "xattrs/empty-file"],
    "xattrs",
    "mode",
    "size",
  );

  folder("acls");
  run("setfacl", "-m", "u:1234:rwx,g:4321:r-x,m::rw-", at(file("acls/access")));
  row("ACLs", "POSIX, access", ["acls/access"], "acl", "mode", "xattrs");
  folder("acls/default");
  file("acls/default/child-before"); // made before there is anything to inherit
  run("setfacl", "-m", "d:u:1234:rwx,d:g:4321:---,u:99:r-x", at("acls/default"));
  row("ACLs", "POSIX, default", ["acls/default"], "acl", "mode", "xattrs");
  row(
    "ACLs",
    "a child that did not inherit its directory's",
    ["acls/default/child-before"],
    "acl",
    "mode",
    "xattrs",
  );
  run("chmod", "2750", at(folder("acls/setgid")));
  run("setfacl", "-m", "u:1234:rwx", at("acls/setgid"));
  row("ACLs", "POSIX, on a setgid directory", ["acls/setgid"], "acl", "mode");

  folder("flags");
  for (const [letter, name] of [
    ["a", "append only"],
    ["i", "immutable"],
    ["d", "no dump"],
    ["A", "no atime"],
  ] as const) {
    file(`flags/${letter}`);
    mkdirSync(at(`flags/${letter}-directory`));
    const paths = [
      `flags/${letter}`,
      file(`flags/${letter}-directory/child`).replace("/child", ""),
    ];
    for (const path of paths) touch(path, "@1111111111.111111111");
    run("chattr", `+${letter}`, ...paths.map(at));
    row("Inode flags", name, paths, "flags", "mtime");
  }

  // Directories last: making an entry moves their times.
  folder("directories");
  for (const [mode, name] of [
    ["2750", "setgid"],
    ["1777", "sticky"],
    ["0500", "unwritable"],
    ["0000", "closed"],
  ] as const) {
    file(`${folder(`directories/${name}`)}/child`);
    run("chown", "12345:54321", at(`directories/${name}`));
    run("chmod", mode, at(`directories/${name}`));
    touch(`directories/${name}`, "@1111111111.111111111", "@1222222222.222222222");
    const aspects = ["mode", "owner", "mtime", "atime"] as const;
    row(
      "Directories",
      `${name} (${mode}), with a child: mode, owner, times`,
      [`directories/${name}`],
      ...aspects,
    );
  }
  touch(folder("directories/empty"), "@-1.5");
  row("Directories", "empty, mtime before 1970", ["directories/empty"], "type", "mtime");
  touch(".", "@1500000000.5");
  row("Directories", "the path itself", [""], "mode", "owner", "mtime");
  return subjects;
}

/** Extents of 4 KiB in a file that is otherwise a hole. */
export function sparse(path: string, size: number, extents: readonly number[]): void {
  const fd = openSync(path, "wx");
  ftruncateSync(fd, size);
  for (const offset of extents)
    writeSync(fd, Buffer.alloc(4096, `extent ${offset} `), 0, 4096, offset);
  closeSync(fd);
}

/** Leaves a socket behind, whose owner is dead. */
export function makeSocket(path: string): void {
  const script =
    'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ["-e", script, path]);
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function run(name: string, ...words: (string | { input: string })[]): void {
  const args = words.filter((word) => typeof word === "string");
  const options = words.find((word) => typeof word !== "string") ?? {};
  const result = spawnSync(name, args, { encoding: "utf8", ...options });
  if (result.status !== 0) {
    const text = `${name} ${args.join(" ").slice(0, 300)}: ${result.error?.message ?? result.stderr}`;
    throw labError("HPC_LAB_COMMAND", text, "Install coreutils, attr, acl and e2fsprogs.");
  }
}

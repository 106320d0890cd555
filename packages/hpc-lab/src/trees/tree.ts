import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { labError } from "../errors";

export interface TreeOptions {
  /** The tree's root; must not exist. */
  readonly root: string;
  /** How many names the tree holds, its root included; at least `peculiarEntries + 2`. */
  readonly entries: number;
  /**
   * Adds one sparse file of this many bytes (`sparse`), with a few bytes at its start, middle and
   * end.
   */
  readonly sparse?: number;
}

export interface TreeSummary {
  readonly entries: number;
  /** Names made by `bulk`, in the order of their making: plain regular files. */
  readonly files: readonly string[];
}

/**
 * Makes a tree that is the same every time: first one directory of everything that has ever broken
 * a backup program, then plain directories of 64 small files with symlinks, hard links and empty
 * entries strewn in.
 * Root makes devices and foreign owners too. About 20,000 entries a second.
 */
export function makeTree(options: TreeOptions): TreeSummary {
  mkdirSync(options.root);
  let made = 1 + peculiar(`${options.root}/peculiar`);
  if (options.sparse !== undefined) {
    sparseFile(`${options.root}/sparse`, options.sparse);
    made += 1;
  }
  const rest = options.entries - made;
  if (rest < 0)
    throw labError(
      "HPC_LAB_USAGE",
      `a tree of ${options.entries} names is too small`,
      `Ask for ${made}.`,
    );
  const files = bulk(options.root, rest);
  utimesSync(options.root, 1_500_000_000, 1_500_000_001.5);
  return { entries: options.entries, files };
}

/** Names that are ordinary bytes to the kernel and trouble to programs. */
const peculiarNames: readonly Buffer[] = [
  "new\nline",
  "\nleading newline",
  "trailing newline\n",
  'double"quote',
  "single'quote",
  "back\\slash",
  "$(true) `true` \x24{HOME}",
  "-rf",
  "--help",
  " leading blank",
  "trailing blank ",
  "tab\there",
  "semi;colon=and|pipe",
  "*?[glob]{a,b}",
  "ünïcödé-文件-🗂",
  "\u0001\u001b[31mcontrol",
  "%s%n%d",
  "C:\\windows",
  "...",
  "x".repeat(255),
]
  .map((name) => Buffer.from(name))
  .concat([
    Buffer.from([0x69, 0x6e, 0x76, 0xff, 0xfe, 0x80]), // no UTF-8 at all
    Buffer.from([0xc3, 0x28]), // begins like UTF-8
    Buffer.from([0xe2, 0x82]), // ends inside a character
    Buffer.from([0xf0, 0x9f, 0x97, 0x82, 0xed, 0xa0, 0x80]), // a surrogate
  ]);

/** Sizes at which readers change their mind (blocks, inline limit, network buffers). */
const sizes = [
  0, 1, 511, 512, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 1_048_575, 1_048_576, 1_048_577,
];

function peculiar(root: string): number {
  let made = 0;
  const count = (): void => {
    made += 1;
  };
  const at = (name: string): string => `${root}/${name}`;
  const file = (name: string, bytes: number): string => {
    writeFileSync(at(name), content(made, bytes), { flag: "wx" });
    count();
    return at(name);
  };
  const directory = (name: string): void => {
    mkdirSync(at(name));
    count();
  };
  mkdirSync(root);
  count();

  directory("names");
  directory("names-of-directories");
  peculiarNames.forEach((name, index) => {
    writeFileSync(
      Buffer.concat([Buffer.from(`${at("names")}/`), name]),
      content(index, 100 + index),
      { flag: "wx" },
    );
    count();
    const folder = Buffer.concat([Buffer.from(`${at("names-of-directories")}/`), name]);
    mkdirSync(folder);
    count();
    if (index % 2 === 0) {
      writeFileSync(Buffer.concat([folder, Buffer.from("/inside")]), name, { flag: "wx" });
      count();
    }
  });

  for (const size of sizes) file(`size-${size}`, size);

  directory("empty-directory");
  let deep = "deep";
  for (let level = 0; level < 40; level += 1, deep += "/deeper") directory(deep);
  file(`${deep.slice(0, -7)}/bottom`, 10);

  for (const [name, target] of [
    ["dangling", "there/is/nothing"],
    ["absolute", "/nowhere at all"],
    ["to-directory", "empty-directory"],
    ["to-itself", "to-itself"],
    ["long", `${"y".repeat(200)}/`.repeat(19)],
    ["non-utf8", Buffer.from([0x2f, 0xff, 0xfe, 0x0a, 0x22])],
  ] as const) {
    symlinkSync(target, at(`symlink-${name}`));
    count();
  }

  const linked = file("linked", 70_000);
  directory("links");
  for (const name of ["a", "b", "c"]) {
    linkSync(linked, at(`links/${name}`));
    count();
  }
  const linkedEmpty = file("linked-empty", 0);
  linkSync(linkedEmpty, at("links/empty"));
  linkSync(at("symlink-dangling"), at("links/symlink"));
  made += 2;

  // What its owner may not read only root can save.
  for (const mode of [
    process.getuid?.() === 0 ? 0o000 : 0o600,
    0o400,
    0o644,
    0o777,
    0o4755,
    0o2755,
    0o1644,
    0o6711,
  ]) {
    const name = `mode-${mode.toString(8).padStart(4, "0")}`;
    chmodSync(file(name, 20), mode);
  }
  directory("mode-directory-sticky");
  chmodSync(at("mode-directory-sticky"), 0o1777);
  directory("mode-directory-setgid");
  chmodSync(at("mode-directory-setgid"), 0o2750);

  program("mkfifo", at("fifo"), at("fifo-linked"));
  linkSync(at("fifo-linked"), at("links/fifo"));
  made += 3;
  if (process.getuid?.() === 0) {
    program("mknod", at("character-device"), "c", "1", "3");
    program("mknod", at("block-device"), "b", "7", "99");
    made += 2;
    chownSync(file("owner-daemon", 5), 1, 1);
    chownSync(file("owner-large", 5), 4_000_000_000, 3_000_000_000);
    chownSync(at("mode-directory-setgid"), 12_345, 54_321);
    chmodSync(at("mode-directory-setgid"), 0o2750); // chown cleared the bit
    lchownSync(at("symlink-absolute"), 7, 8);
  }

  // Directories get their times last: making an entry moves them.
  for (const [name, time] of [
    ["time-before-1970", "@-86400.123456789"],
    ["time-epoch", "@0"],
    ["time-one-nanosecond", "@1000000000.000000001"],
    ["time-almost-a-second", "@1000000000.999999999"],
    ["time-after-2038", "@3000000000.5"],
  ] as const) {
    program("touch", "-d", time, file(name, 3));
  }
  program("touch", "-h", "-d", "@1234567890.987654321", at("symlink-to-directory"));
  program("touch", "-d", "@-1.5", at("empty-directory"));
  program("touch", "-d", "@1111111111.111111111", at("names"), at("links"), at("deep/deeper"));
  return made;
}

/**
 * Plain names until the number is reached; returns the regular files that are nobody's hard link.
 */
function bulk(root: string, entries: number): string[] {
  const perDirectory = 64;
  const files: string[] = [];
  const folders: string[] = [];
  let folder = root;
  for (let made = 0; made < entries; made += 1) {
    const slot = made % (perDirectory + 1);
    if (slot === 0) {
      // Every fourth directory lies in the one before it, so the tree is wide and has some depth.
      const parent = folders.length % 4 === 3 ? folder : `${root}/bulk`;
      if (folders.length === 0) {
        mkdirSync(parent);
        folder = parent;
      } else {
        folder = `${parent}/d${String(folders.length).padStart(5, "0")}`;
        mkdirSync(folder);
      }
      folders.push(folder);
      continue;
    }
    const name = `${folder}/f${String(made).padStart(7, "0")}`;
    const earlier = files[Math.floor(files.length / 2)];
    if (slot === 11) symlinkSync(`../f${made}`, name);
    else if (slot === 22 && earlier !== undefined) linkSync(earlier, name);
    else if (slot === 33 && made % 3 === 0) mkdirSync(name);
    else {
      writeFileSync(name, content(made, slot === 44 ? 0 : (made * 7919) % 2048), { flag: "wx" });
      if (slot !== 44) files.push(name);
      utimesSync(name, 1_600_000_000, 1_600_000_000 + made + (made % 997) / 1000);
    }
  }
  for (const [index, path] of folders.entries())
    utimesSync(path, 1_600_000_000, 1_650_000_000 + index + 0.25);
  return files;
}

const block = noise(1 << 21);

/** Deterministic bytes that no two files share by chance. */
function content(index: number, bytes: number): Buffer {
  const start = (index * 4099) % (1 << 20);
  return block.subarray(start, start + bytes);
}

function noise(bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4);
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

function sparseFile(path: string, bytes: number): void {
  const fd = openSync(path, "wx");
  const mark = Buffer.from("here are data");
  for (const position of [0, Math.floor(bytes / 2), bytes - mark.length])
    writeSync(fd, mark, 0, mark.length, position);
  closeSync(fd);
  truncateSync(path, bytes);
}

function program(name: string, ...args: string[]): void {
  const result = spawnSync(name, args, { encoding: "utf8" });
  if (result.status !== 0) {
    throw labError(
      "HPC_LAB_COMMAND",
      `${name} ${args.join(" ")}: ${result.stderr}`,
      "Install coreutils.",
    );
  }
}

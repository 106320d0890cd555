import { statSync } from "node:fs";
import { command } from "./command";
import { limits } from "./limits";

/**
 * Are two trees the same? Asked of find, stat, sha256sum and cmp, which share no code with what is
 * tested.
 * Compared are: names, types, sizes of what is no directory, permission bits, owner, group,
 * modification times, link targets, device numbers, contents, and which names are one inode.
 * Sockets are left out: no program can put one back. A file that cannot be read is a difference.
 */
export interface ParityOptions {
  /** Bacula itself keeps whole seconds; our records keep nanoseconds. Default `nanoseconds`. */
  readonly times?: "nanoseconds" | "seconds";
}

export interface Difference {
  /** Below the root, as bytes; empty for the root itself. */
  readonly path: Buffer;
  readonly what:
    | "missing"
    | "extra"
    | "type"
    | "size"
    | "mode"
    | "owner"
    | "mtime"
    | "target"
    | "device"
    | "links"
    | "content";
  readonly left: string;
  readonly right: string;
}

export interface Parity {
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  readonly differences: readonly Difference[];
  /** `identical: …`, or the first differences, one to a line. */
  readonly report: string;
}

interface Found {
  readonly type: string;
  readonly size: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  readonly target: string;
  readonly device: string;
  /** The smallest name of the same inode, when it has several. */
  readonly links: string;
  readonly content: string;
}

/** Files above this are compared with cmp (which stops early) and not digested. */
const large = 64 * 1024 * 1024;

const environment = { ...process.env, LC_ALL: "C" }; // names are bytes
const limit = limits.job;

export async function compareTrees(
  left: string,
  right: string,
  options: ParityOptions = {},
): Promise<Parity> {
  const [a, b, unequal] = await Promise.all([read(left), read(right), compareLarge(left, right)]);
  const differences: Difference[] = [];
  const differ = (name: string, what: Difference["what"], one: string, other: string): void => {
    differences.push({ path: Buffer.from(name, "latin1"), what, left: one, right: other });
  };
  const time = ({ mtime }: Found): string =>
    options.times === "seconds" ? floorSecond(mtime) : mtime;
  for (const [name, one] of a) {
    const other = b.get(name);
    if (other === undefined) {
      differ(name, "missing", one.type, "");
      continue;
    }
    const fields = [
      "type",
      "size",
      "mode",
      "owner",
      "target",
      "device",
      "links",
      "content",
    ] as const;
    for (const field of fields)
      if (one[field] !== other[field]) differ(name, field, one[field], other[field]);
    if (time(one) !== time(other)) differ(name, "mtime", one.mtime, other.mtime);
    if (unequal.has(name)) differ(name, "content", "cmp", "differs");
  }
  for (const [name, other] of b) if (!a.has(name)) differ(name, "extra", "", other.type);
  const files = [...a.values()].filter((found) => found.type === "f");
  const bytes = files.reduce((sum, found) => sum + Number(found.size), 0);
  const facts = { entries: a.size, files: files.length, bytes };
  return { ...facts, differences, report: describe(left, right, facts, differences) };
}

/**
 * Full names below and with `root` as `find` prints them, directories with a `/` behind: the
 * catalog's form.
 */
export async function catalogNames(root: string): Promise<Buffer[]> {
  const argv = ["find", root, "-type", "d", "-printf", "%p/\\0", "-o", "-printf", "%p\\0"];
  return split((await command(argv, { env: environment, limit })).stdout);
}

/** A name for a person: what is not printable ASCII as \xNN. */
export function printable(name: Buffer): string {
  return name
    .toString("latin1")
    .replace(
      /[^\x20-\x5b\x5d-\x7e]/g,
      (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}

async function read(root: string): Promise<Map<string, Found>> {
  const fields = ["%P", "%y", "%s", "%m", "%U:%G", "%T@", "%l", "%D:%i", "%n"];
  const format = fields.map((field) => `${field}\\0`).join("");
  const find = (...words: string[]) =>
    command(["find", root, ...words], { env: environment, limit, accept: [0, 1] });
  const [listing, devices, digests] = await Promise.all([
    find("-not", "-type", "s", "-printf", format),
    find("-type", "b,c", "-exec", "stat", "--printf", "%n\\0%t:%T\\0", "{}", "+"),
    find("-type", "f", "-size", `-${large + 1}c`, "-exec", "sha256sum", "-z", "--", "{}", "+"),
  ]);
  const below = (path: string): string => path.slice(root.length + 1);
  const deviceOf = new Map(
    pairs(strings(devices.stdout)).map(([path, numbers]) => [below(path), numbers]),
  );
  // sha256sum -z: 64 digits, a blank, a blank or star, the name
  const digestOf = new Map(
    strings(digests.stdout).map((line) => [below(line.slice(66)), line.slice(0, 64)]),
  );

  const words = strings(listing.stdout);
  const rows: string[][] = [];
  for (let at = 0; at < words.length; at += fields.length)
    rows.push(words.slice(at, at + fields.length));
  const firstName = new Map<string, string>();
  for (const [name = "", type, , , , , , inode = "", links] of rows) {
    if (type === "d" || links === "1") continue;
    const first = firstName.get(inode);
    if (first === undefined || name < first) firstName.set(inode, name);
  }
  return new Map(
    rows.map(
      ([
        name = "",
        type = "",
        size = "",
        mode = "",
        owner = "",
        mtime = "",
        target = "",
        inode = "",
      ]) => [
        name,
        {
          type,
          size: type === "d" ? "" : size, // a directory's size is its filesystem's affair
          mode,
          owner,
          mtime,
          target,
          device: deviceOf.get(name) ?? "",
          links: type === "d" ? "" : (firstName.get(inode) ?? ""),
          content:
            digestOf.get(name) ??
            (type === "f" && Number(size) <= large ? `unreadable in ${root}` : ""),
        },
      ],
    ),
  );
}

/** Names of large files that differ, or that the right side lacks. */
async function compareLarge(left: string, right: string): Promise<Set<string>> {
  const { stdout } = await command(
    ["find", left, "-type", "f", "-size", `+${large}c`, "-printf", "%P\\0"],
    {
      env: environment,
    },
  );
  const unequal = new Set<string>();
  for (const name of split(stdout)) {
    // Through the shell's standard input: Node's argv cannot carry every name.
    const script = 'IFS= read -r -d "" name; cmp -s -- "$0/$name" "$1/$name"';
    const { code } = await command(["bash", "-c", script, left, right], {
      input: Buffer.concat([name, Buffer.of(0)]),
      env: environment,
      accept: [0, 1, 2],
      limit,
    });
    if (code !== 0) unequal.add(name.toString("latin1"));
  }
  return unequal;
}

function describe(
  left: string,
  right: string,
  facts: { entries: number; files: number; bytes: number },
  differences: readonly Difference[],
): string {
  if (differences.length === 0) {
    const { entries, files, bytes } = facts;
    return `identical: ${entries} entries, ${files} files, ${bytes} bytes in ${left} and ${right}`;
  }
  const shown = differences.slice(0, 20).map(({ path, what, left: one, right: other }) => {
    const values = [one, other].map((value) =>
      printable(Buffer.from(value, "latin1")).slice(0, 100),
    );
    return `  ${what}: ${printable(path) || "(root)"}: ${values[0]} | ${values[1]}`;
  });
  const more =
    differences.length > shown.length ? [`  … and ${differences.length - shown.length} more`] : [];
  return [
    `${differences.length} differences between ${left} and ${right}:`,
    ...shown,
    ...more,
  ].join("\n");
}

/**
 * `-1.5` is in the second -2, as the kernel counts. find prints the second and the fraction apart:
 * `-2.5000000000`.
 */
function floorSecond(text: string): string {
  return text.slice(0, text.indexOf("."));
}

function split(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at)) {
    parts.push(bytes.subarray(at, end));
  }
  return parts;
}

function strings(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : bytes.toString("latin1").slice(0, -1).split("\0");
}

function pairs(words: readonly string[]): [string, string][] {
  return words.flatMap((word, index) =>
    index % 2 === 0 ? [[word, words[index + 1] ?? ""] as [string, string]] : [],
  );
}

/** Bytes that a file really occupies: tells whether a restored file is sparse. */
export function allocatedBytes(path: string): number {
  return statSync(path).blocks * 512;
}

import { command } from "../command";
import { limits } from "../limits";
import type { Aspect } from "./metadata-tree";

/** What find, sha256sum, stat, getfattr, getfacl and lsattr say of an entry; text to compare. */
export type Observed = Readonly<Record<Aspect, string>>;

const environment = { ...process.env, LC_ALL: "C" }; // names are bytes

/** Regular files above this are not digested. */
const largest = 2 ** 30;

/**
 * Everything that the contract speaks of, of every entry below `root` and of `root` itself (""), by
 * path below it (bytes as latin1).
 * Only `plain` paths, which no program prints escaped, are asked for attributes, ACLs and flags.
 *
 * @param root look through a mount that does not move access times
 */
export async function observe(
  root: string,
  plain: readonly string[],
): Promise<Map<string, Observed>> {
  const fields = ["%P", "%y", "%s", "%m", "%U:%G", "%T@", "%A@", "%l", "%D:%i", "%n", "%b"];
  const run = async (argv: readonly string[], accept = [0, 1]): Promise<string> =>
    (await command(argv, { env: environment, limit: limits.job, accept })).stdout.toString(
      "latin1",
    );
  const listing = await run([
    "find",
    root,
    "-printf",
    fields.map((field) => `${field}\\0`).join(""),
  ]);
  const devices = words(
    await run([
      "find",
      root,
      "-type",
      "b,c",
      "-exec",
      "stat",
      "--printf",
      "%n\\0%t:%T\\0",
      "{}",
      "+",
    ]),
  );
  const digests = words(
    await run([
      "find",
      root,
      "-type",
      "f",
      "-size",
      `-${largest}c`,
      "-exec",
      "sha256sum",
      "-z",
      "--",
      "{}",
      "+",
    ]),
  );
  const rows = chunks(words(listing), fields.length);
  const exists = new Set(rows.map(([path]) => path));
  const asked = plain.filter((path) => exists.has(path));
  const full = asked.map((path) => (path === "" ? root : `${root}/${path}`));
  // One paragraph to a file, which begins "# file: NAME"; a file without attributes has none.
  const xattrs = paragraphs(
    root,
    await run([
      "getfattr",
      "-P",
      "-h",
      "--absolute-names",
      "-d",
      "-m",
      "-",
      "-e",
      "hex",
      "--",
      ...full,
    ]),
  );
  const acls = paragraphs(root, await run(["getfacl", "-P", "-n", "-p", "--", ...full]));
  const flags = new Map(
    (await run(["lsattr", "-d", "--", ...full])).split("\n").map((line) => {
      const at = line.indexOf(" ");
      // e: stored as extents; I: an indexed directory. The filesystem's affair.
      return [below(root, line.slice(at + 1)), line.slice(0, at).replace(/[-eI]/g, "")];
    }),
  );
  const deviceOf = new Map(
    chunks(devices, 2).map(([path = "", numbers = ""]) => [below(root, path), numbers]),
  );
  const digestOf = new Map(digests.map((line) => [below(root, line.slice(66)), line.slice(0, 64)]));
  const groups = new Map<string, string[]>();
  for (const [path = "", , , , , , , , inode = ""] of rows)
    groups.set(inode, [...(groups.get(inode) ?? []), path]);

  return new Map(
    rows.map(
      ([
        path = "",
        type = "",
        size = "",
        mode = "",
        owner = "",
        mtime = "",
        atime = "",
        target = "",
        inode = "",
        count = "",
        blocks = "",
      ]) => [
        path,
        {
          type,
          size: type === "f" ? size : "",
          content: digestOf.get(path) ?? "",
          mode,
          owner,
          mtime,
          atime,
          target,
          device: deviceOf.get(path) ?? "",
          links: type === "d" ? "" : [count, ...(groups.get(inode) ?? []).sort()].join("\0"),
          sparse: blocks,
          xattrs: xattrs.get(path) ?? "",
          acl: acls.get(path) ?? "",
          flags: flags.get(path) ?? "",
        },
      ],
    ),
  );
}

/** The aspects of an entry that are not as they were. A file may take a tenth more blocks. */
export function changed(
  before: Observed,
  after: Observed | undefined,
  aspects: readonly Aspect[],
): Aspect[] {
  if (after === undefined) return [...aspects];
  return aspects.filter((aspect) =>
    aspect === "sparse"
      ? Number(after.sparse) > Number(before.sparse) * 1.1
      : before[aspect] !== after[aspect],
  );
}

function below(root: string, path: string): string {
  return path.slice(root.length + 1);
}

function words(text: string): string[] {
  return text === "" ? [] : text.slice(0, -1).split("\0");
}

function chunks(list: readonly string[], size: number): string[][] {
  const rows: string[][] = [];
  for (let at = 0; at < list.length; at += size) rows.push(list.slice(at, at + size));
  return rows;
}

/** Lines are sorted: the order of attributes is the filesystem's affair. */
function paragraphs(root: string, text: string): Map<string, string> {
  return new Map(
    text.split("\n\n").flatMap((paragraph): [string, string][] => {
      const [head = "", ...lines] = paragraph.trim().split("\n");
      return head.startsWith("# file: ")
        ? [[below(root, head.slice(8)), lines.sort().join("\n")]]
        : [];
    }),
  );
}

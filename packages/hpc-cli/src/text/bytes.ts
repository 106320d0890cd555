import { readFileSync, readlinkSync } from "node:fs";
import { usageError } from "../errors";

/*
 * Node decodes its arguments as UTF-8 and loses every other byte. Linux keeps the original in
 * /proc/self/cmdline. A byte that is not part of valid UTF-8 travels through the option parser as a
 * lone surrogate, U+DC80 to U+DCFF, which no valid text holds (Python calls this surrogateescape),
 * and becomes the byte again in `toBytes`.
 */

/** A string in which bytes that are not UTF-8 became lone surrogates. */
export function fromBytes(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let out = "";
  for (let at = 0; at < bytes.length; ) {
    let length = 4;
    for (; length > 0; length--) {
      const slice = bytes.subarray(at, at + length);
      const char = slice.toString("utf8");
      if (
        slice.length === length &&
        [...char].length === 1 &&
        Buffer.from(char, "utf8").equals(slice)
      ) {
        out += char;
        break;
      }
    }
    if (length === 0) out += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    at += Math.max(length, 1);
  }
  return out;
}

/** The bytes that `fromBytes` was given. */
export function toBytes(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (const char of text) {
    const unit = char.charCodeAt(0);
    const escaped = char.length === 1 && unit >= 0xdc80 && unit <= 0xdcff;
    parts.push(escaped ? Buffer.from([unit - 0xdc00]) : Buffer.from(char, "utf8"));
  }
  return Buffer.concat(parts);
}

/** The text of an option that can only be text: a file name that Node itself opens, a pattern. */
export function toText(text: string, option: string): string {
  if (/[\ud800-\udfff]/u.test(text))
    throw usageError(
      `${option} ${JSON.stringify(toBytes(text).toString("latin1"))} is not UTF-8`,
      "Give it a name that is valid UTF-8.",
    );
  return text;
}

/**
 * The arguments of this process, byte for byte, as `fromBytes` strings. `argv` is what Node made of
 * them: it decides how many there are, and is taken as it is where /proc is missing or says
 * something else.
 */
export function rawArguments(argv: readonly string[], cmdline = "/proc/self/cmdline"): string[] {
  if (!argv.some((argument) => argument.includes("\ufffd"))) return [...argv];
  try {
    const all = readFileSync(cmdline).toString("latin1").split("\0").slice(0, -1);
    const raw = all
      .slice(all.length - argv.length)
      .map((argument) => Buffer.from(argument, "latin1"));
    if (raw.length === argv.length && raw.every((bytes, i) => bytes.toString("utf8") === argv[i]))
      return raw.map(fromBytes);
  } catch {
    // No /proc: the names stay as Node decoded them, and --path-from remains.
  }
  return [...argv];
}

const SLASH = 0x2f;

/**
 * /proc knows its bytes; where there is none, its text is all that Node tells. Throws HpcError.
 */
function currentDirectory(): Buffer {
  try {
    return readlinkSync("/proc/self/cwd", { encoding: "buffer" });
  } catch {
    const text = process.cwd();
    if (!text.includes("\ufffd")) return Buffer.from(text);
    throw usageError(
      "the name of the current directory is not known, without /proc",
      "Give whole paths.",
    );
  }
}

/**
 * The path as seen from `/`: plugin and backend have no current directory to speak of, and refuse
 * relative ones. Leading `.` and `..` are resolved, as the current directory has no symlinks in its
 * name; later ones are left for whoever checks paths.
 *
 * @param cwd the current directory
 */
export function absolutePath(path: Buffer, cwd?: Buffer): Buffer {
  if (path[0] === SLASH) return path;
  let base = cwd ?? currentDirectory();
  let rest = path;
  for (;;) {
    const slash = rest.indexOf(SLASH);
    const first = slash < 0 ? rest : rest.subarray(0, slash);
    const dots = first.toString("latin1");
    if (dots !== "." && dots !== ".." && dots !== "") break;
    if (dots === "..") base = base.subarray(0, Math.max(base.lastIndexOf(SLASH), 1));
    if (slash < 0) return base;
    rest = rest.subarray(slash + 1);
  }
  return Buffer.concat([base, Buffer.from(base.length > 1 ? "/" : ""), rest]);
}

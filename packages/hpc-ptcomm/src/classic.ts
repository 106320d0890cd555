import { ProtocolError } from "./errors";
import { commandText, show } from "./pairs";

/** F regular, E empty, D directory, S symlink, L hard link, X: attributes of the previous job (answer to CHECKGET). */
export type ClassicType = "F" | "E" | "D" | "S" | "L" | "X";

export interface ClassicStat {
  readonly type: ClassicType;
  /** Bytes. */
  readonly size: bigint;
  readonly uid: number;
  readonly gid: number;
  /** st_mode. */
  readonly mode: number;
  readonly nlink: number;
  /** File index of a hard link's leader; needed for L. */
  readonly linkFI?: number;
}

/** Commands that are a keyword and nothing else. */
const BARE = ["DATA", "ACL", "XATTR", "OK", "SKIP", "CORE", "SEEN", "UNAVAIL", "FINISH", "END", "FileIndex"] as const;
type Bare = (typeof BARE)[number];

/** Commands of a keyword, ':' and bytes: a name or a path. */
const NAMED = [
  "FNAME",
  "LSTAT",
  "PIPE",
  "CHECK",
  "CHECKGET",
  "ACCEPT",
  "INCLUDE",
  "RESTOREOBJ",
  "PLUGINOBJ",
  "PLUGINOBJ_CAT",
  "PLUGINOBJ_TYPE",
  "PLUGINOBJ_NAME",
  "PLUGINOBJ_SRC",
  "PLUGINOBJ_UUID",
] as const;
type Named = (typeof NAMED)[number];

/** Commands of a keyword, ':' and a number. */
const NUMBERED = ["RESTOREOBJ_LEN", "STRIP", "PLUGINOBJ_SIZE", "PLUGINOBJ_COUNT"] as const;
type Numbered = (typeof NUMBERED)[number];

const OBJECT_STATUS = ["OK", "WARNING", "ERROR", "FATAL"] as const;

/** A `C` frame of the classic dialect, after the start command. docs/ptcomm.md says who sends which, and when. */
export type ClassicCommand =
  | { readonly command: Bare }
  | { readonly command: Named; readonly bytes: Buffer }
  | { readonly command: Numbered; readonly value: bigint }
  | { readonly command: "STAT"; readonly stat: ClassicStat }
  /** The plugin looks at this path itself. */
  | { readonly command: "STAT"; readonly path: Buffer }
  /** Seconds since the epoch. */
  | { readonly command: "TSTAMP"; readonly atime: bigint; readonly mtime: bigint; readonly ctime: bigint }
  | { readonly command: "PLUGINOBJ_STATUS"; readonly status: (typeof OBJECT_STATUS)[number] }
  /** Answer to FileIndex. */
  | { readonly command: "number"; readonly value: bigint };

const COLON = 0x3a;
const SLASH = 0x2f;
const U32 = 0xffff_ffffn;

/**
 * A stock plugin strips every newline and blank from the end of a command: a name that ends in one would arrive as
 * another name. Such entries cannot travel in this dialect.
 */
export function classicCarries(name: Buffer): boolean {
  const last = name.at(-1);
  return last !== undefined && last !== 0x20 && (last < 0x09 || last > 0x0d);
}

/** The command's text, without the newline that FrameWriter.command() appends. Throws HPC_COMMAND for what cannot be said. */
export function encodeClassic(command: ClassicCommand): Buffer {
  if (command.command === "number") return Buffer.from(String(command.value));
  if ("bytes" in command) return Buffer.concat([Buffer.from(`${command.command}:`), command.bytes]);
  if ("value" in command) return Buffer.from(`${command.command}:${command.value}`);
  if ("path" in command) {
    if (command.path[0] !== SLASH) throw bad(command.path, "the path of a STAT is absolute");
    return Buffer.concat([Buffer.from("STAT:"), command.path]);
  }
  if ("stat" in command) return Buffer.from(`STAT:${statText(command.stat)}`);
  if ("mtime" in command) return Buffer.from(`TSTAMP:${command.atime} ${command.mtime} ${command.ctime}`);
  if ("status" in command) return Buffer.from(`PLUGINOBJ_STATUS:${command.status}`);
  return Buffer.from(command.command);
}

function statText(stat: ClassicStat): string {
  if (stat.type === "L" && stat.linkFI === undefined)
    throw bad(Buffer.from("STAT:L"), "a hard link needs its leader's file index");
  const mode = stat.mode.toString(8).padStart(6, "0");
  const link = stat.linkFI === undefined ? "" : ` ${stat.linkFI}`;
  return `${stat.type} ${stat.size} ${stat.uid} ${stat.gid} ${mode} ${stat.nlink}${link}`;
}

/** The payload of a C frame. Names keep every byte but the one newline at the end. Throws HPC_COMMAND. */
export function parseClassic(payload: Buffer): ClassicCommand {
  const text = commandText(payload);
  const colon = text.indexOf(COLON);
  const keyword = text.toString("latin1", 0, Math.min(colon < 0 ? text.length : colon, 32));
  if (colon < 0) {
    const bare = BARE.find((one) => one === keyword);
    if (bare !== undefined) return { command: bare };
    if (/^\d{1,20}$/.test(keyword)) return { command: "number", value: BigInt(keyword) };
    throw bad(text, "unknown command");
  }
  const rest = text.subarray(colon + 1);
  const named = NAMED.find((one) => one === keyword);
  if (named !== undefined) {
    if ((rest.length === 0 && !named.startsWith("PLUGINOBJ_")) || rest.includes(0))
      throw bad(text, "an empty name, or a NUL in it");
    return { command: named, bytes: rest };
  }
  const numbered = NUMBERED.find((one) => one === keyword);
  if (numbered !== undefined) return { command: numbered, value: decimal(text, rest.toString("latin1")) };
  if (keyword === "STAT")
    return rest[0] === SLASH ? { command: "STAT", path: rest } : { command: "STAT", stat: parseStat(text, rest) };
  if (keyword === "TSTAMP") return parseTimes(text, rest);
  if (keyword === "PLUGINOBJ_STATUS") {
    const status = OBJECT_STATUS.find((one) => one === rest.toString("latin1"));
    if (status !== undefined) return { command: "PLUGINOBJ_STATUS", status };
  }
  throw bad(text, "unknown command");
}

function parseStat(text: Buffer, rest: Buffer): ClassicStat {
  const match = /^([FEDSLX]) (\d{1,20}) (\d{1,10}) (\d{1,10}) ([0-7]{1,7}) (\d{1,10})(?: (\d{1,10}))?$/.exec(
    rest.toString("latin1"),
  );
  if (!match) throw bad(text, "fields are: type size uid gid octal-mode nlink [file-index]");
  const [, type = "F", size = "", uid = "", gid = "", mode = "", nlink = "", linkFI] = match;
  if (type === "L" && linkFI === undefined) throw bad(text, "a hard link needs its leader's file index");
  return {
    type: type as ClassicType, // the expression admits no other letter
    size: decimal(text, size),
    uid: small(text, uid),
    gid: small(text, gid),
    mode: Number.parseInt(mode, 8),
    nlink: small(text, nlink),
    ...(linkFI === undefined ? {} : { linkFI: small(text, linkFI) }),
  };
}

function parseTimes(text: Buffer, rest: Buffer): ClassicCommand {
  const match = /^(-?\d{1,18}) (-?\d{1,18}) (-?\d{1,18})$/.exec(rest.toString("latin1"));
  if (!match) throw bad(text, "fields are: atime mtime ctime");
  const [, atime = "", mtime = "", ctime = ""] = match;
  return { command: "TSTAMP", atime: BigInt(atime), mtime: BigInt(mtime), ctime: BigInt(ctime) };
}

function decimal(text: Buffer, digits: string): bigint {
  if (!/^\d{1,20}$/.test(digits)) throw bad(text, "not a whole number");
  const value = BigInt(digits);
  if (value > 0xffff_ffff_ffff_ffffn) throw bad(text, "a number beyond 64 bits");
  return value;
}

function small(text: Buffer, digits: string): number {
  const value = decimal(text, digits);
  if (value > U32) throw bad(text, "a number beyond 32 bits");
  return Number(value);
}

function bad(text: Buffer, why: string): ProtocolError {
  return new ProtocolError("HPC_COMMAND", `command ${show(text)}: ${why}`);
}

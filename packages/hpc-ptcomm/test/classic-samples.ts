import { type ClassicCommand, encodeClassic, FrameWriter } from "../src/index";

const attributes = { size: 5n, uid: 0, gid: 4294967294, mode: 0o100640, nlink: 1 };
const bytes = (text: string) => Buffer.from(text, "latin1");

/** Every command that exists, with what its fields can hold. */
export const everyCommand: readonly ClassicCommand[] = [
  { command: "FNAME", bytes: bytes("/tree/a\nb\xff") },
  { command: "STAT", stat: { type: "F", ...attributes } },
  { command: "STAT", stat: { type: "L", ...attributes, linkFI: 17 } },
  { command: "STAT", stat: { type: "D", ...attributes, size: 0xffff_ffff_ffff_ffffn, mode: 0o40755 } },
  { command: "STAT", path: bytes("/tree/fifo") },
  { command: "TSTAMP", atime: 8589934599n, mtime: -1n, ctime: 0n },
  { command: "LSTAT", bytes: bytes("../target: with colon") },
  { command: "PIPE", bytes: bytes("/run/pipe") },
  { command: "DATA" },
  { command: "ACL" },
  { command: "XATTR" },
  { command: "CHECK", bytes: bytes("/tree/a") },
  { command: "CHECKGET", bytes: bytes("/tree/a") },
  { command: "ACCEPT", bytes: bytes("/tree/a") },
  { command: "INCLUDE", bytes: bytes("/etc") },
  { command: "FileIndex" },
  { command: "number", value: 12n },
  { command: "STRIP", value: 2n },
  { command: "RESTOREOBJ", bytes: bytes("layouts") },
  { command: "RESTOREOBJ_LEN", value: 1000n },
  { command: "PLUGINOBJ", bytes: bytes("/tree") },
  { command: "PLUGINOBJ_CAT", bytes: bytes("Filesystem") },
  { command: "PLUGINOBJ_TYPE", bytes: bytes("Tree") },
  { command: "PLUGINOBJ_NAME", bytes: bytes("tree") },
  { command: "PLUGINOBJ_SRC", bytes: bytes("host") },
  { command: "PLUGINOBJ_UUID", bytes: bytes("") },
  { command: "PLUGINOBJ_SIZE", value: 5n },
  { command: "PLUGINOBJ_COUNT", value: 1n },
  { command: "PLUGINOBJ_STATUS", status: "WARNING" },
  { command: "OK" },
  { command: "SKIP" },
  { command: "CORE" },
  { command: "SEEN" },
  { command: "UNAVAIL" },
  { command: "FINISH" },
  { command: "END" },
];

/** What a backend writes when a stock plugin drives it through a small backup. */
export function classicBackend(): Buffer {
  const out = new FrameWriter();
  const say = (command: ClassicCommand) => out.command(encodeClassic(command));
  out.command("Hello Bacula");
  for (let i = 0; i < 3; i++) out.signal("F");
  say({ command: "FNAME", bytes: bytes("/tree") });
  say({ command: "STAT", stat: { type: "D", ...attributes, size: 4096n, mode: 0o40755, nlink: 2 } });
  say({ command: "TSTAMP", atime: 3n, mtime: 1n, ctime: 2n });
  out.signal("F");
  out.signal("F");
  say({ command: "FNAME", bytes: bytes("/tree/new\nline") });
  say({ command: "STAT", stat: { type: "F", ...attributes } });
  say({ command: "TSTAMP", atime: 3n, mtime: 1n, ctime: 2n });
  out.signal("F");
  say({ command: "DATA" });
  out.data(bytes("hello"));
  out.signal("F");
  say({ command: "FNAME", bytes: bytes("/tree/link") });
  say({ command: "STAT", stat: { type: "S", ...attributes, mode: 0o120777 } });
  say({ command: "TSTAMP", atime: 3n, mtime: 1n, ctime: 2n });
  say({ command: "LSTAT", bytes: bytes("new\nline") });
  out.signal("F");
  out.signal("F");
  out.message("info", "2 entries cannot travel in this dialect: fifos");
  out.signal("F");
  out.signal("F");
  return out.takeBytes();
}

/** What the stock plugin writes in the same backup. */
export function classicPlugin(): Buffer {
  const out = new FrameWriter();
  for (const text of [
    "Hello podheitor-hpc 3",
    "Job",
    "Name=nightly",
    "JobID=42",
    "Type=B",
    "Level=F",
    "ExePath=/opt/bin",
  ])
    out.command(text);
  out.signal("F");
  for (const text of ["Params", "path=/tree", "Accurate=1"]) out.command(text);
  out.signal("F");
  out.command("BackupStart");
  out.command("END");
  out.signal("T");
  return out.takeBytes();
}

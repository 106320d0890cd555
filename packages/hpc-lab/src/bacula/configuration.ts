import { join } from "node:path";
import { limits } from "../limits";

/** One backup job and its FileSet (named `FS-<job>`). */
export interface LabJob {
  readonly name: string;
  /** `Plugin =` lines, in order. */
  readonly plugins?: readonly string[];
  /** `File =` lines: what the stock File Daemon walks itself. */
  readonly files?: readonly string[];
  /** Lines of the Options block. Default `signature = MD5`. */
  readonly options?: readonly string[];
  readonly accurate?: boolean;
}

export interface Ports {
  readonly director: number;
  readonly file: number;
  readonly storage: number;
}

export interface Configuration {
  readonly folder: string;
  readonly ports: Ports;
  readonly pluginDir: string;
  readonly jobs: readonly LabJob[];
  /** Further lines of the FileDaemon resource, e.g. its encryption keys. */
  readonly fileDaemon?: readonly string[];
  /** Files that the Director's configuration includes. */
  readonly includes?: readonly string[];
}

/** The four configuration files of a lab: name → text. The same text serves 9.6.7 and 15.0.3. */
export function configurationFiles(c: Configuration): Record<string, string> {
  return {
    "bacula-dir.conf": director(c),
    "bacula-sd.conf": storage(c),
    "bacula-fd.conf": fileDaemon(c),
    "bconsole.conf": resource("Director", [
      "Name = lab-dir",
      `DIRport = ${c.ports.director}`,
      "Address = 127.0.0.1",
      password,
    ]),
  };
}

const password = 'Password = "labpw"'; // everything listens on loopback only, and for minutes
const many = `Maximum Concurrent Jobs = ${limits.concurrentJobs}`;

/** Bacula's quoted string: backslash escapes itself and the quote. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function resource(type: string, lines: readonly string[]): string {
  return `${type} {\n${lines.map((line) => line.replace(/^/gm, "  ")).join("\n")}\n}\n`;
}

function director(c: Configuration): string {
  const log = quoted(join(c.folder, "log/bacula.log"));
  return [
    resource("Director", [
      "Name = lab-dir",
      `DIRport = ${c.ports.director}`,
      "DirAddress = 127.0.0.1",
      'QueryFile = "/dev/null"',
      ...folders(c),
      many,
      password,
      "Messages = Std",
    ]),
    resource("Catalog", ["Name = Cat", 'dbname = "bacula"', 'dbuser = ""', 'dbpassword = ""']),
    resource("Client", [
      "Name = lab-fd",
      "Address = 127.0.0.1",
      `FDPort = ${c.ports.file}`,
      "Catalog = Cat",
      password,
      many,
      "AutoPrune = no",
    ]),
    resource("Storage", [
      "Name = File",
      "Address = 127.0.0.1",
      `SDPort = ${c.ports.storage}`,
      password,
      "Device = Dev",
      "Media Type = File",
      many,
      "Autochanger = File",
    ]),
    // One job to a volume, and a changer: each concurrent job gets its own drive.
    resource("Pool", [
      "Name = Default",
      "Pool Type = Backup",
      "Recycle = no",
      "AutoPrune = no",
      'Label Format = "V-"',
      "Maximum Volumes = 1000",
      "Maximum Volume Jobs = 1",
    ]),
    resource("Messages", ["Name = Std", `append = ${log} = all`, "catalog = all"]),
    ...c.jobs.map(fileSet),
    ...c.jobs.map(backupJob),
    // Jobs, not users, are what a restore job's FileSet serves: any of them will do.
    resource("FileSet", [
      "Name = None",
      resource("Include", [resource("Options", ["signature = MD5"])]),
    ]),
    resource("Job", [
      "Name = Rest",
      "Type = Restore",
      ...common,
      "FileSet = None",
      `Where = ${quoted(join(c.folder, "restore"))}`,
    ]),
    ...(c.includes ?? []).map((file) => `@${file}\n`),
  ].join("\n");
}

const common = ["Client = lab-fd", "Storage = File", "Pool = Default", "Messages = Std", many];

function fileSet(job: LabJob): string {
  return resource("FileSet", [
    `Name = FS-${job.name}`,
    resource("Include", [
      resource("Options", job.options ?? ["signature = MD5"]),
      ...(job.files ?? []).map((file) => `File = ${quoted(file)}`),
      ...(job.plugins ?? []).map((plugin) => `Plugin = ${quoted(plugin)}`),
    ]),
  ]);
}

function backupJob(job: LabJob): string {
  return resource("Job", [
    `Name = ${job.name}`,
    "Type = Backup",
    "Level = Full",
    ...common,
    `FileSet = FS-${job.name}`,
    `Accurate = ${job.accurate ? "yes" : "no"}`,
    "Allow Duplicate Jobs = yes",
  ]);
}

function folders(c: Configuration): string[] {
  return [
    `WorkingDirectory = ${quoted(join(c.folder, "work"))}`,
    `Pid Directory = ${quoted(join(c.folder, "run"))}`,
  ];
}

function storage(c: Configuration): string {
  const drives = Array.from({ length: limits.drives }, (_, index) => index);
  return [
    resource("Storage", [
      "Name = lab-sd",
      `SDPort = ${c.ports.storage}`,
      "SDAddress = 127.0.0.1",
      ...folders(c),
      many,
    ]),
    resource("Director", ["Name = lab-dir", password]),
    resource("Autochanger", [
      "Name = Dev",
      `Device = ${drives.map((index) => `D${index}`).join(", ")}`,
      'Changer Command = ""',
      "Changer Device = /dev/null",
    ]),
    ...drives.map((index) =>
      resource("Device", [
        `Name = D${index}`,
        `Drive Index = ${index}`,
        "Media Type = File",
        `Archive Device = ${quoted(join(c.folder, "vol"))}`,
        "LabelMedia = yes",
        "Random Access = yes",
        "AutomaticMount = yes",
        "RemovableMedia = no",
        "AlwaysOpen = no",
        "Autochanger = yes",
        "Maximum Concurrent Jobs = 5",
      ]),
    ),
    resource("Messages", ["Name = Std", "director = lab-dir = all"]),
  ].join("\n");
}

function fileDaemon(c: Configuration): string {
  return [
    resource("Director", ["Name = lab-dir", password]),
    resource("FileDaemon", [
      "Name = lab-fd",
      `FDport = ${c.ports.file}`,
      "FDAddress = 127.0.0.1",
      ...folders(c),
      `Plugin Directory = ${quoted(c.pluginDir)}`,
      many,
      ...(c.fileDaemon ?? []),
    ]),
    resource("Messages", ["Name = Std", "director = lab-dir = all, !skipped, !restored"]),
  ].join("\n");
}

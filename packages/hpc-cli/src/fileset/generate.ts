import { formatPluginString, type Params } from "@podheitor/hpc-ptcomm";
import type { Accuracy } from "./accuracy";
import { shardName } from "./names";
import { quoted, resource } from "./resource";

/** How the streams of the shards reach volumes of their own; docs/sharding.md compares them. */
export const TOPOLOGIES = ["pool", "max-volume-jobs", "storage"] as const;
export type Topology = (typeof TOPOLOGIES)[number];

/** What is generated, all of it checked. */
export interface Setup {
  readonly prefix: string;
  readonly shards: number;
  /** The pairs of the plugin string that all shards share; `shard` is added. */
  readonly keys: Params;
  readonly topology: Topology;
  readonly client: string;
  /** Round-robin where there are several. */
  readonly storages: readonly string[];
  readonly messages: string;
  /** An existing Pool; undefined: generated where the topology lets it. */
  readonly pool: string | undefined;
  readonly schedule: string | undefined;
  readonly level: string;
  readonly priority: number | undefined;
  readonly accurate: Accuracy;
  /** MD5 …; undefined: no digest. */
  readonly digest: string | undefined;
  readonly spoolData: boolean;
  readonly spoolAttributes: boolean;
  /** As Bacula writes times, e.g. `60 days`; for generated Pools. */
  readonly retention: string | undefined;
  /** For generated Pools. */
  readonly volumeBytes: number | undefined;
}

/**
 * The files, name → text (latin1). The same setup gives the same bytes, on any machine and at any
 * time.
 */
export function generate(setup: Setup): Map<string, string> {
  const files = new Map<string, string>();
  files.set(`${setup.prefix}.conf`, common(setup));
  for (let index = 0; index < setup.shards; index++) {
    const name = shardName(setup.prefix, index, setup.shards);
    const parts = [fileSet(setup, name, index), job(setup, name, index)];
    if (setup.topology === "pool") parts.push(pool(setup, name, `Shard-${index}-`, []));
    files.set(`${name}.conf`, parts.join("\n"));
  }
  return files;
}

/**
 * JobDefs that the shards' jobs share, and their Pool where they share one that does not exist yet.
 */
function common(setup: Setup): string {
  const yesNo = (value: boolean) => (value ? "yes" : "no");
  const lines = [
    `Name = ${name(setup.prefix)}`,
    "Type = Backup",
    `Level = ${setup.level}`,
    `Client = ${name(setup.client)}`,
    `Messages = ${name(setup.messages)}`,
    ...(setup.schedule === undefined ? [] : [`Schedule = ${name(setup.schedule)}`]),
    ...(setup.priority === undefined ? [] : [`Priority = ${setup.priority}`]),
    ...setup.accurate.why.map((line) => `# ${line}`),
    `Accurate = ${yesNo(setup.accurate.is)}`,
    `Spool Data = ${yesNo(setup.spoolData)}`,
    `Spool Attributes = ${yesNo(setup.spoolAttributes)}`,
    // A shard that still runs must not be started again beside itself.
    "Allow Duplicate Jobs = no",
    "Cancel Lower Level Duplicates = yes",
  ];
  const parts = [resource("JobDefs", lines)];
  if (setup.topology === "max-volume-jobs" && setup.pool === undefined)
    parts.push(pool(setup, setup.prefix, "Shard-", ["Maximum Volume Jobs = 1"]));
  // Jobs that share a Storage would share its mounted volume, too.
  if (setup.topology === "storage" && setup.pool === undefined)
    parts.push(
      pool(setup, setup.prefix, "Shard-", sharesStorage(setup) ? ["Maximum Volume Jobs = 1"] : []),
    );
  return parts.join("\n");
}

/** Some Storage gets more than one of the jobs. */
export function sharesStorage({ shards, storages }: Setup): boolean {
  return shards > new Set(storages).size;
}

function fileSet(setup: Setup, resourceName: string, index: number): string {
  const shard = ["shard", Buffer.from(`${index}/${setup.shards}`)] as const;
  const [paths, rest] = [
    setup.keys.filter(([key]) => key === "path"),
    setup.keys.filter(([key]) => key !== "path"),
  ];
  const plugin = formatPluginString("podheitor-hpc", [
    ...paths,
    ...(setup.shards > 1 ? [shard] : []),
    ...rest,
  ]);
  return resource("FileSet", [
    `Name = ${name(resourceName)}`,
    resource("Include", [
      resource("Options", setup.digest === undefined ? [] : [`Signature = ${setup.digest}`]),
      `Plugin = ${quoted(plugin, "the path")}`,
    ]),
  ]);
}

function job(setup: Setup, resourceName: string, index: number): string {
  const storage = setup.storages[index % setup.storages.length] ?? "";
  const own = setup.topology === "pool" ? resourceName : (setup.pool ?? setup.prefix);
  return resource("Job", [
    `Name = ${name(resourceName)}`,
    `JobDefs = ${name(setup.prefix)}`,
    `FileSet = ${name(resourceName)}`,
    `Storage = ${name(storage)}`,
    `Pool = ${name(own)}`,
  ]);
}

function pool(setup: Setup, resourceName: string, label: string, more: readonly string[]): string {
  return resource("Pool", [
    `Name = ${name(resourceName)}`,
    "Pool Type = Backup",
    `Label Format = ${quoted(label, "the label")}`,
    ...(setup.retention === undefined ? [] : [`Volume Retention = ${setup.retention}`]),
    ...(setup.volumeBytes === undefined ? [] : [`Maximum Volume Bytes = ${setup.volumeBytes}`]),
    ...more,
  ]);
}

function name(text: string): string {
  return quoted(text, "a name");
}

import { protocolError } from "./errors";
import { type Pair, type Params, show } from "./pairs";

/** What the Director says of a job. */
export interface JobInfo {
  readonly name: string;
  readonly id: number;
  /** backup, estimate. A restore has no use for a backend. */
  readonly type: "B" | "E";
  /** Full, incremental, differential. */
  readonly level?: "F" | "I" | "D";
  /** Epoch second: entries with mtime or ctime at or after it have changed. */
  readonly since?: bigint;
  readonly accurate: boolean;
  /** Name of the job that this one continues. */
  readonly prevJobName?: string;
  readonly workingDir?: Buffer;
  /** Where the plugin and its configuration lie. */
  readonly pluginDir?: Buffer;
  /** Keys that this release has no use for (Namespace, ExePath …), as they came. */
  readonly other: Params;
}

/** The job block of a pair list, without `Params`. Throws HPC_COMMAND, naming the key. */
export function parseJob(pairs: Params): JobInfo {
  const known = new Map<string, Buffer>();
  const other: Pair[] = [];
  for (const pair of pairs) {
    if (!KEYS.has(pair[0])) other.push(pair);
    else if (known.has(pair[0]))
      throw protocolError("HPC_COMMAND", `job block: ${pair[0]} is given twice`);
    else known.set(pair[0], pair[1]);
  }
  const text = (key: string): string | undefined => known.get(key)?.toString();
  const required = (key: string): string => {
    const value = text(key);
    if (value === undefined) throw protocolError("HPC_COMMAND", `job block: ${key} is missing`);
    return value;
  };
  const level = text("Level");
  const since = text("Since");
  const prevJobName = text("PrevJobName");
  const workingDir = known.get("WorkingDir");
  const pluginDir = known.get("PluginDir");
  return {
    name: required("Name"),
    id: Number(integer("JobID", required("JobID"))),
    type: oneOf("Type", required("Type"), ["B", "E"]),
    accurate: accurate(known.get("Accurate")),
    ...(level === undefined ? {} : { level: oneOf("Level", level, ["F", "I", "D"]) }),
    ...(since === undefined ? {} : { since: integer("Since", since) }),
    ...(prevJobName ? { prevJobName } : {}),
    ...(workingDir?.length ? { workingDir } : {}),
    ...(pluginDir?.length ? { pluginDir } : {}),
    other,
  };
}

/** The pairs of a job block in the order of docs/ptcomm.md. */
export function jobPairs(job: JobInfo): Pair[] {
  const pairs: Pair[] = [];
  const add = (key: string, value: string | Buffer | undefined) => {
    if (value !== undefined)
      pairs.push([key, typeof value === "string" ? Buffer.from(value) : value]);
  };
  add("Name", job.name);
  add("JobID", String(job.id));
  add("Type", job.type);
  add("Level", job.level);
  add("Since", job.since?.toString());
  add("PrevJobName", job.prevJobName);
  if (job.accurate) add("Accurate", "1");
  add("WorkingDir", job.workingDir);
  add("PluginDir", job.pluginDir);
  return [...pairs, ...job.other];
}

/** `Accurate`'s value: 1 or 0; absent is 0. Throws HPC_COMMAND. */
function accurate(value: Buffer | undefined): boolean {
  return value !== undefined && oneOf("Accurate", value.toString(), ["0", "1"]) === "1";
}

const KEYS = new Set([
  "Name",
  "JobID",
  "Type",
  "Level",
  "Since",
  "PrevJobName",
  "Accurate",
  "WorkingDir",
  "PluginDir",
]);

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw protocolError(
    "HPC_COMMAND",
    `job block: ${key}=${show(Buffer.from(value))} is none of ${allowed.join(", ")}`,
  );
}

function integer(key: string, value: string): bigint {
  if (/^-?\d{1,18}$/.test(value)) return BigInt(value);
  throw protocolError(
    "HPC_COMMAND",
    `job block: ${key}=${show(Buffer.from(value))} is not a whole number`,
  );
}

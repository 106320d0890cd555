import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { untrusted } from "./trust";

/** An MDT or OST, as this client sees it. */
export interface LustreTarget {
  readonly kind: "MDT" | "OST";
  /** `testfs-MDT0001` */
  readonly name: string;
  /**
   * false: the client sends it nothing any more; what lies there fails, or is left out without an
   * error.
   */
  readonly active: boolean;
}

/** What `lfs` and the kernel are asked, and for how long. */
export interface TargetSources {
  /** Directories in which `lfs` is looked for, in this order. */
  readonly path: readonly string[];
  /** Where a client's devices have directories: `mdc/testfs-MDT0000-mdc-ffff…/active`. */
  readonly trees: readonly string[];
  readonly limitMs: number;
}

/** Neither asks a server. A client that does not answer within this time hangs. */
const LIMIT_MS = 10_000;
const USUAL_PATH = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
const TREES = ["/sys/fs/lustre", "/proc/fs/lustre"];
/** More than 10,000 OSTs of 60 characters. */
const OUTPUT_MAX = 4 * 1024 * 1024;

export function usualTargetSources(env: NodeJS.ProcessEnv = process.env): TargetSources {
  const path = (env["PATH"] ?? "").split(":").filter((directory) => directory.startsWith("/"));
  return { path: [...new Set([...path, ...USUAL_PATH])], trees: TREES, limitMs: LIMIT_MS };
}

/**
 * All MDTs and OSTs of the Lustre that is mounted there, by `lfs mdts` and `lfs osts`, or where
 * there is no `lfs` that only root can change, by what the kernel says of the filesystem's devices
 * on this client. undefined: neither says anything within the time limit. Never throws, and blocks
 * nothing.
 */
export async function lustreTargets(
  mountPoint: Buffer,
  fsname: string,
  sources = usualTargetSources(),
): Promise<readonly LustreTarget[] | undefined> {
  const lfs = await findLfs(sources.path);
  const asked = lfs === undefined ? undefined : await byCommand(lfs, mountPoint, sources.limitMs);
  return asked ?? within(sources.limitMs, byKernel(fsname, sources.trees));
}

/** What follows `:/` in the source of a client's mount; undefined: it is no client's. */
export function fsnameOf(source: Buffer): string | undefined {
  return /:\/([^/:]+)/.exec(source.toString("latin1"))?.[1];
}

async function findLfs(path: readonly string[]): Promise<string | undefined> {
  for (const directory of path) {
    const file = join(directory, "lfs");
    try {
      await access(file, constants.X_OK);
    } catch {
      continue;
    }
    if (untrusted(file) === undefined) return file;
  }
  return undefined;
}

async function byCommand(
  lfs: string,
  mountPoint: Buffer,
  limitMs: number,
): Promise<readonly LustreTarget[] | undefined> {
  const where = mountPoint.toString();
  if (!Buffer.from(where).equals(mountPoint)) return undefined; // no argument of a program's, in Node
  const texts = await Promise.all(
    ["mdts", "osts"].map((what) => outputOf(lfs, [what, where], limitMs)),
  );
  const targets = texts.map((text) => (text === undefined ? [] : parseTargets(text)));
  return targets.some((some) => some.length === 0) ? undefined : targets.flat();
}

/** Of `0: testfs-MDT0000_UUID ACTIVE` and the like. */
export function parseTargets(text: string): LustreTarget[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", kind, state] =
      /^\d+: (\S+-(MDT|OST)[0-9a-f]{4})_UUID ([A-Z]+)/.exec(line) ?? [];
    return kind === undefined
      ? []
      : [{ kind: kind as LustreTarget["kind"], name, active: state !== "INACTIVE" }];
  });
}

/** A program that does not end in time is killed, and not waited for: it may hang in the kernel. */
function outputOf(
  file: string,
  args: readonly string[],
  limitMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { env: { LC_ALL: "C" }, cwd: "/", maxBuffer: OUTPUT_MAX },
      (error, stdout) => resolve(error === null ? stdout : undefined),
    );
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve(undefined);
    }, limitMs);
    child.on("close", () => clearTimeout(timer));
    child.on("error", () => clearTimeout(timer));
  });
}

/**
 * Of two mounts of one filesystem each has devices of its own; a target counts as inactive if it is
 * so for one.
 */
async function byKernel(
  fsname: string,
  trees: readonly string[],
): Promise<readonly LustreTarget[] | undefined> {
  const found = new Map<string, LustreTarget>();
  for (const tree of trees)
    for (const [device, kind] of [
      ["mdc", "MDT"],
      ["osc", "OST"],
    ] as const)
      for (const entry of await readdir(join(tree, device)).catch((): string[] => [])) {
        const name = new RegExp(`^(.+-${kind}[0-9a-f]{4})-${device}-`).exec(entry)?.[1];
        if (name === undefined || !name.startsWith(`${fsname}-${kind}`)) continue;
        const text = await readFile(join(tree, device, entry, "active"), "latin1").catch(
          () => undefined,
        );
        if (text === undefined) continue;
        const active = text.trim() !== "0" && found.get(name)?.active !== false;
        found.set(name, { kind, name, active });
      }
  const targets = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return targets.length === 0 ? undefined : targets;
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  const late = after(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

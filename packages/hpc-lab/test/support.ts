import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { memoryOf } from "@podheitor/hpc-bench";
import { installPlugin } from "@podheitor/hpc-cdylib";
import { decodeAccounting, type Frame, FrameDecoder } from "@podheitor/hpc-ptcomm";
import {
  type BaculaLab,
  type CatalogRow,
  type LabJob,
  type Release,
  releaseOf,
  releases,
  startBacula,
} from "../src";
import { command } from "../src/command";
import { catalogNames } from "../src/parity";
import { until } from "../src/wait";

/**
 * Both releases, or those of HPC_LAB_RELEASES (`9,15`); `podheitor-hpc bench backup` chooses by the
 * names of tests.
 */
export const chosenReleases: readonly Release[] =
  (process.env["PODHEITOR_HPC_BENCH_SAVE"] === undefined
    ? process.env["HPC_LAB_RELEASES"]
    : undefined
  )
    ?.split(",")
    .map(releaseOf) ?? releases;

export const repository = join(__dirname, "../../..");
export const backendName = "podheitor-hpc-backend";

const cleanups: (() => void | Promise<void>)[] = [];

/** For afterAll: undoes everything of this file, the last thing first. */
export async function cleanUp(): Promise<void> {
  for (let undo = cleanups.pop(); undo !== undefined; undo = cleanups.pop()) await undo();
}

/** Undone after the file's tests, and before what was made earlier is. */
export function atCleanUp(undo: () => void | Promise<void>): void {
  cleanups.push(undo);
}

/** A folder of one's own; gone after the file's tests. */
export function scratch(base = tmpdir()): string {
  const folder = mkdtempSync(join(base, "hpc-system-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function labWith(
  release: Release,
  jobs: readonly LabJob[],
  options: {
    pluginDir?: string;
    env?: NodeJS.ProcessEnv;
    fileDaemon?: readonly string[];
    includes?: readonly string[];
  } = {},
): Promise<BaculaLab> {
  // What jobs remember of each other is the lab's own.
  const env = { ...process.env, PODHEITOR_HPC_STATE_DIR: join(scratch(), "state"), ...options.env };
  const lab = await startBacula({ release, jobs, ...options, env });
  cleanups.push(() => lab.stop());
  return lab;
}

/**
 * The built plugin and backend, installed as an operator does. The backend is copied first: the
 * plugin runs only what no other user can change, and a checkout may belong to anybody.
 */
export function installedPlugin(): string {
  const folder = scratch();
  const bundle = join(repository, "packages/hpc-backend/dist");
  const backend = join(folder, "lib", `${backendName}.cjs`);
  mkdirSync(join(folder, "plugins"), { mode: 0o755 });
  copyBundle(bundle, dirname(backend));
  installPlugin({ pluginDir: join(folder, "plugins"), backend });
  return join(folder, "plugins");
}

/** The bundle and what lies beside it; not the compiled modules in the same folder's subfolders. */
function copyBundle(from: string, to: string): void {
  if (!existsSync(join(from, `${backendName}.cjs`)))
    throw new Error(`${from} holds no bundle: run npm run build`);
  mkdirSync(to, { mode: 0o755 });
  for (const name of readdirSync(from)) {
    if (/\.(cjs|cache|node|so)$/.test(name) && statSync(join(from, name)).isFile())
      copyFileSync(join(from, name), join(to, name));
  }
}

/** A job with our plugin on one tree; `more` are further keys, e.g. `shard=0/4`. */
export function pluginJob(
  name: string,
  path: string,
  more = "",
  rest: Partial<LabJob> = {},
): LabJob {
  return { name, plugins: [`podheitor-hpc:path=${path}${more === "" ? "" : `;${more}`}`], ...rest };
}

/** Names as sorted text in which every byte is one character. */
export function sorted(names: Iterable<Buffer>): string[] {
  return [...names].map((name) => name.toString("latin1")).sort();
}

export function present(rows: readonly CatalogRow[]): string[] {
  return sorted(rows.filter((row) => !row.deleted).map((row) => row.name));
}

export function deleted(rows: readonly CatalogRow[]): string[] {
  return sorted(rows.filter((row) => row.deleted).map((row) => row.name));
}

/** Runs the built `podheitor-hpc`; its standard output. Exit 3, done with warnings, is good. */
export async function podheitor(...words: string[]): Promise<string> {
  const program = join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const { stdout } = await command([process.execPath, program, ...words], { accept: [0, 3] });
  return stdout.toString();
}

export async function onDisk(root: string): Promise<string[]> {
  return sorted(await catalogNames(root));
}

/**
 * Waits until the clock has left the second in which files were made: an incremental takes whole
 * seconds, and anything changed in the second of the Full's start rightly counts as changed since.
 * Times cannot be set into the past instead, because ctime counts, too, and nobody sets that.
 */
export function settle(): Promise<boolean> {
  const end = Math.floor(Date.now() / 1000) + 1;
  return until("a second passes", 10_000, () => Date.now() / 1000 >= end);
}

/** The most memory that a process has had, bytes; 0 when it has ended. */
export function peakOf(pid: number): number {
  return memoryOf(pid).peak;
}

export interface BackendRun {
  readonly peak: number;
  readonly entries: number;
  readonly sums: ReturnType<typeof decodeAccounting>;
  /** What it said for the job log. */
  readonly messages: readonly string[];
}

/**
 * Lets the built backend save the tree, reads what it sends, and asks the kernel for its peak
 * before it is gone.
 */
export async function runBackend(...keys: string[]): Promise<BackendRun> {
  const program = join(repository, "packages/hpc-backend/dist", `${backendName}.cjs`);
  const child = spawn(process.execPath, [program, "backup", ...keys], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const decoder = new FrameDecoder();
  let entries = 0;
  let peak = 0;
  let sums: BackendRun["sums"] | undefined;
  const messages: string[] = [];
  const count = (frame: Frame) => {
    if (frame.status === "M") entries++;
    if (["I", "W", "E"].includes(frame.status)) messages.push(frame.payload.toString());
    if (frame.status === "U") sums = decodeAccounting(frame.payload);
  };
  // The peak only grows, and is looked at with every piece until after the last one.
  for await (const chunk of child.stdout) {
    peak = Math.max(peak, peakOf(child.pid ?? 0));
    decoder.push(chunk as Buffer);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) count(frame);
  }
  const [code, killed] = (await exited) as [number | null, string | null];
  if (code !== 0) throw new Error(`the backend ended with ${killed ?? code}`);
  if (sums === undefined) throw new Error("the backend sent no accounting");
  return { peak, entries, sums, messages };
}

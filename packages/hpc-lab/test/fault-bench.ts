import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { BaculaLab, JobResult, LabJob, Release } from "../src";
import { childrenOf, type ProcessId } from "../src/bacula/daemon";
import { letterOf } from "../src/bacula/stored";
import { command } from "../src/command";
import { LabFs } from "../src/labfs";
import { childrenAndZombies, namesBelow, pipesOf } from "../src/leftovers";
import { until } from "../src/wait";
import {
  atCleanUp,
  backendName,
  installedPlugin,
  labWith,
  pluginJob,
  repository,
  scratch,
} from "./support";

export interface Sums {
  readonly scanned: number;
  readonly emitted: number;
  readonly filtered: number;
  readonly vanished: number;
  readonly failed: number;
  /** Files that were not read in full. */
  readonly unread: number;
  readonly unlisted: number;
}

export interface Expectation {
  readonly status: JobResult["status"];
  /** What the job's log says, each at least once. */
  readonly says: readonly RegExp[];
  readonly sums?: Partial<Sums>;
  /** The backend lies about its sums. */
  readonly unbalanced?: true;
  /** Names below the job's path that are in the catalog, or are not. */
  readonly saved?: readonly string[];
  readonly notSaved?: readonly string[];
  /** The types in the catalog of names below the job's path, as find's letters. */
  readonly kinds?: Readonly<Record<string, string>>;
  /** What the job's volume must not hold. */
  readonly never?: string;
}

/** One named fault: what is there, what goes wrong, what must be seen. */
export interface Fault {
  /** Also the job's name. */
  readonly name: string;
  readonly what: string;
  /** Part of the short tier, which runs in CI. */
  readonly short?: true;
  /** Fills the job's folder. Default: `sampleTree`. */
  readonly tree?: (root: string) => void;
  /** Rules of labfs; `%` is the job's folder. */
  readonly rules?: readonly string[];
  /** Further keys of the plugin string. */
  readonly keys?: string;
  /** Lines of podheitor-hpc-fd.conf. Default: the real backend. */
  readonly conf?: (bench: Bench) => readonly string[];
  /** Runs the job. Default: a backup from its start to its end. */
  readonly act?: (bench: Bench, job: string) => Promise<JobResult>;
  readonly expect: Expectation;
}

const longest = 60_000;
const other = "Other";
const otherEntries = 3; // the folder and two files

/** `a` and `sub/x` ride in scan batches, `big` (2 MiB) is read block by block. */
export function sampleTree(root: string): void {
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "a"), "0123456789".repeat(500));
  writeFileSync(join(root, "big"), Buffer.alloc(2 ** 21, "big"));
  writeFileSync(join(root, "sub/x"), "x");
}
export const sampleEntries = 5;

/**
 * A real Bacula whose trees lie on labfs, and a second job that is in the middle of its work
 * whenever a fault happens.
 */
export class Bench {
  private constructor(
    readonly lab: BaculaLab,
    readonly fs: LabFs,
    /** Programs that the plugin trusts: the real backend, the fake one, wrappers. */
    readonly programs: string,
    private readonly pluginDir: string,
  ) {}

  static async start(release: Release, faults: readonly Fault[]): Promise<Bench> {
    const folder = scratch();
    const fs = await LabFs.start(join(folder, "source"), join(folder, "mount"));
    atCleanUp(() => fs.stop());
    mkdirSync(join(fs.source, other));
    for (const name of ["held", "file"]) writeFileSync(join(fs.source, other, name), name);
    for (const fault of faults) {
      const root = join(fs.source, fault.name);
      mkdirSync(root);
      (fault.tree ?? sampleTree)(root);
    }
    const jobs: LabJob[] = faults.map((fault) =>
      pluginJob(fault.name, join(fs.mount, fault.name), fault.keys ?? ""),
    );
    const pluginDir = installedPlugin();
    const programs = join(pluginDir, "../lib");
    const plugin = join(repository, "shim-c/fd-plugin");
    await command(["make", "-s", "-C", plugin, "build/fake-backend"]);
    copyFileSync(join(plugin, "build/fake-backend"), join(programs, "fake-backend"));
    const lab = await labWith(release, [...jobs, pluginJob(other, join(fs.mount, other))], {
      pluginDir,
    });
    return new Bench(lab, fs, programs, pluginDir);
  }

  get realBackend(): readonly string[] {
    return [`backend = ${join(this.programs, `${backendName}.cjs`)}`, `node = ${process.execPath}`];
  }

  get fakeBackend(): readonly string[] {
    return [`backend = ${join(this.programs, "fake-backend")}`];
  }

  /** A shell script as the backend: `body` may use "$@". */
  script(name: string, body: string): readonly string[] {
    const path = join(this.programs, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return [`backend = ${path}`];
  }

  configure(lines: readonly string[]): void {
    writeFileSync(join(this.pluginDir, "podheitor-hpc-fd.conf"), `${lines.join("\n")}\n`);
  }

  /** The backends that live, the other job's not counted. */
  #held: ProcessId[] = [];
  backends(): ProcessId[] {
    return childrenOf(this.lab.fdPid, "").filter(
      ({ pid }) => !this.#held.some((held) => held.pid === pid),
    );
  }

  /** Starts a job and waits until its backend is there. */
  async startWithBackend(job: string): Promise<{ jobId: number; backend: ProcessId }> {
    const jobId = await this.lab.start(job);
    const backend = await until(`backend of ${job}`, longest, () => this.backends()[0]);
    return { jobId, backend };
  }

  hanging(count: number): Promise<boolean> {
    return until(`${count} operations hang`, longest, () => this.fs.state().hanging >= count);
  }

  /**
   * The fault, while the other job is held in the middle of its work; then everything that must
   * hold after any fault: the daemon lives, the other job ends well, no process, pipe or temporary
   * file is left.
   */
  async play(fault: Fault): Promise<JobResult> {
    this.fs.clear();
    this.configure(this.realBackend);
    const pipes = pipesOf(this.lab.fdPid);
    this.fs.rule(`open hang times 1 : /${other}/held`);
    const otherJob = await this.lab.start(other);
    await this.hanging(1);
    this.#held = childrenOf(this.lab.fdPid, "");
    expect(this.#held).toHaveLength(1);
    let result: JobResult;
    try {
      this.configure(fault.conf?.(this) ?? this.realBackend);
      this.fs.rule(...(fault.rules ?? []).map((rule) => rule.replaceAll("%", `/${fault.name}`)));
      result = await (fault.act?.(this, fault.name) ?? this.lab.run(fault.name, "Full", longest));
      // A rule that nothing met is a fault that did not happen. Rule 0 is the other job's.
      if (fault.rules !== undefined) expect(this.fs.state().hits.slice(1)).not.toContain(0);
    } finally {
      this.#held = [];
      this.fs.release();
      this.fs.clear();
    }
    const went = await this.lab.wait(otherJob, longest);
    expect({ ...went, messages: "" }).toMatchObject({
      status: "ok",
      errors: 0,
      files: otherEntries,
    });
    expect(this.lab.fdAlive).toBe(true);
    const left = () =>
      `${childrenAndZombies(this.lab.fdPid).join(", ")}; pipes: ${pipesOf(this.lab.fdPid)}, ${pipes} before`;
    const clean = () =>
      childrenAndZombies(this.lab.fdPid).length === 0 && pipesOf(this.lab.fdPid) <= pipes;
    // A process that the kernel held is reaped at the plugin's next occasion: the next connection
    // is one.
    await until(
      left,
      30_000,
      async () => clean() || ((await this.lab.console("status client=lab-fd")) && clean()),
    );
    expect(namesBelow(join(this.lab.folder, "work"), /podheitor-hpc/)).toEqual([]);
    expect(namesBelow(this.fs.source, /^\.podheitor-hpc/)).toEqual([]);
    return result;
  }

  async check(fault: Fault, result: JobResult): Promise<void> {
    const { expect: wanted } = fault;
    for (const words of wanted.says) expect(result.messages).toMatch(words);
    expect(/does not add up/.test(result.messages)).toBe(wanted.unbalanced === true);
    expect(`${result.status} ${result.messages}`).toMatch(new RegExp(`^${wanted.status}`));
    if (wanted.sums !== undefined) {
      const sums = sumsOf(result.messages);
      expect(sums).toMatchObject(wanted.sums);
      const { scanned, emitted, filtered, vanished, failed } = sums;
      expect(emitted + filtered + vanished + failed).toBe(scanned);
    }
    const root = `${join(this.fs.mount, fault.name)}/`;
    const rows = (await this.lab.catalog(result.jobId)).map((row) => ({
      name: row.name.toString("latin1").replace(root, ""),
      kind: letterOf(row.attributes.mode),
    }));
    const names = rows.map(({ name }) => name);
    for (const name of wanted.saved ?? []) expect(names).toContain(name);
    for (const name of wanted.notSaved ?? []) expect(names).not.toContain(name);
    for (const [name, kind] of Object.entries(wanted.kinds ?? {})) {
      expect(rows).toContainEqual({ name: kind === "d" ? `${name}/` : name, kind });
    }
    if (wanted.never !== undefined) {
      const volumes = await this.lab.volumes(result.jobId);
      expect(volumes.length).toBeGreaterThan(0);
      const held = volumes.map((name) => readFileSync(join(this.lab.folder, "vol", name)));
      expect(held.some((bytes) => bytes.includes(fault.name))).toBe(true); // it can be searched: nothing is compressed
      expect(held.some((bytes) => bytes.includes(wanted.never ?? ""))).toBe(false);
    }
  }
}

/** The sums that the plugin puts into the job's log at the end of a backup. */
function sumsOf(messages: string): Sums {
  const found =
    /scanned (\d+) entries: emitted (\d+), filtered (\d+), vanished (\d+), failed (\d+);.*not read in full (\d+), directories not listed (\d+)/.exec(
      messages,
    );
  if (found === null) throw new Error(`no sums in:\n${messages}`);
  const [
    scanned = 0,
    emitted = 0,
    filtered = 0,
    vanished = 0,
    failed = 0,
    unread = 0,
    unlisted = 0,
  ] = found.slice(1).map(Number);
  return { scanned, emitted, filtered, vanished, failed, unread, unlisted };
}

/** Cancels the job once `ready` is so. */
export function cancelWhen(
  ready: (bench: Bench) => Promise<unknown>,
  limit = 5000,
): NonNullable<Fault["act"]> {
  return async (bench, job) => {
    const { jobId } = await bench.startWithBackend(job);
    await ready(bench);
    await bench.lab.cancel(jobId);
    return bench.lab.wait(jobId, limit);
  };
}

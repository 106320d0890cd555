import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import type { BaculaLab, JobResult, Level } from "../src";
import { childrenOf, signalProcess } from "../src/bacula/daemon";
import { compareTrees } from "../src/parity";
import { ModelTree } from "../src/trees/model";
import { Random } from "../src/trees/random";
import { until } from "../src/wait";
import {
  backendName,
  chosenReleases,
  cleanUp,
  installedPlugin,
  labWith,
  pluginJob,
  scratch,
} from "./support";

/*
 * Random changes, random chains of jobs, failures and cancels in between; after each generation the
 * restore is the tree of that moment.
 * HPC_MODEL_SEED chooses a sequence; a failure prints its seed and its history. The seed decides
 * changes, jobs and their order; only the moment at which a victim is killed depends on the
 * machine.
 */
const long = process.env["PODHEITOR_HPC_LONG"] === "1";
const generations = Number(process.env["HPC_MODEL_GENERATIONS"] ?? (long ? 30 : 5));
const seed = Number(process.env["HPC_MODEL_SEED"] ?? (long ? Date.now() % 1_000_000 : 4));
const shardCounts = [1, 2, 3, 4];

/** One job name for each shard of each chain: Bacula tells chains apart by name. */
const jobName = (count: number, shard: number, accurate: boolean) =>
  `N${count}S${shard}${accurate ? "A" : "P"}`;

const killed = /backend was killed by signal 9/;

interface Chain {
  readonly shards: number;
  readonly accurate: boolean;
  /** The jobs of each shard that a restore takes. */
  readonly jobs: Map<number, { level: Level; jobId: number }[]>;
  /** Names that the tree had at a generation of this chain. */
  readonly known: Set<string>;
}

class Run {
  readonly history: string[] = [];
  readonly #random = new Random(seed);
  readonly tree: ModelTree;
  #chain: Chain | undefined;

  constructor(
    private readonly lab: BaculaLab,
    root: string,
  ) {
    this.tree = new ModelTree(root, this.#random);
  }

  async generation(): Promise<void> {
    const chain = this.#next();
    if (chain.jobs.size > 0)
      for (let count = this.#random.between(3, 25); count > 0; count -= 1) this.#change(chain);
    const shards = this.#random.shuffled(Array.from({ length: chain.shards }, (_, shard) => shard));
    const together = this.#random.chance(50);
    const levels = shards.map((): Level => {
      if (chain.jobs.size === 0) return "Full";
      return this.#random.pick([
        "Incremental",
        "Incremental",
        "Incremental",
        "Differential",
        "Full",
      ] as const);
    });
    const work = shards.map(
      (shard, index) => () => this.#job(chain, shard, levels[index] as Level),
    );
    if (together) await Promise.all(work.map((start) => start()));
    else for (const start of work) await start();
    await this.#compare(chain);
  }

  #next(): Chain {
    if (this.#chain === undefined || this.#random.chance(20)) {
      const accurate = this.#random.chance(60);
      this.#chain = {
        shards: this.#random.pick(shardCounts),
        accurate,
        jobs: new Map(),
        known: new Set(),
      };
      this.history.push(
        `chain of ${this.#chain.shards} shards, ${accurate ? "accurate" : "not accurate"}`,
      );
    }
    return this.#chain;
  }

  #change(chain: Chain): void {
    this.history.push(`  ${this.tree.change(chain)}`);
  }

  /** Runs a shard's job until it ends well; some attempts are killed or cancelled. */
  async #job(chain: Chain, shard: number, level: Level): Promise<void> {
    const name = jobName(chain.shards, shard, chain.accurate);
    const disturb = this.#random.chance(25)
      ? this.#random.pick(["kill", "cancel"] as const)
      : undefined;
    let result = await (disturb === undefined
      ? this.lab.run(name, level)
      : this.#disturbed(name, level, disturb));
    this.#note(name, level, result, disturb);
    // Of jobs that run together the kill may hit another one. A job that ended OK counts, whenever
    // the kill came: the next one builds on it.
    for (
      let attempt = 0;
      attempt < 4 &&
      result.status !== "ok" &&
      (result.status === "cancelled" || killed.test(result.messages));
      attempt += 1
    ) {
      result = await this.lab.run(name, level);
      this.#note(name, level, result, "again");
    }
    if (result.status !== "ok") this.history.push(result.messages);
    expect([name, result.status, result.errors]).toEqual([name, "ok", 0]);
    const earlier = chain.jobs.get(shard) ?? [];
    // The level that Bacula made of it: after a failed Full it may raise the next one.
    const ran = (/Backup Level: +(\w+)/.exec(result.messages)?.[1] ?? level) as Level;
    const kept = { Full: [], Differential: earlier.slice(0, 1), Incremental: earlier }[ran];
    chain.jobs.set(shard, [...kept, { level: ran, jobId: result.jobId }]);
  }

  #note(name: string, level: Level, { jobId, status }: JobResult, remark?: string): void {
    this.history.push(`  ${name} ${level}: job ${jobId} ${status}${remark ? ` (${remark})` : ""}`);
  }

  /**
   * A job whose backend is killed, or that is cancelled, at some moment: it may have ended by then.
   */
  async #disturbed(name: string, level: Level, how: "kill" | "cancel"): Promise<JobResult> {
    const before = new Set(this.#backends().map(({ pid }) => pid));
    const jobId = await this.lab.start(name, level);
    if (how === "cancel") await this.lab.cancel(jobId);
    else {
      const victim = await until("a backend, or the job's end", 30_000, async () => {
        const [found] = this.#backends().filter(({ pid }) => !before.has(pid));
        return (
          found ?? ((await this.lab.messages(jobId)).includes("Termination:") ? "none" : undefined)
        );
      });
      if (victim !== "none") signalProcess(victim, "SIGKILL");
    }
    return this.lab.wait(jobId);
  }

  #backends() {
    return childrenOf(this.lab.fdPid, backendName);
  }

  async #compare(chain: Chain): Promise<void> {
    const where = scratch();
    const jobIds = [...chain.jobs.values()].flat().map(({ jobId }) => jobId);
    const restored = await this.lab.restore({ jobIds: jobIds.sort((a, b) => a - b), where });
    this.history.push(
      `  restore of ${jobIds.join()}: ${restored.status}, ${restored.errors} errors`,
    );
    const back = join(where, this.tree.root);
    const names = this.tree.names();
    if (!chain.accurate) forget(back, names, chain.known);
    for (const name of names) chain.known.add(name);
    const { report } = await compareTrees(this.tree.root, back);
    if (!report.startsWith("identical") || restored.status !== "ok")
      this.history.push(restored.messages);
    expect(report).toMatch(/^identical/);
    // Without accurate mode a removed name may come back as a link to a name that has moved on: an
    // error of that name alone.
    if (chain.accurate) expect([restored.status, restored.errors]).toEqual(["ok", 0]);
    rmSync(where, { recursive: true });
  }
}

/**
 * What jobs that are not accurate cannot know: names that are gone by now come back. They are taken
 * away again, and leave no trace.
 */
function forget(restored: string, names: readonly string[], known: ReadonlySet<string>): void {
  const present = new Set(names);
  for (const name of known) {
    const path = join(restored, name);
    if (present.has(name) || !lstatSync(path, { throwIfNoEntry: false })) continue;
    const parent = dirname(path);
    const mtime = lstatSync(parent, { bigint: true }).mtimeNs;
    const second = mtime / 1_000_000_000n;
    rmSync(path, { recursive: true });
    spawnSync("touch", [
      "-m",
      "-d",
      `@${second}.${String(mtime % 1_000_000_000n).padStart(9, "0")}`,
      "--",
      parent,
    ]);
  }
}

afterAll(cleanUp);

const release = chosenReleases.includes("9.6.7") ? "9.6.7" : "15.0.3";

test(
  `${generations} generations, seed ${seed}, on Bacula ${release}`,
  async () => {
    const root = join(scratch(), "tree");
    const jobs = shardCounts.flatMap((count) =>
      Array.from({ length: count }, (_, shard) => shard).flatMap((shard) =>
        [true, false].map((accurate) =>
          pluginJob(jobName(count, shard, accurate), root, `shard=${shard}/${count}`, { accurate }),
        ),
      ),
    );
    const lab = await labWith(release, jobs, { pluginDir: installedPlugin() });
    const run = new Run(lab, root);
    try {
      for (let generation = 1; generation <= generations; generation += 1) {
        run.history.push(`generation ${generation}`);
        await run.generation();
      }
    } catch (error) {
      throw new Error(
        `HPC_MODEL_SEED=${seed}:\n${run.history.join("\n")}\n${(error as Error).message}`,
      );
    }
    expect(existsSync(root)).toBe(true);
  },
  60_000 + generations * 60_000,
);

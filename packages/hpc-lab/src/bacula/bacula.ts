import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { copyFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../command";
import { labError } from "../errors";
import { limits } from "../limits";
import { until } from "../wait";
import { Catalog, type CatalogRow } from "./catalog";
import { configurationFiles, type LabJob, type Ports } from "./configuration";
import {
  alive,
  freePorts,
  type ProcessId,
  processOf,
  signalProcess,
  startDaemon,
  stopProcesses,
  tail,
} from "./daemon";
import { ensureRelease, type Installation, type Release } from "./release";

export interface BaculaOptions {
  readonly release: Release;
  readonly jobs: readonly LabJob[];
  /**
   * The File Daemon's plugin directory. Default: one of its own that holds the stock bpipe plugin.
   */
  readonly pluginDir?: string;
  /** Further lines of the File Daemon's own resource, e.g. `PKI Encryption = yes`. */
  readonly fileDaemon?: readonly string[];
  /** Files that the Director's configuration includes, e.g. those of gen-fileset. */
  readonly includes?: readonly string[];
  /** Environment of the daemons, and so of the plugin's children. Default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** Lets the daemons live on when this process ends (`lab up`); `down` ends them. */
  readonly detached?: boolean;
}

export type Level = "Full" | "Incremental" | "Differential";

export interface JobResult {
  readonly jobId: number;
  /** `ok` may have warnings (status letters T, W); see `messages`. */
  readonly status: "ok" | "failed" | "cancelled";
  /** The catalog's letter: T ok, W warnings, E errors, f fatal, A cancelled. */
  readonly letter: string;
  /** Errors that the job counted. */
  readonly errors: number;
  readonly files: number;
  readonly bytes: number;
  /** The job's log with the report at its end. */
  readonly messages: string;
}

export interface RestoreOptions {
  readonly jobIds: readonly number[];
  /** Everything lands below: `<where>/<full name>`. */
  readonly where: string;
  /** Only these names. Default: all. */
  readonly files?: readonly string[];
  readonly limit?: number;
}

const prefix = "hpc-lab-";
const stateFile = "lab.json";

/** What stands in `lab.json`: enough for another process to use the lab, or to clear it away. */
interface LabState {
  readonly release: Release;
  readonly ports: Ports;
  readonly pluginDir: string;
  readonly jobs: readonly LabJob[];
  readonly daemons: {
    readonly director: ProcessId;
    readonly storage: ProcessId;
    readonly file: ProcessId;
  } | null;
  /** Ends with its lab, unless that is detached. */
  readonly owner: ProcessId | null;
}

/** A running Director, Storage Daemon and File Daemon on loopback, with a catalog of their own. */
export class BaculaLab {
  readonly #catalog: Catalog;

  private constructor(
    /** Base folder: configuration, catalog, volumes, logs. */
    readonly folder: string,
    private readonly installation: Installation,
    private readonly state: LabState,
  ) {
    this.#catalog = new Catalog(join(folder, "work/bacula.db"), installation.release);
  }

  get release(): Release {
    return this.state.release;
  }

  get pluginDir(): string {
    return this.state.pluginDir;
  }

  /** The File Daemon's process: the parent of the plugin's backends. */
  get fdPid(): number {
    const daemons = this.state.daemons;
    if (daemons === null)
      throw labError(
        "HPC_LAB_DAEMON",
        `${this.folder}: not running`,
        "Run `npm run lab -- bacula up`.",
      );
    return daemons.file.pid;
  }

  /** Where the Storage Daemon listens. */
  get storagePort(): number {
    return this.state.ports.storage;
  }

  /** All three daemons live. */
  get running(): boolean {
    const daemons = this.state.daemons;
    return daemons !== null && Object.values(daemons).every(alive);
  }

  /** The three daemons' processes, for faults. */
  get daemons(): {
    readonly director: ProcessId;
    readonly storage: ProcessId;
    readonly file: ProcessId;
  } {
    const daemons = this.state.daemons;
    if (daemons === null)
      throw labError(
        "HPC_LAB_DAEMON",
        `${this.folder}: not running`,
        "Run `npm run lab -- bacula up`.",
      );
    return daemons;
  }

  get fdAlive(): boolean {
    const daemons = this.state.daemons;
    return daemons !== null && alive(daemons.file);
  }

  /**
   * Starts a lab in a new folder. @throws HpcError when a program is missing or a daemon does not
   * come up
   */
  static async start(options: BaculaOptions): Promise<BaculaLab> {
    sweep();
    const installation = await ensureRelease(options.release);
    // Short path: a daemon puts socket and spool names below it.
    const folder = await mkdtemp(join(tmpdir(), prefix));
    const [director = 0, file = 0, storage = 0] = await freePorts(3);
    const pluginDir = options.pluginDir ?? join(folder, "plug");
    const owner = options.detached ? null : (processOf(process.pid) ?? null);
    const base = {
      release: options.release,
      ports: { director, file, storage },
      pluginDir,
      jobs: options.jobs,
      owner,
    };
    let lab = new BaculaLab(folder, installation, { ...base, daemons: null });
    lab.#save();
    try {
      for (const name of ["work", "run", "log", "vol", "plug", "restore"])
        mkdirSync(join(folder, name));
      if (options.pluginDir === undefined) {
        await copyFile(
          join(installation.stockPlugins, "bpipe-fd.so"),
          join(pluginDir, "bpipe-fd.so"),
        );
      }
      const files = configurationFiles({
        folder,
        ports: base.ports,
        pluginDir,
        jobs: options.jobs,
        fileDaemon: options.fileDaemon ?? [],
        includes: options.includes ?? [],
      });
      for (const [name, text] of Object.entries(files))
        writeFileSync(join(folder, name), text, { mode: 0o600 });
      await Catalog.create(join(folder, "work/bacula.db"), installation.catalogSchema);
      const daemons = await startDaemons(folder, installation, base.ports, options);
      lab = new BaculaLab(folder, installation, { ...base, daemons });
      lab.#save();
      return lab;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  /** Takes up a lab that another process started. */
  static async attach(folder: string): Promise<BaculaLab> {
    const state = readState(folder);
    if (state === undefined)
      throw labError(
        "HPC_LAB_USAGE",
        `${folder} holds no lab`,
        "Run `npm run lab -- bacula status`, which lists them.",
      );
    return new BaculaLab(folder, await ensureRelease(state.release), state);
  }

  /** Starts a job and returns its number at once. */
  async start(job: string, level: Level = "Full"): Promise<number> {
    return jobIdIn(await this.console(`run job=${job} level=${level} yes`));
  }

  /** Waits for a job's end and its report. @throws HpcError HPC_LAB_TIMEOUT with the log's end */
  async wait(jobId: number, limit: number = limits.job): Promise<JobResult> {
    const log = () =>
      `job ${jobId} in ${this.folder} does not end; its log:\n${tail(join(this.folder, "log/bacula.log"))}`;
    const row = await until(log, limit, async () => {
      const job = await this.#catalog.job(jobId);
      return job !== undefined && "TWEefAI".includes(job.status) ? job : undefined;
    });
    const messages = await until(`report of job ${jobId}`, limits.report, async () => {
      const text = await this.#catalog.messages(jobId);
      return text.includes("Termination:") && text;
    });
    const status = "TW".includes(row.status) ? "ok" : row.status === "A" ? "cancelled" : "failed";
    return {
      jobId,
      status,
      letter: row.status,
      errors: row.errors,
      files: row.files,
      bytes: row.bytes,
      messages,
    };
  }

  async run(job: string, level: Level = "Full", limit: number = limits.job): Promise<JobResult> {
    return this.wait(await this.start(job, level), limit);
  }

  async cancel(jobId: number): Promise<void> {
    await this.console(`cancel jobid=${jobId} yes`);
  }

  /**
   * Restores these jobs' latest versions of all names (deleted ones left out), as the console's
   * `all` does.
   */
  async restore(options: RestoreOptions): Promise<JobResult> {
    const select = (options.files ?? []).map((file) => `file="${file}"`).join(" ") || "all";
    const words = `restore jobid=${options.jobIds.join(",")} client=lab-fd restorejob=Rest where="${options.where}"`;
    return this.wait(jobIdIn(await this.console(`${words} ${select} done yes`)), options.limit);
  }

  /** The console's estimate: its numbers and all it printed. */
  async estimate(job: string, words = ""): Promise<{ files: number; bytes: number; text: string }> {
    const text = await this.console(`estimate job=${job} ${words}`);
    const found = /estimate files=([\d,]+) bytes=([\d,]+)/.exec(text);
    const number = (digits: string | undefined) =>
      digits === undefined ? -1 : Number(digits.replaceAll(",", ""));
    return { files: number(found?.[1]), bytes: number(found?.[2]), text };
  }

  catalog(jobId: number): Promise<CatalogRow[]> {
    return this.#catalog.files(jobId);
  }

  /** What a running or ended job has said so far. */
  messages(jobId: number): Promise<string> {
    return this.#catalog.messages(jobId);
  }

  volumes(jobId: number): Promise<string[]> {
    return this.#catalog.volumes(jobId);
  }

  /**
   * Unpacks a volume with the release's own bextract, without any plugin. Returns what it printed.
   */
  async bextract(volume: string, where: string): Promise<string> {
    const configuration = join(this.folder, "bacula-sd.conf");
    const argv = [
      ...this.installation.argv("bextract"),
      "-c",
      configuration,
      "-V",
      volume,
      "D0",
      where,
    ];
    const { stdout, stderr } = await command(argv, { limit: limits.job });
    return Buffer.concat([stdout, stderr]).toString();
  }

  /**
   * What `bacula-dir -t` says of the lab's configuration with these files included; empty: nothing,
   * which is good.
   */
  async testDirector(includes: readonly string[]): Promise<string> {
    const own = readFileSync(join(this.folder, "bacula-dir.conf"), "utf8");
    const trial = join(this.folder, "trial-dir.conf");
    writeFileSync(trial, `${own}\n${includes.map((file) => `@${file}\n`).join("")}`, {
      mode: 0o600,
    });
    const { code, stdout, stderr } = await command(
      [...this.installation.argv("bacula-dir"), "-t", "-c", trial],
      {
        accept: [0, 1],
      },
    );
    const said = Buffer.concat([stdout, stderr]).toString();
    return code === 0 ? said : `exit ${code}: ${said}`;
  }

  /** Says something to the director and returns its answer. */
  async console(...lines: readonly string[]): Promise<string> {
    const argv = [
      ...this.installation.argv("bconsole"),
      "-n",
      "-c",
      join(this.folder, "bconsole.conf"),
    ];
    const { stdout } = await command(argv, { input: `${lines.join("\n")}\nquit\n` });
    return stdout.toString();
  }

  /** Ends the daemons and removes the folder. Safe to call twice. */
  async stop(): Promise<void> {
    process.removeListener("exit", this.#atExit);
    if (this.state.daemons !== null) await stopProcesses(Object.values(this.state.daemons));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #save(): void {
    writeFileSync(join(this.folder, stateFile), JSON.stringify(this.state), { mode: 0o600 });
    if (this.state.owner !== null && this.state.daemons !== null)
      process.once("exit", this.#atExit);
  }

  readonly #atExit = (): void => clear(this.folder, this.state);
}

async function startDaemons(
  folder: string,
  installation: Installation,
  ports: Ports,
  options: BaculaOptions,
) {
  const tied = options.detached !== true;
  const started: ProcessId[] = [];
  const start = async (
    name: "bacula-dir" | "bacula-sd" | "bacula-fd",
    port: number,
  ): Promise<ProcessId> => {
    const argv = [...installation.argv(name), "-f", "-c", join(folder, `${name}.conf`)];
    const env = options.env === undefined ? {} : { env: options.env };
    const id = await startDaemon({
      name,
      argv,
      port,
      tied,
      log: join(folder, `log/${name}.log`),
      ...env,
    });
    started.push(id);
    return id;
  };
  const all = await Promise.allSettled([
    start("bacula-dir", ports.director),
    start("bacula-sd", ports.storage),
    start("bacula-fd", ports.file),
  ]);
  const [director, storage, file] = all;
  if (
    director.status === "fulfilled" &&
    storage.status === "fulfilled" &&
    file.status === "fulfilled"
  ) {
    return { director: director.value, storage: storage.value, file: file.value };
  }
  await stopProcesses(started);
  throw all.find((one) => one.status === "rejected")?.reason;
}

function jobIdIn(answer: string): number {
  const found = /JobId=(\d+)/.exec(answer);
  if (found?.[1] === undefined) {
    throw labError(
      "HPC_LAB_CONSOLE",
      `the director started no job:\n${answer.trim().slice(-2000)}`,
      "See its words.",
    );
  }
  return Number(found[1]);
}

function readState(folder: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, stateFile), "utf8")) as LabState;
  } catch {
    return undefined;
  }
}

function clear(folder: string, state: LabState): void {
  for (const id of Object.values(state.daemons ?? {})) signalProcess(id, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/** All labs of this machine that can be found, detached or not. */
function labFolders(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => readState(folder) !== undefined);
}

/**
 * Clears away what crashed owners left behind: their daemons are dead or get killed, their folders
 * go.
 */
export function sweep(): string[] {
  return labFolders().filter((folder) => {
    const state = readState(folder);
    if (state === undefined || state.owner === null || alive(state.owner)) return false;
    clear(folder, state);
    return true;
  });
}

export interface LabSummary {
  readonly folder: string;
  readonly release: Release;
  readonly running: boolean;
  readonly detached: boolean;
}

export function labs(): LabSummary[] {
  return labFolders().flatMap((folder) => {
    const state = readState(folder);
    if (state === undefined) return [];
    const running = state.daemons !== null && Object.values(state.daemons).every(alive);
    return [{ folder, release: state.release, running, detached: state.owner === null }];
  });
}

/** Starts a Bacula; `lab.stop()` ends it. See {@link BaculaLab.start}. */
export function startBacula(options: BaculaOptions): Promise<BaculaLab> {
  return BaculaLab.start(options);
}

import { type CatalogDifference, compareRow, listing, statOf, type Why } from "./compare";
import type { CatalogFile, CatalogJob, CatalogReader } from "./reader";

export interface VerifyCatalog {
  readonly reader: CatalogReader;
  readonly jobs: readonly CatalogJob[];
  /** Catalog names are looked up below this; empty: where they came from. Latin1. */
  readonly against: string;
  /**
   * Look at so many names, chosen at random; names that only the tree has are then not looked for.
   */
  readonly sample: number | undefined;
  readonly difference: (difference: CatalogDifference) => void;
  readonly signal: AbortSignal;
}

export interface CatalogSums {
  /** Names that the jobs together hold. */
  entries: number;
  /** Those that were compared. */
  compared: number;
  differences: number;
  differences_by: Partial<Record<Why, number>>;
}

/**
 * Compares a tree with what the catalog holds for some jobs: of each name the latest row counts.
 * Rows come in the order of directories, so that one directory's names are in memory at a time
 * (with `sample`: so many names).
 */
export async function verifyCatalog(options: VerifyCatalog): Promise<CatalogSums> {
  const check = new Check(options);
  const sample: CatalogFile[] = [];
  let group: CatalogFile[] = [];
  let previous: CatalogFile | undefined;
  const take = async (file: CatalogFile): Promise<void> => {
    if (!file.deleted) check.sums.entries += 1;
    if (options.sample !== undefined) {
      if (!file.deleted) keepOne(sample, options.sample, check.sums.entries, file);
      return;
    }
    if (group[0] !== undefined && group[0].directory !== file.directory) {
      await check.directory(group);
      group = [];
    }
    group.push(file);
  };
  for await (const file of options.reader.files(options.jobs)) {
    options.signal.throwIfAborted();
    const another = previous?.directory !== file.directory || previous.name !== file.name;
    if (previous !== undefined && another) await take(previous);
    previous = file;
  }
  if (previous !== undefined) await take(previous);
  if (group.length > 0) await check.directory(group);
  for (const file of sample) await check.file(file);
  await check.end();
  return check.sums;
}

/** Reservoir sampling: every one of the `seen` names is kept with the same probability. */
function keepOne(sample: CatalogFile[], size: number, seen: number, file: CatalogFile): void {
  const slot = sample.length < size ? sample.length : Math.floor(Math.random() * seen);
  if (slot < size) sample[slot] = file;
}

class Check {
  readonly sums: CatalogSums = { entries: 0, compared: 0, differences: 0, differences_by: {} };
  /**
   * Directories that were seen on disk and not yet in the catalog, nearest last; each list
   * descending. The catalog's order is that of a walk, so what is less than the current directory
   * will not come any more.
   */
  readonly #awaited: string[][] = [];

  constructor(private readonly options: VerifyCatalog) {}

  /** All rows of one directory, ordered by name. */
  async directory(rows: readonly CatalogFile[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    await this.#passed(first.directory);
    for (const file of rows) if (!file.deleted) await this.file(file);
    const deleted = new Set(rows.filter((file) => file.deleted).map(({ name }) => name));
    if (first.name !== "" || first.deleted) {
      for (const name of deleted) await this.#onlyInTree(first.directory + name, true);
      return;
    }
    const { folders, others } = listing(this.options.against + first.directory, (error) => {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR")
        this.#differ(first.directory, "failed", `cannot be listed: ${error.code}`);
    });
    const known = new Set(rows.map(({ name }) => name));
    for (const name of others.sort())
      if (!known.has(name) || deleted.has(name))
        await this.#onlyInTree(first.directory + name, deleted.has(name));
    const below = folders.map((name) => `${first.directory}${name}/`).sort();
    this.#awaited.push(below.reverse());
  }

  async file(file: CatalogFile): Promise<void> {
    const path = file.directory + file.name;
    this.sums.compared += 1;
    try {
      const stat = statOf(this.options.against + path);
      if (stat === undefined) return this.#differ(path, "vanished", "");
      const found = compareRow(file, stat, this.options.against === "");
      if (found !== undefined) this.#differ(path, found.why, found.detail);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error; // no error of a system call
      this.#differ(path, "failed", code);
    }
  }

  async end(): Promise<void> {
    await this.#passed(undefined);
  }

  /** The catalog is at `directory`, or at its end: awaited ones before that are missing in it. */
  async #passed(directory: string | undefined): Promise<void> {
    for (let list = this.#awaited.at(-1); list !== undefined; list = this.#awaited.at(-1)) {
      const next = list.at(-1);
      if (next === undefined) this.#awaited.pop();
      else if (directory !== undefined && next > directory) return;
      else {
        list.pop();
        if (next !== directory) await this.#onlyInTree(next, false);
      }
    }
  }

  /** A name that only the tree has; a directory ends in `/`, and what is below it is not told. */
  async #onlyInTree(path: string, deleted: boolean): Promise<void> {
    const stat = statOf(this.options.against + path.replace(/(?<=.)\/$/, ""));
    if (stat === undefined) return; // as the catalog says, or gone meanwhile
    if (path.endsWith("/") !== stat.isDirectory()) return; // a directory in place of a file has a row of its own
    if (deleted) return this.#differ(path, "recorded-as-deleted", "");
    if (stat.isSocket()) return this.#differ(path, "socket", "");
    const said = await this.options.reader.said(this.options.jobs, path.replace(/(?<=.)\/$/, ""));
    const [line] = said;
    if (line !== undefined) return this.#differ(path, "failed", line);
    const last = Math.max(...this.options.jobs.map(({ start }) => start));
    const created = this.options.against === "" && stat.ctimeMs >= BigInt(last) * 1000n;
    this.#differ(path, created ? "created" : "not-in-catalog", "");
  }

  #differ(path: string, why: Why, detail: string): void {
    this.sums.differences += 1;
    this.sums.differences_by[why] = (this.sums.differences_by[why] ?? 0) + 1;
    this.options.difference({ path: Buffer.from(path, "latin1"), why, detail });
  }
}

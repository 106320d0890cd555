import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "./random";

/** What a chain of jobs can follow. A job that is not accurate knows times only. */
export interface Rules {
  /**
   * Deletions are followed, and with them whatever makes an old name mean something else. Without
   * it no name ever comes back as another kind of thing, and no directory moves: what is in it
   * would keep its times, and no job would look at it.
   */
  readonly accurate: boolean;
}

type Kind = "file" | "folder" | "other";

/**
 * A tree that changes at random, in ways that backup programs get wrong. Its only state is the tree
 * itself.
 */
export class ModelTree {
  #made = 0;

  constructor(
    readonly root: string,
    private readonly random: Random,
  ) {
    mkdirSync(root);
    for (let index = 0; index < 8; index += 1) this.#create("folder");
    for (let index = 0; index < 60; index += 1) this.#create("file");
    for (let index = 0; index < 12; index += 1) this.#create("other");
    for (let index = 0; index < 12; index += 1) this.#link();
  }

  /** Every name below the root, as `find` would print it below it, in an order of its own. */
  names(): string[] {
    return this.#all().map(({ path }) => path.slice(this.root.length + 1));
  }

  /** One change; returns what it was. */
  change(rules: Rules): string {
    const changes: readonly (() => string)[] = [
      () => this.#create("file"),
      () => this.#create("file"),
      () => this.#create("folder"),
      () => this.#create("other"),
      () => this.#write(),
      () => this.#write(),
      () => this.#replace(),
      () => this.#replace(),
      () => this.#link(),
      () => this.#link(),
      () => this.#remove(),
      () => this.#remove(),
      () => this.#removeTree(),
      () => this.#move(),
      () => this.#move(),
      () => this.#swap(),
      () => this.#retype(rules),
      () => this.#attributes(),
      () => this.#attributes(),
      ...(rules.accurate ? [() => this.#moveTree(), () => this.#moveTree()] : []),
    ];
    return this.random.pick(changes)();
  }

  /** Sorted, so that it depends on the seed alone. */
  #all(): { path: string; kind: Kind }[] {
    const found: { path: string; kind: Kind }[] = [];
    const walk = (folder: string): void => {
      const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      for (const entry of entries) {
        const path = join(folder, entry.name);
        found.push({
          path,
          kind: entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other",
        });
        if (entry.isDirectory()) walk(path);
      }
    };
    walk(this.root);
    return found;
  }

  #some(...kinds: readonly Kind[]): string | undefined {
    const all = this.#all().filter(({ kind }) => kinds.includes(kind));
    return all.length === 0 ? undefined : this.random.pick(all).path;
  }

  #folder(): string {
    const folder = this.random.chance(15) ? undefined : this.#some("folder");
    return folder ?? this.root;
  }

  /** A name that never was: numbers are not used twice. */
  #fresh(prefix: string, folder = this.#folder()): string {
    this.#made += 1;
    return join(folder, `${prefix}${this.#made}${this.random.pick(["", " ", "\n", "-ü", ";"])}`);
  }

  #content(): Buffer {
    const size = this.random.pick([0, 1, 100, 4096, 65_536, 65_537, 200_000]);
    return Buffer.alloc(size, `content ${this.random.below(2 ** 31)} `);
  }

  #create(kind: Kind): string {
    const path = this.#fresh({ file: "f", folder: "d", other: "o" }[kind]);
    if (kind === "folder") mkdirSync(path);
    else if (kind === "file") writeFileSync(path, this.#content(), { flag: "wx" });
    else if (this.random.chance(70))
      symlinkSync(this.random.pick(["nowhere", "..", "/etc/passwd"]), path);
    else spawnSync("mkfifo", ["--", path]);
    return this.#say("create", path);
  }

  #write(): string {
    const path = this.#some("file");
    if (path === undefined) return this.#create("file");
    const how = this.random.pick(["append", "overwrite", "truncate"] as const);
    if (how === "append") appendFileSync(path, this.#content());
    else if (how === "overwrite") writeFileSync(path, this.#content());
    else truncateSync(path, this.random.below(1000));
    return this.#say("write", path);
  }

  /** What editors do: another inode, hence another shard, under the same name. */
  #replace(): string {
    const path = this.#some("file");
    if (path === undefined) return this.#create("file");
    const fresh = this.#fresh("new", dirname(path));
    writeFileSync(fresh, this.#content());
    // As old as an unpacked file may be.
    if (this.random.chance(30)) utimesSync(fresh, 1_000_000_000, 1_000_000_000);
    renameSync(fresh, path);
    return this.#say("replace", path);
  }

  #link(): string {
    const path = this.#some("file", "file", "other");
    if (path === undefined) return this.#create("file");
    const other = this.#fresh("l");
    linkSync(path, other);
    return this.#say("link", path, other);
  }

  #remove(): string {
    const path = this.#some("file", "other");
    if (path === undefined) return this.#create("file");
    unlinkSync(path);
    return this.#say("remove", path);
  }

  #removeTree(): string {
    const path = this.#some("folder");
    // Half of the time at most: the tree should not wither.
    if (path === undefined || this.random.chance(50)) return this.#create("file");
    rmSync(path, { recursive: true });
    return this.#say("remove tree", path);
  }

  #move(): string {
    const path = this.#some("file", "other");
    if (path === undefined) return this.#create("file");
    const to = this.#fresh("m");
    renameSync(path, to);
    return this.#say("move", path, to);
  }

  #moveTree(): string {
    const path = this.#some("folder");
    if (path === undefined) return this.#create("folder");
    const targets = [
      this.root,
      ...this.#all().flatMap(({ path: at, kind }) => (kind === "folder" ? [at] : [])),
    ];
    const target = this.random.pick(
      targets.filter((at) => at !== path && !at.startsWith(`${path}/`)),
    );
    const to = this.#fresh("t", target);
    renameSync(path, to);
    return this.#say("move tree", path, to);
  }

  /** Two names change places. */
  #swap(): string {
    const [one, two] = [this.#some("file"), this.#some("file")];
    if (one === undefined || two === undefined || one === two) return this.#create("file");
    const aside = this.#fresh("aside", dirname(one));
    renameSync(one, aside);
    renameSync(two, one);
    renameSync(aside, two);
    return this.#say("swap", one, two);
  }

  /** Another kind of thing under the same name. */
  #retype(rules: Rules): string {
    const path = this.#some(
      ...(rules.accurate ? (["file", "other", "folder"] as const) : (["file", "other"] as const)),
    );
    if (path === undefined) return this.#create("file");
    const was = lstatSync(path);
    rmSync(path, { recursive: true });
    if (was.isDirectory() || !was.isFile()) writeFileSync(path, this.#content());
    else if (rules.accurate && this.random.chance(50)) mkdirSync(path);
    else symlinkSync("nowhere", path);
    return this.#say("change type", path);
  }

  #attributes(): string {
    const path = this.#some("file", "folder");
    if (path === undefined) return this.#create("file");
    if (this.random.chance(40))
      chmodSync(path, this.random.pick([0o600, 0o644, 0o751, 0o2750, 0o1777]));
    else if (this.random.chance(50))
      chownSync(path, this.random.below(70_000), this.random.below(70_000));
    else utimesSync(path, this.random.below(2 ** 31), this.random.below(2 ** 31));
    return this.#say("attributes", path);
  }

  #say(what: string, ...paths: readonly string[]): string {
    return [what, ...paths.map((path) => JSON.stringify(path.slice(this.root.length + 1)))].join(
      " ",
    );
  }
}

import { randomBytes } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { causeOf } from "../errno";
import { HpcError } from "./errors";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const OTHERS_MAY_WRITE = 0o022;
/** Names that begin with it are StateDir's own: drafts, locks. */
const OWN = ".";
const DRAFT = /^\..*\.draft$/;
/** A draft this old has no writer any more. */
const DRAFT_AGE_MS = 3_600_000;

/** Of a file: JSON with a `version`, by which its reader is chosen. */
export type Readers<T> = Readonly<Record<number, (value: Record<string, unknown>) => T>>;

/**
 * A directory of ours that outlives the process: nothing in it is ever half written, and nobody
 * else can write there. It is held by a descriptor, so a name that is exchanged later leads
 * nowhere else. Calls throw the system's error, or HpcError HPC_STATE_DIR or HPC_STATE_DAMAGED.
 */
export class StateDir {
  readonly #path: string;
  readonly #fd: number;

  /** `fd` is its own from now on; `path` is for messages. */
  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
    this.#sweep();
  }

  /** `create`: it is made, private, where it is missing. */
  static open(path: string, create = false): StateDir {
    return openPrivate(path, path, create);
  }

  /**
   * Opens a directory, one within another, for the length of a call. Each of them has to be
   * private, or one could be put in the place of another.
   */
  static within<T>(path: readonly string[], create: boolean, act: (dir: StateDir) => T): T {
    const [top = "", ...names] = path;
    let dir = StateDir.open(top, create);
    try {
      for (const name of names) {
        const outer = dir;
        try {
          dir = openPrivate(outer.at(name), join(outer.path, name), create);
        } finally {
          if (dir !== outer) outer.close();
        }
      }
      return act(dir);
    } finally {
      dir.close();
    }
  }

  /** For messages. */
  get path(): string {
    return this.#path;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The path of a name in the directory that is held, wherever that lies by now. */
  at(name: string): string {
    if (name === "" || name.includes("/") || name.includes("\0"))
      throw new RangeError(`${JSON.stringify(name)} is no name of a file`);
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  facts(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /** Names of what callers keep here, in no order. */
  names(): string[] {
    return readdirSync(`/proc/self/fd/${this.#fd}`).filter((name) => !name.startsWith(OWN));
  }

  /** Content of a file of at most `max` bytes; undefined: there is none. */
  read(name: string, max: number): Buffer | undefined {
    let fd: number;
    try {
      fd = openSync(this.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      if (causeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > max) throw this.damaged(name, "is no file of this size");
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A file that `write` wrote; what an older release wrote has a reader of its own for ever. */
  readVersion<T>(name: string, max: number, readers: Readers<T>): T | undefined {
    const text = this.read(name, max);
    if (text === undefined) return undefined;
    try {
      const value = JSON.parse(text.toString()) as Record<string, unknown>;
      const reader = readers[value["version"] as number];
      if (reader === undefined) throw new Error(`version ${String(value["version"])}`);
      return reader(value);
    } catch (error) {
      throw this.damaged(name, `cannot be read (${causeOf(error)})`, error);
    }
  }

  write(name: string, version: number, value: object): void {
    this.replace(name, Buffer.from(JSON.stringify({ version, ...value })));
  }

  /**
   * Whoever reads `name`, also after the machine stopped, finds the old content or the new. It is
   * on disk when this returns. `content` may depend on the file that will hold it.
   */
  replace(name: string, content: Buffer | ((file: BigIntStats) => Buffer)): void {
    const draft = this.at(`.${name}.${randomBytes(8).toString("hex")}.draft`);
    try {
      const fd = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        const bytes = Buffer.isBuffer(content) ? content : content(fstatSync(fd, { bigint: true }));
        writeFileSync(fd, bytes);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(draft, this.at(name));
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    this.sync();
  }

  /** Names that were given or taken are on disk when this returns. */
  sync(): void {
    fsyncSync(this.#fd);
  }

  /** Nothing where there is none. */
  remove(name: string): void {
    rmSync(this.at(name), { force: true });
    this.sync();
  }

  damaged(name: string, why: string, cause?: unknown): HpcError {
    return new HpcError(
      "HPC_STATE_DAMAGED",
      `${join(this.#path, name)} ${why}`,
      "Remove it: the next jobs do without what it remembered.",
      { cause },
    );
  }

  /** Drafts of processes that were killed. */
  #sweep(): void {
    for (const name of readdirSync(`/proc/self/fd/${this.#fd}`)) {
      if (!DRAFT.test(name)) continue;
      const stat = lstatSync(this.at(name), { throwIfNoEntry: false });
      if (stat !== undefined && Date.now() - stat.mtimeMs > DRAFT_AGE_MS)
        rmSync(this.at(name), { force: true });
    }
  }
}

function openPrivate(path: string, shown: string, create: boolean): StateDir {
  if (create) makePrivate(path);
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    requirePrivate(shown, fstatSync(fd));
    return new StateDir(shown, fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function makePrivate(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (causeOf(error) !== "EEXIST") throw error;
  }
}

function requirePrivate(path: string, { uid, mode }: { uid: number; mode: number }): void {
  if (uid !== process.geteuid?.())
    throw new HpcError(
      "HPC_STATE_DIR",
      `the state directory ${path} belongs to user ${uid}`,
      "Give it to the user who runs this: `chown`, or name another with PODHEITOR_HPC_STATE_DIR.",
    );
  if ((mode & OTHERS_MAY_WRITE) !== 0)
    throw new HpcError(
      "HPC_STATE_DIR",
      `others can write to the state directory ${path}`,
      `Run \`chmod go-w ${path}\`, after a look at what is in it.`,
    );
}

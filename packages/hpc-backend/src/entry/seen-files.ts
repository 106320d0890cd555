import { close } from "node:fs";
import { promisify } from "node:util";
import { counted, fullName, MIN_HOLE } from "@podheitor/hpc-archive";
import type { Filesystem, FilesystemType } from "@podheitor/hpc-native";
import {
  type OpenedEntry,
  Openers,
  OpenFlag,
  type RecordCursor,
  type SeenEntry,
  seenEntry,
} from "@podheitor/hpc-walker";
import { OPENERS, ROOTS_HELD } from "../limits";
import { CONTENT_DRIVERS } from "./content-drivers";
import type { ContentDriver, ContentReader, ReadOptions } from "./content-reader";
import { fileDriver } from "./file-reader";

const closeAsync = promisify(close);
const SLASH = 0x2f;

/** Where an entry is: below a root that is held, or at a root's own path (`dir` -1). */
interface Place {
  readonly root: Buffer;
  readonly path: Buffer;
}

export interface SeenFilesOptions {
  /** Attributes come with project ids. */
  readonly projects?: boolean;
  /** Of the roots, in their order; fewer where not all could be told. */
  readonly filesystems?: readonly Filesystem[];
  /** The ways to read files. Default: CONTENT_DRIVERS. */
  readonly drivers?: readonly ContentDriver[];
}

/**
 * Entries of a scan that are looked at again later. Users of the tree may have exchanged any
 * directory or file meanwhile, so everything is looked up below the roots, which are held open,
 * never through a symlink, and must be the object that the scan saw.
 */
export class SeenFiles {
  readonly #paths: readonly Buffer[];
  readonly #roots: Roots;
  readonly #project: number;
  readonly #filesystems: readonly Filesystem[];
  readonly #drivers: readonly ContentDriver[];
  #openers: Openers | undefined;

  /** `paths`: the roots of the scan. */
  constructor(paths: readonly Buffer[], options: SeenFilesOptions = {}) {
    this.#paths = paths;
    this.#roots = new Roots(paths);
    this.#project = options.projects ? OpenFlag.PROJECT : 0;
    this.#filesystems = options.filesystems ?? [];
    this.#drivers = options.drivers ?? CONTENT_DRIVERS;
  }

  /**
   * Opens a regular file and begins to read it. Rejects with the system's error (`errno`): ESTALE
   * where another object has its name.
   * The cursor and the batch are not needed any more when it returns.
   */
  open(
    cursor: RecordCursor,
    bytes: Buffer,
    options: ReadOptions,
    xattrs: "always" | "changed" | "no",
  ): Promise<ContentReader> {
    const wanted =
      xattrs === "always" ? OpenFlag.XATTRS : xattrs === "changed" ? OpenFlag.XATTRS_NEW : 0;
    const flags =
      OpenFlag.CONTENT |
      (options.holes ? OpenFlag.HOLES : 0) |
      wanted |
      (options.skipReleased ? OpenFlag.SKIP_RELEASED : 0);
    const place = this.#placeOf(cursor);
    return this.#ask(place, cursor, bytes, flags).then((entry) => {
      const fresh = entry.changed || xattrs === "always";
      const type = this.#filesystemOf(place.root);
      const driver = this.#drivers.find((one) => one.canRead(entry, type)) ?? fileDriver;
      return driver.open(entry, options, fresh);
    });
  }

  /** The extended attributes of any entry. Rejects as `open` does. */
  attributes(
    cursor: RecordCursor,
    bytes: Buffer,
  ): Promise<Pick<OpenedEntry, "xattrs" | "xattrError">> {
    return this.#ask(this.#placeOf(cursor), cursor, bytes, OpenFlag.XATTRS);
  }

  /** Call it when nothing is under way. */
  async close(): Promise<void> {
    this.#openers?.close();
    await this.#roots.close();
  }

  #placeOf({ dir, name }: RecordCursor): Place {
    return this.#roots.placeOf(fullName(dir, name));
  }

  #filesystemOf(root: Buffer): FilesystemType | undefined {
    if (this.#filesystems.length !== this.#paths.length) return undefined;
    return this.#filesystems[this.#paths.findIndex((path) => path.equals(root))]?.type;
  }

  #ask(place: Place, cursor: RecordCursor, bytes: Buffer, flags: number): Promise<OpenedEntry> {
    const seen = seenEntry(cursor, bytes);
    const all = flags | (flags & (OpenFlag.XATTRS | OpenFlag.XATTRS_NEW) ? this.#project : 0);
    return counted(this.#look(place, seen, all));
  }

  async #look({ root, path }: Place, seen: SeenEntry, flags: number): Promise<OpenedEntry> {
    this.#openers ??= new Openers(OPENERS, MIN_HOLE);
    const openers = this.#openers;
    if (path.length === 0) return openers.look(-1, root, seen, flags);
    return this.#roots.use(root, openers, (dir) => openers.look(dir, path, seen, flags));
  }
}

interface Held {
  readonly fd: Promise<number>;
  users: number;
}

/** The roots, held by descriptors: a few hundred at once, those that were used last. */
class Roots {
  readonly #known: ReadonlySet<string>;
  /** Lengths that roots have, the longest first. */
  readonly #lengths: readonly number[];
  readonly #held = new Map<string, Held>();

  constructor(paths: readonly Buffer[]) {
    this.#known = new Set(paths.map((path) => path.toString("latin1")));
    this.#lengths = [...new Set(paths.map((path) => path.length))].sort((a, b) => b - a);
  }

  /**
   * The longest root that the name is, or is below. What is below none, is looked up from "/",
   * without any symlink.
   */
  placeOf(name: Buffer): Place {
    for (const length of this.#lengths) {
      if (length > name.length) continue;
      const whole = length === 1 || length === name.length || name[length] === SLASH;
      if (!whole || !this.#known.has(name.toString("latin1", 0, length))) continue;
      const root = name.subarray(0, length);
      const path = name.subarray(length === 1 || length === name.length ? length : length + 1);
      return { root, path };
    }
    return { root: name.subarray(0, 1), path: name.subarray(1) };
  }

  async use<T>(root: Buffer, openers: Openers, work: (dir: number) => Promise<T>): Promise<T> {
    const key = root.toString("latin1");
    const held = this.#held.get(key) ?? { fd: openers.hold(root), users: 0 };
    // The last used one stands last.
    this.#held.delete(key);
    this.#held.set(key, held);
    held.users++;
    try {
      return await work(await held.fd);
    } catch (error) {
      // What could not be opened once (no descriptors, a server that is away) may be the next time.
      if (this.#held.get(key) === held && (await held.fd.catch(() => undefined)) === undefined)
        this.#held.delete(key);
      throw error;
    } finally {
      held.users--;
      await this.#letGo();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(all.map(closeHeld));
  }

  async #letGo(): Promise<void> {
    if (this.#held.size <= ROOTS_HELD) return;
    const idle = [...this.#held].find(([, { users }]) => users === 0);
    if (idle === undefined) return;
    this.#held.delete(idle[0]);
    await closeHeld(idle[1]);
  }
}

async function closeHeld({ fd }: Held): Promise<void> {
  const opened = await fd.catch(() => -1); // whoever used it was told
  if (opened >= 0) await counted(closeAsync(opened));
}

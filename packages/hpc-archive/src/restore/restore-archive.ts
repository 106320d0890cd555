import { constants } from "node:os";
import { causeOf, errnoRemedy } from "@podheitor/hpc-base";
import { type Entry, EntryFlag, EntryKind, encodeEntry, FrameWriter } from "@podheitor/hpc-ptcomm";
import { RestoreOp } from "@podheitor/hpc-wire";
import { cancelled, HpcError } from "../common/errors";
import { isInside } from "../common/paths";
import { printable } from "../common/printable";
import type { JobEvents, Progress, RestoreSummary } from "../job/job-events";
import { JobLog } from "../job/job-log";
import { throttled } from "../job/throttled";
import { FEED_SIZE } from "../limits";
import {
  type ArchiveItem,
  ArchiveReader,
  type AttributesItem,
  type EndItem,
  type EntryItem,
} from "../read/archive-reader";
import { MissingShards } from "../read/missing-shards";
import {
  attributeText,
  failureText,
  foreignLink,
  REPLACE,
  type Replace,
  RestoreCore,
  type RestoreFailure,
} from "./restore-core";
import { type Selection, type Selector, selector } from "./selection";
import { StandIns } from "./stand-ins";

type Facts = ArchiveReader["facts"];

const NO_NAME = Buffer.alloc(0);
const NO_DIGEST = Buffer.alloc(8);

/** Without patterns and names everything is restored. */
export interface RestoreArchive extends Selection {
  /** A file, or "-" for standard input; several (the shards of one tree) are restored as one. */
  readonly archive: string | readonly string[];
  /** Directory that takes the place of "/"; created if missing. */
  readonly where: string | Buffer;
  /** Default: always. */
  readonly replace?: Replace;
  readonly events?: JobEvents;
  readonly signal?: AbortSignal;
}

/**
 * Puts the entries of one or several archives back below `where`. Entries that fail, or whose
 * checksum does not hold, are named through `events.message`, counted, and leave nothing behind.
 * Rejects with HpcError when an archive as a whole cannot be used any further (HPC_ARCHIVE_…), the
 * target cannot (HPC_RESTORE_TARGET), or the signal fired (HPC_CANCELLED); what was restored so far
 * stays.
 */
export async function restoreArchive(options: RestoreArchive): Promise<RestoreSummary> {
  const { archive, events, signal } = options;
  if (signal?.aborted) throw cancelled();
  const archives = typeof archive === "string" ? [archive] : archive;
  const wanted = selector(options);
  const some = (options.patterns?.length ?? 0) + (options.names?.length ?? 0) > 0;
  const messages = new JobLog((level, text) => events?.message?.(level, text));
  const core = openCore(options);
  const restore = new ArchiveRestore(core, wanted, messages);
  const report = throttled(() => events?.progress?.(restore.progress()));
  const shards = new MissingShards();
  const stop = () => restore.cancel();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (const one of archives) {
      const standIns = new StandIns();
      try {
        // With patterns a hard link may be wanted and its leader not; a first pass finds those,
        // where a second one is possible.
        if (some && one !== "-") await linksWithoutLeader(one, wanted, signal, standIns);
        restore.standIns = standIns;
        const onFacts = (facts: Facts) => restore.begin(facts, isRoot(options.where));
        shards.add(await eachItem(one, signal, (item) => restore.item(item), report, onFacts));
      } finally {
        standIns.close();
      }
    }
    for (const text of shards.missing())
      messages.say(
        "warning",
        `what belongs to shard ${text} is not restored: no archive of it was given`,
      );
    sayUnmatched(wanted, options, messages);
    await restore.finish();
    if (signal?.aborted) throw cancelled();
    events?.progress?.(restore.progress());
    return restore.summary();
  } catch (error) {
    // What was restored so far stays, and its directories get their modes and times, as far as a
    // second goes after a cancel.
    await restore.finish();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    core.close();
  }
}

/**
 * Names what was asked for and is in no archive, where something else is: that nothing at all is
 * there, the sums say.
 */
function sayUnmatched(
  wanted: Selector,
  { patterns = [], names = [] }: Selection,
  messages: JobLog,
): void {
  const { count, first } = wanted.unmatched();
  if (count === 0 || count >= patterns.length + names.length) return;
  const more = count > first.length ? ` and ${count - first.length} more` : "";
  messages.say(
    "warning",
    `nothing in the archive matches ${first.map(printable).join(", ")}${more}`,
  );
}

/** Reads an archive to its end. Resolves to what it says of its job. */
async function eachItem(
  archive: string,
  signal: AbortSignal | undefined,
  use: (item: ArchiveItem) => void,
  afterBatch?: () => void,
  onFacts?: (facts: Facts) => void,
): Promise<Facts> {
  const reader = await ArchiveReader.open(archive);
  let known = false;
  try {
    for (let items = await reader.next(); items !== undefined; items = await reader.next()) {
      if (signal?.aborted) throw cancelled();
      if (!known) onFacts?.(reader.facts);
      known = true;
      for (const item of items) use(item);
      afterBatch?.();
    }
    return reader.facts;
  } finally {
    await reader.close();
  }
}

/** In place: every name goes back to where it came from. */
function isRoot(where: string | Buffer): boolean {
  return /^\/+$/.test(where.toString("latin1"));
}

function openCore({ where, replace }: RestoreArchive): RestoreCore {
  const base = typeof where === "string" ? Buffer.from(where) : where;
  try {
    return new RestoreCore(base, REPLACE[replace ?? "always"]);
  } catch (error) {
    const cause = causeOf(error);
    const link = cause === "ELOOP" ? foreignLink(base) : undefined;
    if (link !== undefined) {
      throw new HpcError(
        "HPC_RESTORE_TARGET",
        `nothing can be restored to ${printable(base)}: the symbolic link ${printable(link)} on the way may lead where another user wants`,
        "Name the directory that it should lead to.",
      );
    }
    throw new HpcError(
      "HPC_RESTORE_TARGET",
      `nothing can be restored to ${printable(base)}: ${cause}`,
      errnoRemedy(cause) ??
        "Name a directory that exists or can be created, with room and write permission.",
    );
  }
}

/**
 * Finds groups with a selected LINK whose leader is not selected, each with the first such name.
 */
async function linksWithoutLeader(
  archive: string,
  wanted: Selector,
  signal: AbortSignal | undefined,
  found: StandIns,
): Promise<void> {
  await eachItem(archive, signal, (item) => {
    if (item.type !== "entry" || item.damage !== undefined || !isLink(item.entry)) return;
    const { linkGroup, name, link } = item.entry;
    if (wanted(name) && !wanted(link) && found.get(linkGroup) === undefined)
      found.add(linkGroup, name);
  });
}

function isLink(entry: Entry): boolean {
  return (entry.flags & EntryFlag.LINK) !== 0;
}

/**
 * Chooses what goes to the restore core, in calls of about FEED_SIZE, and says what became of it.
 */
class ArchiveRestore {
  readonly #frames = new FrameWriter({ capacity: FEED_SIZE + FEED_SIZE / 4 });
  /** The content that follows belongs to an entry that was chosen. */
  #passing = false;
  /** The entry is a directory that was not chosen. */
  #asParent = false;
  #entries = 0;
  #unselected = 0;
  /** Entries that never reached the core. */
  #unfed = 0;
  /** Entries whose attributes were damaged in the archive. */
  #attributesLost = 0;
  #finished = false;
  #cancelled = false;
  /** Of the entry whose attributes come next. */
  #name: Buffer = NO_NAME;
  /** Why the entry that is being discarded is damaged: the core only knows that it is. */
  #damage = "";
  /**
   * Of the archive that is being read: by group, the link that takes the place of a leader that is
   * not wanted.
   */
  standIns: StandIns | undefined;
  /** In place: the paths of the backup. */
  readonly #roots: Buffer[] = [];
  /** Those of them of which it was said that they cannot be reached, as Latin-1. */
  readonly #unreachable = new Set<string>();
  readonly #started = performance.now();

  constructor(
    private readonly core: RestoreCore,
    private readonly wanted: Selector,
    private readonly messages: JobLog,
  ) {}

  item(item: ArchiveItem): void {
    if (item.type === "entry") this.#entry(item);
    else if (this.#passing && item.type === "attributes") this.#attributes(item);
    else if (this.#passing && item.type === "data") this.#frames.frame("D", item.payload);
    else if (this.#passing && item.type === "end") this.#end(item);
    if (this.#frames.byteLength >= FEED_SIZE) this.flush();
  }

  /**
   * Before an archive's entries. In place, symbolic links at the paths of the backup, and above
   * them, are followed where they can only be root's.
   */
  begin(facts: Facts, inPlace: boolean): void {
    this.flush(); // what belongs to the archive before
    this.core.keepXattrs(
      facts.some(([key, value]) => key === "xattrs" && value.toString() === "no"),
    );
    if (!inPlace) return;
    for (const [key, root] of facts) {
      if (key !== "path") continue;
      this.#roots.push(root);
      this.core.root(root);
    }
  }

  /** Hands over what was collected. */
  flush(): void {
    if (this.#frames.byteLength === 0) return;
    const bytes = this.#frames.takeBytes();
    this.core.feed(bytes, (failure) => this.#failed(failure));
    this.#frames.recycle(bytes);
  }

  /** Directory modes and times, from the core's list. The second call does nothing. */
  async finish(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    if (!this.#cancelled) this.flush();
    try {
      await this.core.finish((failure) => this.#failed(failure));
    } catch (error) {
      this.messages.say(
        "warning",
        this.#cancelled
          ? this.#left()
          : `modes or times of some directories could not be set: ${causeOf(error)}`,
      );
    }
    this.messages.close();
  }

  /** What was not handed over yet is not restored. Any time, also while `finish` runs. */
  cancel(): void {
    this.#cancelled = true;
    this.core.cancel();
  }

  #left(): string {
    const { files, directories, symlinks, hardlinks, specials, unfinished } = this.core.stats();
    const done = files + directories + symlinks + hardlinks + specials;
    const lacking =
      unfinished > 0
        ? `; directories among them that have not got their owner, mode and times: ${unfinished}`
        : "";
    return `what was restored before the cancel stays: ${done} entries${lacking}`;
  }

  progress(): Progress {
    const { bytes, failed } = this.core.stats();
    return { entries: this.#entries, bytes, failed: failed + this.#unfed, seconds: this.#seconds };
  }

  summary(): RestoreSummary {
    const { attributesFailed, ownersRefused, ...stats } = this.core.stats();
    return {
      ...stats,
      entries: stats.files + stats.directories + stats.symlinks + stats.hardlinks + stats.specials,
      failed: stats.failed + this.#unfed,
      attributes_failed: attributesFailed + this.#attributesLost,
      owners_refused: ownersRefused,
      unselected: this.#unselected,
      seconds: this.#seconds,
    };
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #entry({ entry, payload, damage }: EntryItem): void {
    this.#entries++;
    this.#passing = false;
    if (damage !== undefined) {
      this.#unfed++;
      this.messages.entry("error", `${printable(entry.name)}: not restored: ${damage}`);
      return;
    }
    const record = this.#chosen(entry, payload);
    // What lies above a selected entry is made as it was, should it be missing; that it is not
    // wider than that the core sees to.
    this.#asParent = record === undefined && entry.kind === EntryKind.DIRECTORY;
    if (record === undefined && !this.#asParent) return;
    this.#passing = true;
    // Its attributes may come with the next block of the archive.
    if (entry.flags & EntryFlag.ATTRS) this.#name = Buffer.from(entry.name);
    this.#frames.frame(this.#asParent ? "P" : "M", record ?? payload);
  }

  /**
   * The record to restore, which differs from the archived one where a link stands in for its
   * leader.
   */
  #chosen(entry: Entry, payload: Buffer): Buffer | undefined {
    const stand = entry.linkGroup === 0n ? undefined : this.standIns?.get(entry.linkGroup);
    if (stand !== undefined && (entry.flags & EntryFlag.LEADER) !== 0) {
      this.#unselected++; // its own name; its content goes to the name that was selected
      return encodeEntry({ ...entry, name: stand });
    }
    if (!this.wanted(entry.name)) {
      this.#unselected++;
      return undefined;
    }
    if (stand === undefined) return payload;
    // It was restored already, in its leader's place.
    return stand.equals(entry.name) ? undefined : encodeEntry({ ...entry, link: stand });
  }

  #attributes({ block, damage }: AttributesItem): void {
    if (damage !== undefined && !this.#asParent) {
      this.#attributesLost++;
      this.messages.entry(
        "error",
        `${printable(this.#name)}: restored without its extended attributes: ${damage}`,
      );
    }
    // The record says that one comes; with a digest, which the core leaves to us.
    this.#frames.frame("B", Buffer.concat([block, NO_DIGEST]));
  }

  #end({ payload, damage }: EndItem): void {
    this.#passing = false;
    if (damage === undefined) {
      this.#frames.frame("Z", payload);
      return;
    }
    this.#frames.signal("X");
    this.#damage = damage;
    // The core is asked at once, so that its answer meets the reason.
    this.flush();
  }

  #failed(failure: RestoreFailure): void {
    if (failure.operation === RestoreOp.ATTRIBUTE)
      this.messages.entry("warning", attributeText(failure));
    else this.messages.entry("error", failureText(failure, this.#damage));
    if (failure.errno === constants.errno.ELOOP) this.#unreachableRoot(failure.name);
  }

  /**
   * Says once which symbolic link keeps `name`, and all else below its root, from being restored.
   */
  #unreachableRoot(name: Buffer): void {
    const root = this.#roots.find((one) => one.equals(name) || isInside(name, one));
    if (root === undefined || this.#unreachable.has(root.toString("latin1"))) return;
    const link = foreignLink(root);
    if (link === undefined) return;
    this.#unreachable.add(root.toString("latin1"));
    this.messages.say(
      "error",
      `${printable(root)}: nothing is restored through the symbolic link ${printable(link)}, which may lead where another user wants: remove it, or restore with --where to the directory that it should lead to`,
    );
  }
}

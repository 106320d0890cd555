import { constants } from "node:os";
import { errnoName, errnoText } from "@podheitor/hpc-base";
import {
  countsOf,
  FAILURE_HEAD,
  FAILURE_HEAD_BYTES,
  RESTORE_STATS,
  RESTORE_STATS_BYTES,
  ReplaceRule,
  RestoreFlag,
  RestoreOp,
} from "@podheitor/hpc-wire";
import { counted } from "../common/pending-calls";
import { printable } from "../common/printable";
import { FAILURES_SIZE } from "../limits";
import { restoreLibrary } from "./restore-library";

/** When an entry that exists gives way, in words and as the core is told. */
export const REPLACE = {
  always: ReplaceRule.ALWAYS,
  newer: ReplaceRule.NEWER,
  older: ReplaceRule.OLDER,
  never: ReplaceRule.NEVER,
} as const;
export type Replace = keyof typeof REPLACE;

const { EEXIST, ELOOP, ENOENT, ERANGE, ESTALE } = constants.errno;
const SLASH = 0x2f;
/** Room for the path of a symbolic link that is named. */
const LINK_ROOM = 8192;

/** An entry that could not be restored. */
export interface RestoreFailure {
  /** What was about to be done. */
  readonly operation: RestoreOp;
  /** Positive. */
  readonly errno: number;
  readonly name: Buffer;
  /** Of a hard link: the name it should have been linked to. */
  readonly leader: Buffer | undefined;
  /**
   * The entry was restored, but for this: "owner", "mode", "times", or the name of an extended
   * attribute.
   */
  readonly attribute: Buffer | undefined;
}

/** What to say of an attribute that could not be set. */
export function attributeText({ name, attribute, errno }: RestoreFailure): string {
  // Of a directory in the last pass: the list has names as they lie below the target.
  const slash = name[0] === SLASH ? "" : "/";
  return `${slash}${printable(name)}: restored, but not its ${printable(attribute ?? name)}: ${errnoName(errno)}`;
}

/**
 * What to say of an entry that could not be restored. `discarded`: why, where the caller had it
 * discarded.
 */
export function failureText(failure: RestoreFailure, discarded: string): string {
  return `${printable(failure.name)}: not restored: ${reasonOf(failure, discarded)}`;
}

function reasonOf({ operation, errno, leader }: RestoreFailure, discarded: string): string {
  if (operation === RestoreOp.DISCARD) return discarded;
  if (operation === RestoreOp.SOURCE) return "it was read incompletely when it was saved";
  if (operation !== RestoreOp.LINK || leader === undefined) {
    const why = WHY.get(errno);
    return `cannot ${VERBS.get(operation) ?? "restore"}: ${why === undefined ? errnoText(errno) : `${errnoName(errno)} (${why})`}`;
  }
  const other = printable(leader);
  if (errno === ENOENT)
    return `its other name ${other} is not there to link to (ENOENT): select it as well, or see why it was not restored`;
  if (errno === EEXIST)
    return `its other name ${other} is another file, which was kept (EEXIST): restore it elsewhere, or with --replace always`;
  if (errno === ESTALE)
    return `its other name ${other} was replaced during the restore (ESTALE): restore it again`;
  return `cannot link to ${other}: ${errnoText(errno)}`;
}

const VERBS: ReadonlyMap<RestoreOp, string> = new Map([
  [RestoreOp.CREATE, "create"],
  [RestoreOp.LINK, "link"],
  [RestoreOp.WRITE, "write"],
  [RestoreOp.COMMIT, "finish"],
]);

/** What the core means by an errno that says too little. */
const WHY: ReadonlyMap<number, string> = new Map([
  [ELOOP, "the way to it leads through a symbolic link, which is not followed"],
  [ERANGE, "the filesystem cannot keep its device number"],
  [ESTALE, "a directory above it was replaced during the restore"],
]);

/** `struct hpc_restore_stats` says of each count what it is. */
export type RestoreStats = Readonly<Record<keyof typeof RESTORE_STATS, number>>;

function bind() {
  const lib = restoreLibrary();
  return {
    open: lib.bind("hpc_restore_open", ["buffer", "i64", "buffer", "i64", "i64", "i64"], "status"),
    keepXattrs: lib.bind("hpc_restore_flat_keep_xattrs", ["i64", "i64"], "status"),
    root: lib.bind("hpc_restore_flat_root", ["i64", "buffer", "i64"], "status"),
    baseLink: lib.bind("hpc_restore_base_link", ["buffer", "i64", "buffer", "i64"], "status"),
    feed: lib.bind(
      "hpc_restore_feed",
      ["i64", "buffer", "i64", "buffer", "i64", "buffer"],
      "status",
    ),
    failures: lib.bind("hpc_restore_flat_failures", ["i64", "buffer", "i64"], "status"),
    stats: lib.bind("hpc_restore_flat_stats", ["i64", "buffer", "i64"], "status"),
    // In a thread of its own: it is one call over all directories, and the event loop must hear a
    // signal meanwhile.
    finish: lib.bindAsync("hpc_restore_flat_finish", ["i64"], "status"),
    cancel: lib.bind("hpc_restore_flat_cancel", ["i64"], "status"),
    close: lib.bind("hpc_restore_close", ["i64"], "status"),
  };
}

/**
 * The symbolic link on the way to `base` that is not followed, because others than root (or the
 * caller) may have chosen where it leads; undefined: there is none.
 */
export function foreignLink(base: Buffer): Buffer | undefined {
  const room = Buffer.alloc(LINK_ROOM);
  const length = bind().baseLink(base, base.length, room, room.length);
  return length === 0 ? undefined : room.subarray(0, length);
}

/**
 * One restore into one directory, through libhpcrestore. `close` must be called; it removes an
 * unfinished file.
 */
export class RestoreCore {
  readonly #calls = bind();
  readonly #handle: number;
  readonly #failures = Buffer.alloc(FAILURES_SIZE);
  readonly #used = Buffer.alloc(8);

  /**
   * Creates `where` if it is missing. Throws HpcError with the errno of that; ELOOP: see
   * `foreignLink`.
   */
  constructor(where: Buffer, replace: (typeof REPLACE)[Replace]) {
    const work = Buffer.alloc(0); // the list of directories is kept in `where` itself
    this.#handle = this.#calls.open(
      where,
      where.length,
      work,
      0,
      replace,
      RestoreFlag.NAME_ATTRIBUTES,
    );
  }

  /**
   * true: the entries that follow were saved without a look at their extended attributes, so that
   * directories that are there keep theirs, and their ACLs.
   */
  keepXattrs(keep: boolean): void {
    this.#calls.keepXattrs(this.#handle, keep ? 1 : 0);
  }

  /**
   * Before the first frames: symbolic links at `name`, or above it, are followed like those on the
   * way to `where`.
   */
  root(name: Buffer): void {
    this.#calls.root(this.#handle, name, name.length);
  }

  /**
   * Whole frames; `failed` hears of every entry that could not be restored, as far as the library
   * names it, also when the call then throws: HpcError, after which the core can only be closed,
   * or TypeError when the last frame is not whole.
   */
  feed(frames: Buffer, failed: (failure: RestoreFailure) => void): void {
    for (let rest = frames; rest.length > 0; ) {
      const consumed = this.#feedOnce(rest, failed);
      if (consumed === 0)
        throw new TypeError(
          `the restore core takes whole frames: ${rest.length} bytes are less than one`,
        );
      rest = rest.subarray(consumed);
    }
  }

  /** Bytes consumed: all of them, unless the room for failures ran out or the last frame is cut. */
  #feedOnce(frames: Buffer, failed: (failure: RestoreFailure) => void): number {
    this.#used.fill(0);
    try {
      return this.#calls.feed(
        this.#handle,
        frames,
        frames.length,
        this.#failures,
        this.#failures.length,
        this.#used,
      );
    } finally {
      this.#report(this.#used.readUInt32LE(0), failed);
    }
  }

  /**
   * What directories are, from the list; nothing but `cancel` may be called until it has settled.
   * Rejects with HpcError of the first that failed (all are tried), or with ECANCELED.
   */
  async finish(failed: (failure: RestoreFailure) => void): Promise<void> {
    try {
      await counted(this.#calls.finish(this.#handle));
    } finally {
      const failures = this.#failures;
      for (let used = 1; used > 0; ) {
        used = this.#calls.failures(this.#handle, failures, failures.length);
        this.#report(used, failed);
      }
    }
  }

  /** No entry is taken any more, and `finish` ends within a second, also while it runs. */
  cancel(): void {
    this.#calls.cancel(this.#handle);
  }

  stats(): RestoreStats {
    const bytes = Buffer.alloc(RESTORE_STATS_BYTES);
    this.#calls.stats(this.#handle, bytes, bytes.length);
    return countsOf(RESTORE_STATS, bytes);
  }

  close(): void {
    this.#calls.close(this.#handle);
  }

  /** Records of a `struct hpc_failure_head` each, a name, and padding to 8. */
  #report(length: number, failed: (failure: RestoreFailure) => void): void {
    const u32 = (at: number) => this.#failures.readUInt32LE(at);
    for (let at = 0; at < length; at += u32(at + FAILURE_HEAD.recordLen)) {
      const start = at + FAILURE_HEAD_BYTES;
      const text = Buffer.from(
        this.#failures.subarray(start, start + u32(at + FAILURE_HEAD.nameLen)),
      );
      const operation = u32(at + FAILURE_HEAD.op) as RestoreOp;
      const isLink = operation === RestoreOp.LINK;
      const isAttribute = operation === RestoreOp.ATTRIBUTE;
      const cut = isLink || isAttribute ? text.indexOf(0) : -1;
      const second = cut < 0 ? undefined : text.subarray(cut + 1);
      failed({
        operation,
        errno: this.#failures.readInt32LE(at + FAILURE_HEAD.error),
        name: cut < 0 ? text : text.subarray(0, cut),
        leader: isLink ? second : undefined,
        attribute: isAttribute ? second : undefined,
      });
    }
  }
}

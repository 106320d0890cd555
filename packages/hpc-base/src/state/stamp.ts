import { randomUUID } from "node:crypto";
import { lstatSync } from "node:fs";
import { machineId } from "./lock";
import type { StateDir } from "./state-dir";

const NAME = "stamp.json";
const STAMP_MAX = 4096;
/** From making a stamp to its rename; a copy that is put back later has a later ctime. */
const WRITING_NS = 60_000_000_000n;

/**
 * What became of a directory since its stamp was written. `moved`: it is a copy, or on another
 * machine. `rolled back`: the stamp was put back, so the files beside it may be old, too.
 */
export type StampState = "new" | "same" | "moved" | "rolled back";

interface Stamp {
  readonly state: StampState;
  /** Of this directory: a copy gets another when it is stamped. */
  readonly id: string;
  /** How often it was stamped under this id. */
  readonly count: number;
}

interface Written {
  readonly id: string;
  readonly count: number;
  readonly machine: string;
  /** Inode of the directory, inode of the stamp, and when that was made by its filesystem's clock. */
  readonly directory: string;
  readonly file: string;
  readonly made: string;
}

/**
 * Whether the directory is the one that was stamped last. A restore or a copy gives a file another
 * inode or, where it gets the same again, a ctime that nobody can set. A whole filesystem that was
 * set back looks the same from within: compare `count` with what is known elsewhere.
 */
export function readStamp(dir: StateDir): Stamp {
  const written = dir.readVersion(NAME, STAMP_MAX, { 1: (value) => value as unknown as Written });
  if (written === undefined) return { state: "new", id: randomUUID(), count: 0 };
  const { id, count, machine, directory, file, made } = written;
  const { ino, ctimeNs } = lstatSync(dir.at(NAME), { bigint: true });
  const age = ctimeNs - BigInt(made);
  const moved = machine !== machineId() || directory !== String(dir.facts().ino);
  const old = file !== String(ino) || age < 0n || age > WRITING_NS;
  return { state: moved ? "moved" : old ? "rolled back" : "same", id, count };
}

/** Stamps it: from now on this is the directory, with what it holds. */
export function writeStamp(dir: StateDir): void {
  const { state, id, count } = readStamp(dir);
  const same = state === "same";
  dir.replace(NAME, ({ ino, ctimeNs }) =>
    Buffer.from(
      JSON.stringify({
        version: 1,
        id: same ? id : randomUUID(),
        count: same ? count + 1 : 1,
        machine: machineId(),
        directory: String(dir.facts().ino),
        file: String(ino),
        made: String(ctimeNs),
      }),
    ),
  );
}

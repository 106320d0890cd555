import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { causeOf } from "../errno";
import { HpcError } from "./errors";
import type { StateDir } from "./state-dir";

/** Times that another process may come between a look and a deed. */
const TRIES = 20;

/** Which process it is that has a lock; no two are the same, also after a restart. */
interface Owner {
  readonly machine: string;
  readonly boot: string;
  /** Of its process ids: a container has its own. */
  readonly namespace: string;
  readonly pid: number;
  /** When it started, in clock ticks since the boot. */
  readonly start: string;
}

/**
 * Node has no flock: a lock is a file `.NAME.lock.N` that names its process. It is free when each
 * of these files is of a process that is proved dead; then N+1 is made, as a link and so with its
 * content from the first moment. Whoever made one has the lock if it is the highest and all below
 * are of dead processes, and takes his own away otherwise: so two that come at once never both have
 * it.
 */
export class StateLock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** @throws HpcError HPC_STATE_LOCKED while a process has it that lives, or may live elsewhere */
  static take(dir: StateDir, name: string): StateLock {
    const own = ownerOf(process.pid);
    for (let tries = 0; tries < TRIES; tries++) {
      const found = locksOf(dir, name);
      const living = found.find(({ owner }) => !isDead(owner));
      if (living !== undefined) throw locked(dir, name, living.owner);
      const number = Math.max(0, ...found.map((lock) => lock.number)) + 1;
      const file = dir.at(fileName(name, number));
      if (!linkNew(dir, file, own)) continue;
      const now = locksOf(dir, name);
      const others = now.filter((lock) => lock.number !== number);
      if (others.every((lock) => lock.number < number && isDead(lock.owner))) {
        for (const { number: old } of others) rmSync(dir.at(fileName(name, old)), { force: true });
        return new StateLock(file);
      }
      rmSync(file, { force: true });
    }
    throw locked(dir, name, undefined);
  }

  /** Before its StateDir is closed. */
  release(): void {
    rmSync(this.#file, { force: true });
  }
}

const fileName = (name: string, number: number) => `.${name}.lock.${number}`;

function linkNew(dir: StateDir, file: string, owner: Owner): boolean {
  const draft = dir.at(`.${randomBytes(8).toString("hex")}.draft`);
  writeFileSync(draft, JSON.stringify(owner), { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (causeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function locksOf(dir: StateDir, name: string): { number: number; owner: Owner }[] {
  const prefix = fileName(name, 0).slice(0, -1);
  return readdirSync(dirname(dir.at(name)))
    .filter((file) => file.startsWith(prefix) && /^\d{1,9}$/.test(file.slice(prefix.length)))
    .flatMap((file) => {
      try {
        const owner = JSON.parse(readFileSync(dir.at(file), "latin1")) as Owner;
        return [{ number: Number(file.slice(prefix.length)), owner }];
      } catch (error) {
        if (causeOf(error) === "ENOENT") return []; // released at this moment
        throw dir.damaged(file, "is no lock", error);
      }
    });
}

/** What the kernel says of a process; throws where there is none. */
function ownerOf(pid: number): Owner {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") throw new Error("it has ended");
  return {
    machine: `${hostname()} ${machineId()}`,
    boot: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
    namespace: readlinkSync("/proc/self/ns/pid"),
    pid,
    start: fields[18] ?? "",
  };
}

export function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "latin1").trim();
  } catch {
    return ""; // not every container has one
  }
}

/** Proved: of another machine or container nothing can be proved from here. */
function isDead(owner: Owner): boolean {
  const self = ownerOf(process.pid);
  if (owner.machine !== self.machine) return false;
  if (owner.boot !== self.boot) return true;
  if (owner.namespace !== self.namespace) return false;
  try {
    return ownerOf(owner.pid).start !== owner.start;
  } catch {
    return true;
  }
}

function locked(dir: StateDir, name: string, owner: Owner | undefined): HpcError {
  const who = owner === undefined ? "others" : `process ${owner.pid} on ${owner.machine}`;
  return new HpcError(
    "HPC_STATE_LOCKED",
    `${join(dir.path, name)} is in use by ${who}`,
    "Wait until that has ended; if its machine is gone for good, remove the `.lock` file beside it.",
  );
}

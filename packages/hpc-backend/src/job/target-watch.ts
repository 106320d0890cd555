import { HpcError, type JobLog, printable } from "@podheitor/hpc-archive";
import { type Filesystem, fsnameOf, type LustreTarget, lustreTargets } from "@podheitor/hpc-native";
import { TARGETS_AGAIN_MS } from "../limits";

/** ESHUTDOWN, which node:os does not name. */
const ESHUTDOWN = 108;

interface LustreMount {
  readonly mountPoint: Buffer;
  readonly fsname: string;
}

export interface TargetWatchOptions {
  /** Goes on without what lies on inactive MDTs. */
  readonly degraded: boolean;
  readonly messages: Pick<JobLog, "say">;
  /** Called when an MDT is found inactive in the middle of a job that does not go on without it. */
  readonly failed: () => void;
  readonly ask?: typeof lustreTargets;
}

/**
 * Looks at the MDTs and OSTs of the Lustre filesystems that a job reads: where an MDT is inactive
 * on this client, a listing lacks names and may end as if it were complete.
 * The job then fails, or, degraded, says what is not there. An inactive OST is a warning: each of
 * its files fails by its name.
 */
export class TargetWatch {
  readonly #mounts: readonly LustreMount[];
  readonly #options: TargetWatchOptions;
  readonly #said = new Set<string>();
  #degraded = false;
  #problem: HpcError | undefined;
  #looking: Promise<void> | undefined;
  #looked = Number.NEGATIVE_INFINITY;

  constructor(filesystems: readonly Filesystem[], options: TargetWatchOptions) {
    this.#mounts = lustreMounts(filesystems);
    this.#options = options;
  }

  /** Why the job cannot go on; undefined: it can. */
  get problem(): HpcError | undefined {
    return this.#problem;
  }

  /** Whether something was found inactive in a job that goes on. */
  get degraded(): boolean {
    return this.#degraded;
  }

  /** Before the scan, and when it has ended. Rejects with HPC_MDT_INACTIVE. */
  async look(): Promise<void> {
    await this.#looking;
    await this.#once();
    if (this.#problem !== undefined) throw this.#problem;
  }

  /**
   * An operation failed with this errno. Returns at once; what is found is said, or ends the job,
   * later.
   */
  suspect(errno: number): void {
    if (errno !== ESHUTDOWN || this.#looking !== undefined || this.#problem !== undefined) return;
    if (performance.now() - this.#looked < TARGETS_AGAIN_MS) return;
    this.#looking = this.#once().then(() => {
      this.#looking = undefined;
      if (this.#problem !== undefined) this.#options.failed();
    });
  }

  async #once(): Promise<void> {
    this.#looked = performance.now();
    const ask = this.#options.ask ?? lustreTargets;
    for (const mount of this.#mounts) {
      const targets = await ask(mount.mountPoint, mount.fsname);
      if (targets === undefined)
        this.#warn(
          `unknown ${mount.fsname}`,
          `the state of the MDTs and OSTs of ${printable(mount.mountPoint)} cannot be told: neither lfs nor /sys/fs/lustre says it; names that lie on an inactive MDT may be missing without an error`,
        );
      for (const target of targets ?? []) if (!target.active) this.#inactive(target, mount);
    }
  }

  #inactive({ kind, name }: LustreTarget, { mountPoint }: LustreMount): void {
    const where = `${kind} ${name} of ${printable(mountPoint)} is inactive on this client`;
    if (kind === "OST")
      this.#warn(
        name,
        `${where}: each of its files fails by its name; \`lctl get_param osc.${name}-*.import\` says more`,
      );
    else if (this.#options.degraded) {
      this.#degraded = true;
      this.#warn(
        name,
        `${where}: what lies on it is not saved, and not recorded as deleted (degraded=yes); directories that are not listed in full are walked whole by the next job; \`lctl get_param mdc.${name}-*.import\` says more`,
      );
    } else
      this.#problem ??= new HpcError(
        "HPC_MDT_INACTIVE",
        `${where}: names that lie on it would be missing, some without an error`,
        `\`lctl get_param mdc.${name}-*.import\` says more, \`lctl set_param mdc.${name}-*.active=1\` activates it; degraded=yes saves what is left.`,
      );
  }

  #warn(key: string, text: string): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#options.messages.say("warning", text);
  }
}

/** Each mount once. */
function lustreMounts(filesystems: readonly Filesystem[]): LustreMount[] {
  const mounts = new Map<string, LustreMount>();
  for (const { type, mountPoint, source } of filesystems) {
    const fsname = fsnameOf(source);
    if (type === "lustre" && mountPoint !== undefined && fsname !== undefined)
      mounts.set(mountPoint.toString("latin1"), { mountPoint, fsname });
  }
  return [...mounts.values()];
}

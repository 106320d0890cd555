import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabFs } from "./labfs";

/** `lfs mdts` and `lfs osts` of 2.17.0, over what the double says of its targets. */
const LFS = `#!/bin/sh
# The double's lfs.
state="$2/.labfs-lustre"
[ -r "$state" ] || { echo "lfs $1: cannot find $2" >&2; exit 2; }
case "$1" in
mdts) echo "MDTS:"; awk '$1 == "mdt" { printf "%d: testfs-MDT%04x_UUID %s\\n", $2, $2, $3 }' "$state" ;;
osts) echo "OBDS:"; awk '$1 == "ost" { printf "%d: testfs-OST%04x_UUID %s\\n", $2, $2, $3 }' "$state" ;;
*) echo "lfs: $1 is not a command of the double" >&2; exit 1 ;;
esac
`;

export type TargetState = "active" | "inactive" | "silent";

/**
 * A directory as a client of Lustre shows it, with two MDTs and four OSTs (shim-c/labfs/lustre.h).
 * Needs root.
 */
export class LustreDouble {
  private constructor(
    readonly fs: LabFs,
    /** Where its `lfs` lies, for PATH, and its `filesystem-types`, as a plugin directory has it. */
    readonly tools: string,
  ) {}

  /** Mounts `folder`/mnt over `folder`/src. @throws HpcError */
  static async start(folder: string): Promise<LustreDouble> {
    const tools = join(folder, "tools");
    mkdirSync(tools, { recursive: true });
    writeFileSync(join(tools, "lfs"), LFS);
    chmodSync(join(tools, "lfs"), 0o755);
    declareLustre(tools);
    return new LustreDouble(
      await LabFs.start(join(folder, "src"), join(folder, "mnt"), "lustre"),
      tools,
    );
  }

  get mount(): string {
    return this.fs.mount;
  }

  /**
   * Lets targets become active or inactive: `mdt 1 inactive`. `silent`: listings do not say that
   * they lack names.
   */
  targets(...lines: readonly `${"mdt" | "ost"} ${number} ${TargetState}`[]): void {
    writeFileSync(join(this.mount, ".labfs-lustre"), `${lines.join("\n")}\n`);
  }

  /** How often a released file was asked for its data. */
  get recalls(): number {
    return Number(
      /^recalls (\d+)$/m.exec(readFileSync(join(this.mount, ".labfs-lustre"), "latin1"))?.[1],
    );
  }

  /** On which MDT a directory lies, with what is below it; several: striped over them. */
  place(directory: string, ...mdts: readonly number[]): void {
    this.mark(directory, "mdt", mdts.join(","));
  }

  /** An attribute `trusted.lab.NAME` of the entry below the mount. */
  mark(path: string, name: string, value: string): void {
    execFileSync("setfattr", [
      "-n",
      `trusted.lab.${name}`,
      "-v",
      value,
      join(this.fs.source, path),
    ]);
  }

  /** The environment in which programs find its `lfs`. */
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${this.tools}:${process.env["PATH"] ?? "/usr/bin:/bin"}` };
  }

  async stop(): Promise<void> {
    this.fs.release();
    await this.fs.stop();
  }
}

/** Beside a plugin, or in the place of one: the double counts as Lustre. */
export function declareLustre(pluginDirectory: string): void {
  writeFileSync(join(pluginDirectory, "filesystem-types"), "fuse.lustre = lustre\n");
}

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HpcError } from "./errors";

const LIMIT_MS = 10_000;
const POLL_MS = 20;
const SLOW = "getattr,readdir,opendir,open";

/**
 * Mounts labfs (shim-c/labfs): `source` seen through FUSE at `mount`, where each stat, listing and
 * open takes so much longer. Ends with `unmount`. Throws HPC_BENCH_FAILED when it is not there in
 * time.
 */
export function mountSlowly(
  labfs: string,
  source: string,
  mount: string,
  microseconds: number,
): void {
  mkdirSync(mount);
  const outside = statSync(mount).dev;
  const daemon = spawn(labfs, [source, mount], { stdio: "ignore", detached: true });
  daemon.on("error", () => {}); // it will not be there in time
  daemon.unref();
  const giveUp = performance.now() + LIMIT_MS;
  while (statSync(mount).dev === outside) {
    if (performance.now() > giveUp)
      throw new HpcError(
        "HPC_BENCH_FAILED",
        `labfs did not mount ${mount}`,
        `Run it by hand: ${labfs} ${source} ${mount}.`,
      );
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  writeFileSync(join(mount, ".labfs"), `${SLOW} delay-us ${microseconds} : /*\n`);
}

/** Of what may not be mounted, too. */
export function unmount(mount: string): void {
  try {
    execFileSync("fusermount3", ["-uz", mount], { stdio: "ignore" });
  } catch {
    // It is not mounted.
  }
}

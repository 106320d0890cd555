import fs from "node:fs";
import { StateDir, StateLock } from "../src";

/** Replaces a file, or takes a lock, and is killed at the given step; prints when it was not. */
const [directory = "", what = "", at = ""] = process.argv.slice(2);
const dir = StateDir.open(directory);
if (what === "lock") {
  StateLock.take(dir, "feed");
  process.stdout.write("locked\n");
  setInterval(() => undefined, 1000);
} else {
  let step = 0;
  for (const name of [
    "openSync",
    "writeSync",
    "writeFileSync",
    "fsyncSync",
    "renameSync",
  ] as const) {
    const real = fs[name] as (...args: unknown[]) => unknown;
    const killing = (...args: unknown[]): unknown => {
      if (String(step++) === at) {
        // Half of what was to be written is there.
        if (name === "writeFileSync") fs.writeSync(args[0] as number, args[1] as Buffer, 0, 1000);
        process.kill(process.pid, "SIGKILL");
      }
      return real(...args);
    };
    Object.assign(fs, { [name]: killing });
  }
  dir.replace("file", Buffer.alloc(100_000, "n"));
  process.stdout.write(`steps ${step}\n`);
}

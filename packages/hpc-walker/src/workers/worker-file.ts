import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { HpcError } from "../errors";

/**
 * The file that a worker runs: `scan-worker.js` beside this one once the package is built.
 * When this is the source itself (tests, tsx), the worker's source is bundled into the package's
 * `.cache` first, because a worker thread cannot load TypeScript; that takes some 20 ms, once in a
 * process.
 */
export function workerFile(): string {
  const built = join(__dirname, "scan-worker.js");
  if (existsSync(built)) return built;
  const source = join(__dirname, "scan-worker.ts");
  if (existsSync(source)) {
    compiled ??= compile(source);
    return compiled;
  }
  throw new HpcError(
    "HPC_SCAN_ENGINE",
    `scan-worker.js is missing in ${__dirname}`,
    "Run `npm run build`.",
  );
}

let compiled: string | undefined;

function compile(source: string): string {
  const cache = join(__dirname, "..", "..", ".cache");
  mkdirSync(cache, { recursive: true });
  // Several processes may do this at once: each writes its own file and renames it to the name that
  // all use.
  const mine = join(cache, `scan-worker.${process.pid}.cjs`);
  const file = join(cache, "scan-worker.cjs");
  // The repository's development dependency, which nothing that ships may need: hence a name that
  // bundlers do not see.
  const bundler = "esbuild";
  const { buildSync } = require(bundler) as { buildSync(options: Record<string, unknown>): void };
  buildSync({
    entryPoints: [source],
    outfile: mine,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["@podheitor/source"],
    external: ["@node-rs/xxhash"],
    logLevel: "warning",
  });
  renameSync(mine, file);
  return file;
}

// A folder of sources is small enough to be read as a list: fails when one in packages/*/src holds
// more than LIMIT files, tests apart. `node scripts/folders.mjs`, in a checkout.
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";

const LIMIT = 22;
/** Larger from before there was a limit; these may shrink, and must not grow. */
const LARGER = { "packages/hpc-walker/src": 34 };

const count = new Map();
for (const name of readdirSync("packages")) {
  const source = `packages/${name}/src`;
  if (!existsSync(source)) continue;
  for (const file of readdirSync(source, { recursive: true })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const folder = dirname(`${source}/${file}`);
    count.set(folder, (count.get(folder) ?? 0) + 1);
  }
}
for (const [folder, files] of count) {
  const most = LARGER[folder] ?? LIMIT;
  if (files <= most) continue;
  process.stderr.write(`${folder}: ${files} files, of at most ${most}; divide it by subject\n`);
  process.exitCode = 1;
}

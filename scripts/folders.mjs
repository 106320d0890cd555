// A folder of sources is small enough to be read as a list: fails when one in packages/*/src holds
// more than LIMIT files, tests apart. `node scripts/folders.mjs`, in a checkout.
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";

const LIMIT = 22;

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
  if (files <= LIMIT) continue;
  process.stderr.write(`${folder}: ${files} files, of at most ${LIMIT}; divide it by subject\n`);
  process.exitCode = 1;
}

// Runs a program once, and keeps what V8 compiled for that, together with what earlier runs left:
//
//   node scripts/launcher/train.cjs FOLDER PROGRAM [ARGUMENT...]
const { writeFileSync, renameSync } = require("node:fs");
const { join } = require("node:path");
const { compiled } = require("./compiled.cjs");

const [folder, program, ...args] = process.argv.slice(2);
const cacheFile = join(folder, `${program}.cache`);
const script = compiled(join(folder, `${program}.main.cjs`), cacheFile);
process.argv.splice(1, Number.POSITIVE_INFINITY, join(folder, `${program}.cjs`), ...args);
process.on("exit", () => {
  writeFileSync(`${cacheFile}.new`, script.cache(), { mode: 0o644 });
  renameSync(`${cacheFile}.new`, cacheFile);
});
script.run();

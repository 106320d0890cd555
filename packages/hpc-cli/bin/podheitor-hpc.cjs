#!/usr/bin/env node
// Committed, so that npm links it before the first build.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const dist = join(__dirname, "..", "dist");
const built = [join(dist, "podheitor-hpc.cjs"), join(dist, "main.js")].find((file) =>
  existsSync(file),
);
if (built !== undefined) {
  require(built);
} else {
  process.stderr.write(
    "podheitor-hpc: it has not been built: run `npm ci && npm run build` in the checkout\n",
  );
  process.exitCode = 1;
}

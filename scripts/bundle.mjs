// Bundles a program of ours into one CommonJS file that runs from any folder without node_modules, with the
// native addons, our libraries and the scan worker beside it:
//
//   node scripts/bundle.mjs hpc-backend    → packages/hpc-backend/dist/podheitor-hpc-backend.cjs
//   node scripts/bundle.mjs hpc-cli        → packages/hpc-cli/dist/podheitor-hpc.cjs
//
// A second argument names another folder than dist. Run it after the C libraries were built. CommonJS, because it starts 20 ms faster than ES modules.
import { chmodSync, copyFileSync, existsSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const PROGRAMS = {
  "hpc-backend": "podheitor-hpc-backend",
  "hpc-cli": "podheitor-hpc",
};
const NATIVE = ["packages/hpc-walker/native/libhpcscan.so", "packages/hpc-backend/native/libhpcrestore.so"];

const name = process.argv[2] ?? "";
const program = PROGRAMS[name];
if (program === undefined) throw new Error(`bundle.mjs: name one of ${Object.keys(PROGRAMS).join(", ")}`);
const dist = process.argv[3] ?? join(ROOT, "packages", name, "dist");

// The addons' loaders look beside themselves first; in a bundle that is beside the bundle. What they would try
// next are packages of other platforms, which stay unresolved.
const addons = {
  name: "addons",
  setup(builder) {
    builder.onResolve({ filter: /\.node$|^@yuuang\/|^@node-rs\/xxhash-|\.wasi\.cjs$/ }, ({ path }) => ({
      path,
      external: true,
    }));
  },
};

async function bundle(entry, file, options = {}) {
  await build({
    entryPoints: [join(ROOT, "packages", entry)],
    outfile: join(dist, file),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["@podheitor/source"],
    plugins: [addons],
    // Node compiles what is smaller sooner. Identifiers stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
    ...options,
  });
}

/** A copy that appears whole: a running program may have the old one mapped. */
function copy(from, to) {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

function addonFiles() {
  const found = [];
  for (const scope of ["@yuuang", "@node-rs"]) {
    for (const folder of readdirSync(join(ROOT, "node_modules", scope))) {
      const at = join(ROOT, "node_modules", scope, folder);
      found.push(
        ...readdirSync(at)
          .filter((file) => file.endsWith(".node"))
          .map((file) => join(at, file)),
      );
    }
  }
  return found;
}

await bundle(`${name}/src/main.ts`, `${program}.cjs`, { banner: { js: "#!/usr/bin/env node" } });
await bundle("hpc-walker/src/scan-worker.ts", "scan-worker.cjs");
chmodSync(join(dist, `${program}.cjs`), 0o755);

for (const file of addonFiles()) copy(file, join(dist, file.slice(file.lastIndexOf("/") + 1)));
for (const file of NATIVE) {
  const from = join(ROOT, file);
  // Without a C compiler there are none: the program says so when it needs one.
  if (existsSync(from)) copy(from, join(dist, file.slice(file.lastIndexOf("/") + 1)));
}

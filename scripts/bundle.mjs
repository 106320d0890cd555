// Bundles a program of ours into one CommonJS file that runs from any folder without node_modules,
// with the native addons, our libraries, the scan worker and the notices of what is others' work
// beside it:
//
//   node scripts/bundle.mjs hpc-backend    → packages/hpc-backend/dist/podheitor-hpc-backend.cjs
//   node scripts/bundle.mjs hpc-cli        → packages/hpc-cli/dist/podheitor-hpc.cjs
//
// That file starts podheitor-hpc.main.cjs, the program, from podheitor-hpc.cache, what V8 compiled
// of it (launcher/).
// A second argument names another folder than dist. Run it after the C libraries were built.
// CommonJS, because it starts 20 ms faster than ES modules.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { filesIn, notices } from "./notices.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
/** What each is called, and what it is compiled ahead for: arguments, of a tree with one file. */
const PROGRAMS = {
  "hpc-backend": {
    program: "podheitor-hpc-backend",
    runs: [(tree) => ["backup", `--path=${tree}`]],
  },
  "hpc-cli": {
    program: "podheitor-hpc",
    runs: [
      (tree) => ["bench-part", "scan", "--path", tree, "--threads", "2"],
      (tree) => ["backup", "--path", tree, "--archive", `${tree}.archive`],
      (tree) => ["list", "--archive", `${tree}.archive`],
      (tree) => ["restore", "--archive", `${tree}.archive`, "--where", `${tree}.restored`],
    ],
  },
};
const NATIVE = [
  "packages/hpc-walker/native/libhpcscan.so",
  "packages/hpc-archive/native/libhpcrestore.so",
];

const name = process.argv[2] ?? "";
if (PROGRAMS[name] === undefined)
  throw new Error(`bundle.mjs: name one of ${Object.keys(PROGRAMS).join(", ")}`);
const { program, runs } = PROGRAMS[name];
const dist = process.argv[3] ?? join(ROOT, "packages", name, "dist");

// The addons' loaders look beside themselves first; in a bundle that is beside the bundle. What
// they would try next are packages of other platforms, which stay unresolved.
const addons = {
  name: "addons",
  setup(builder) {
    builder.onResolve(
      { filter: /\.node$|^@yuuang\/|^@node-rs\/xxhash-|\.wasi\.cjs$/ },
      ({ path }) => ({
        path,
        external: true,
      }),
    );
  },
};

/**
 * Modules of Node that take 1 to 8 ms to load, which most runs never use: each is loaded when one
 * of its exports is first asked for, or called (yargs asks for those of assert at once).
 */
const SELDOM_USED =
  /^(assert|node:child_process|node:crypto|node:fs\/promises|node:readline|node:worker_threads)$/;
const lazyModules = {
  name: "lazy-modules",
  setup(builder) {
    builder.onResolve({ filter: SELDOM_USED }, ({ path, namespace }) =>
      namespace === "lazy" ? { path, external: true } : { path, namespace: "lazy" },
    );
    builder.onLoad({ filter: /./, namespace: "lazy" }, ({ path }) => {
      const real = `(loaded ??= require("${path}"))[name]`;
      const value =
        path === "assert" ? `value: (...args) => ${real}(...args)` : `get: () => ${real}`;
      const names = JSON.stringify(Object.keys(createRequire(import.meta.url)(path)));
      return {
        contents: `let loaded; for (const name of ${names}) Object.defineProperty(exports, name, { enumerable: true, ${value} });`,
      };
    });
  },
};

/**
 * ffi-rs finds out which C library runs it by a report on the whole process, which takes 6 ms. A
 * bundle runs on that of the machine it was made on.
 */
const knownLibc = {
  inject: [join(ROOT, "scripts/launcher/libc.mjs")],
  define: {
    "process.report.getReport": "reportOfLibc",
    LIBC: JSON.stringify(process.report.getReport().header.glibcVersionRuntime ?? ""),
  },
};

/**
 * The module that yargs would get in a bundle wraps help within words; its CommonJS twin does not.
 */
const wholeWords = { cliui: createRequire(import.meta.url).resolve("cliui") };

/** What became part of the bundles. */
const bundled = [];

async function bundle(entry, file, options = {}) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    metafile: true,
    entryPoints: [join(ROOT, entry)],
    outfile: join(dist, file),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["@podheitor/source"],
    plugins: [addons, lazyModules],
    alias: wholeWords,
    // Node compiles what is smaller sooner. Identifiers stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none", // THIRD_PARTY_NOTICES has them all
    logLevel: "warning",
    ...options,
  });
  bundled.push(...filesIn(metafile, ROOT));
}

/** A copy that appears whole: a running program may have the old one mapped. */
function copy(from, to) {
  copyFileSync(from, `${to}.new`);
  chmodSync(`${to}.new`, 0o644); // whatever the umask was where it was made
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

await bundle(`packages/${name}/src/main.ts`, `${program}.main.cjs`, knownLibc);
await bundle("scripts/launcher/launch.cjs", `${program}.cjs`, {
  banner: { js: "#!/usr/bin/env node" },
  define: { PROGRAM: JSON.stringify(program) },
});
chmodSync(join(dist, `${program}.cjs`), 0o755);
chmodSync(join(dist, `${program}.main.cjs`), 0o644);

const addonsBeside = addonFiles();
writeFileSync(join(dist, "THIRD_PARTY_NOTICES"), await notices(ROOT, bundled, addonsBeside), {
  mode: 0o644,
});
for (const file of addonsBeside) copy(file, join(dist, file.slice(file.lastIndexOf("/") + 1)));
for (const file of NATIVE) {
  const from = join(ROOT, file);
  // Without a C compiler there are none: the program says so when it needs one.
  if (existsSync(from)) copy(from, join(dist, file.slice(file.lastIndexOf("/") + 1)));
}

/**
 * Runs the program as it is often run, so that what it needs is compiled. It works without, and
 * says itself what a machine lacks.
 */
function compileAhead() {
  rmSync(join(dist, `${program}.cache`), { force: true });
  const scratch = mkdtempSync(join(tmpdir(), "hpc-bundle-"));
  const tree = join(scratch, "tree");
  mkdirSync(tree);
  writeFileSync(join(tree, "file"), "content");
  try {
    for (const run of runs)
      execFileSync(
        process.execPath,
        [join(ROOT, "scripts/launcher/train.cjs"), dist, program, ...run(tree)],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      );
  } catch (error) {
    process.stderr.write(
      `${program} was not compiled ahead, and will start later: ${error.message}\n`,
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

compileAhead();

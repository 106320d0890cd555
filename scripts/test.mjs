// npm test: everything that this machine can run. It says what it skips and why; with
// --require-lab, or CI=true in the environment, nothing may be skipped (the lab is then installed).
// --long adds what takes longer than CI should. --changed is for a person at work: it builds, and
// runs the C suites and the unit tests that concern what differs from main.
// The last line is `N passed, N failed`.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { changedFiles, concerned } from "./changed.mjs";
import { has, install, installIsDue, requireTools, root, run, say } from "./steps.mjs";

const known = ["--require-lab", "--long", "--changed"];
const unknown = process.argv.slice(2).filter((word) => !known.includes(word));
if (unknown.length > 0) {
  say(
    `unknown: ${unknown.join(" ")}; usage: npm test [-- --require-lab] [-- --long] [-- --changed]`,
  );
  process.exit(2);
}
const requireLab = process.argv.includes("--require-lab") || process.env.CI === "true";
const env = {
  ...process.env,
  ...(process.argv.includes("--long") ? { PODHEITOR_HPC_LONG: "1" } : {}),
};
const logs = join(root, ".cache/test");
const tail = 120; // lines of a failed step that are shown; the rest is in its log

let passed = 0;
let failed = 0;
const skipped = [];

/**
 * Runs one step, a command line or a function that does what `run` does; its output is shown only
 * when it fails. `count` says how many tests it was.
 */
async function step(name, work, { limit, count } = {}) {
  const start = Date.now();
  const { code, output } =
    typeof work === "function" ? await work() : await run(work, { env, limit });
  const log = join(logs, `${name.replace(/[^a-z0-9.]+/gi, "-")}.log`);
  writeFileSync(log, output);
  const counted = count?.() ?? {
    passed: code === 0 ? 1 : 0,
    failed: code === 0 ? 0 : 1,
    skipped: [],
  };
  // A program that fails without a failed test (it crashed, or nothing was found) is a failure all
  // the same.
  if (code !== 0 && counted.failed === 0) counted.failed = 1;
  passed += counted.passed;
  failed += counted.failed;
  skipped.push(...counted.skipped.map((what) => `${name}: ${what}`));
  const figures = count ? ` ${counted.passed} passed, ${counted.failed} failed,` : "";
  say(
    `${code === 0 ? "ok    " : "FAILED"} ${name}:${figures} ${((Date.now() - start) / 1000).toFixed(1)} s`,
  );
  if (code !== 0) {
    const lines = output.trimEnd().split("\n");
    if (lines.length > tail) say(`        (${lines.length - tail} lines more in ${log})`);
    for (const line of lines.slice(-tail)) say(`        ${line}`);
  }
  return code === 0;
}

/** Runs steps in their order, `lanes` at a time. */
async function sideBySide(steps, lanes) {
  const left = [...steps];
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) await next();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const cSuite = (suite) => () =>
  step(`C tests, ${suite}`, ["make", "-s", "-C", `shim-c/${suite}`, "test"]);
const check = (name) => () => step(name, ["npm", "run", "-s", name]);

/** A jest run, counted test by test from its own report. */
function jest(name, words, limit) {
  const report = join(logs, `${name.replace(/[^a-z0-9.]+/gi, "-")}.json`);
  rmSync(report, { force: true });
  const count = () => {
    let result;
    try {
      result = JSON.parse(readFileSync(report, "utf8"));
    } catch {
      return { passed: 0, failed: 1, skipped: [] };
    }
    const pending = result.testResults.flatMap((file) =>
      file.assertionResults
        .filter((one) => ["pending", "todo", "skipped"].includes(one.status))
        .map((one) => one.fullName),
    );
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: pending,
    };
  };
  const argv = [
    process.execPath,
    "node_modules/jest/bin/jest.js",
    ...words,
    "--silent",
    "--json",
    `--outputFile=${report}`,
  ];
  return step(name, argv, { limit, count });
}

/** The releases of Bacula that can be run here, installed first where that is asked for. */
async function readyReleases() {
  const ready = [];
  for (const release of ["9.6.7", "15.0.3"]) {
    const tool = ["npm", "run", "-s", "lab", "--", "bacula"];
    if (
      requireLab &&
      !(await step(`install Bacula ${release}`, [...tool, "install", "--release", release]))
    )
      continue;
    const { code, output } = await run([...tool, "check", "--release", release], { env });
    if (code === 0) ready.push(release);
    else skipped.push(`system tests, Bacula ${release}: ${output.trim()}`);
  }
  return ready;
}

/**
 * libFuzzer over the C parts that read foreign bytes: ten seconds a target, half an hour with
 * --long.
 */
async function fuzz(lanes) {
  if (!["clang-14", "clang"].some(has)) {
    skipped.push("fuzzing: no clang (Debian: apt-get install clang-14 libclang-rt-14-dev)");
    return;
  }
  const asRoot = process.getuid() === 0;
  if (!asRoot) skipped.push("fuzzing of abi, restore and scan: they need root (chroot)");
  const targets = [
    "frame",
    "params",
    "frames",
    "backup",
    ...(asRoot ? ["abi", "restore", "scan"] : []),
  ];
  const long = env.PODHEITOR_HPC_LONG === "1";
  const seconds = long ? 1800 : 10;
  const argv = ["make", "-s", `-j${lanes}`, "-C", "shim-c/fuzz", `FUZZ_SECONDS=${seconds}`];
  if (!long) argv.push("FUZZ_FLAGS=-seed=1"); // the same each time
  const words = targets.flatMap((name) => [`replay-${name}`, `fuzz-${name}`]);
  await step("fuzzing", [...argv, ...words], { limit: (seconds * targets.length + 600) * 1000 });
}

function end(code) {
  if (skipped.length > 0) say(`\nskipped:\n${skipped.map((what) => `  ${what}`).join("\n")}`);
  say(`\n${passed} passed, ${failed} failed`);
  process.exit(code);
}

requireTools();
mkdirSync(logs, { recursive: true });
if (installIsDue() && !(await step("npm packages", install))) end(1);
if (process.argv.includes("--changed")) await changed();
// Installing waits for downloads.
const [built, releases] = await Promise.all([build(), readyReleases()]);
if (!built) end(1); // nothing below means anything without it
if (releases.length > 0 && process.getuid() !== 0) skipped.push("system tests: they need root");
const lab = releases.length > 0 && process.getuid() === 0;
// System tests wait more than they work: they leave all processors but one, or what they do not use
// of them.
const tasks = [computing(lab ? Math.max(1, availableParallelism() - 1) : availableParallelism())];
if (lab) tasks.push(systemTests());
await Promise.all(tasks);

if (requireLab && skipped.length > 0) {
  say("\nnothing may be skipped here");
  failed += 1;
}
end(failed === 0 ? 0 : 1);

function build() {
  return step("build", ["npm", "run", "-s", "build"]);
}

/** All that needs nothing but processors, on so many of them. */
async function computing(lanes) {
  const checks = ["typecheck", "edges", "c-map", "dead-code", "lint", "format:c"];
  // The longest of each kind first, so that no processor waits for the last one.
  const suites = ["scan", "fd-plugin", "restore", "path", "wire", "labfs"];
  await sideBySide([...checks.map(check), ...suites.map(cSuite)], lanes);
  if (!existsSync("/usr/include/fuse3/fuse.h"))
    skipped.push("labfs: no fuse3/fuse.h (Debian: apt-get install libfuse3-dev fuse3)");
  await jest("unit tests", [`--maxWorkers=${Math.max(2, lanes)}`], 1_200_000);
  await fuzz(lanes);
}

function systemTests() {
  env.HPC_LAB_RELEASES = releases.join(",");
  const limit = env.PODHEITOR_HPC_LONG === "1" ? 7_200_000 : 1_800_000;
  return jest("system tests", ["--config", "packages/hpc-lab/jest.lab.config.cjs"], limit);
}

/** For a person at work; ends the program. */
async function changed() {
  const { suites, related } = concerned(changedFiles());
  if (!(await build())) end(1);
  await sideBySide(
    [...["typecheck", "lint"].map(check), ...suites.map(cSuite)],
    availableParallelism(),
  );
  const words = ["--findRelatedTests", ...related, "--passWithNoTests"];
  if (related.length > 0) await jest("unit tests", words, 900_000);
  end(failed === 0 ? 0 : 1);
}

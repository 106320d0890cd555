// npm run quickstart: from a fresh clone to a proved backup in one command.
//   npm run quickstart                            a sample tree through the embedded archive
//   npm run quickstart -- --path DIR              your own tree; it is only read
// npm run quickstart -- --bacula [--release 15] the same through a real Bacula on loopback (Debian,
// root)
// --work DIR says where archive, volumes and the restored tree go for the moment (default: the
// temporary folder).

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { install, installIsDue, requireTools, root, run, say, stop } from "./steps.mjs";

const require = createRequire(import.meta.url);
const sampleEntries = 20_000;

const { values } = readArguments();
requireTools();
if (values.bacula && process.getuid() !== 0)
  stop("--bacula needs root", "run it as root, or without --bacula");
const path = values.path === undefined ? undefined : existing(values.path, "--path");

const work = mkdtempSync(
  join(values.work ? existing(values.work, "--work") : realpathSync(tmpdir()), "hpc-quickstart-"),
);
if (path !== undefined && `${work}/`.startsWith(`${path === "/" ? "" : path}/`)) {
  rmSync(work, { recursive: true });
  stop(
    `the tree ${path} holds the working folder ${work}`,
    "give another place with --work DIR",
    2,
  );
}
process.once("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

if (installIsDue()) await setUp("installing npm packages", install);
await setUp("building", () => run(["npm", "run", "-s", "build"]));

// Built by now. The comparison is made by find, sha256sum and cmp; see
// packages/hpc-lab/src/parity.ts.
const { compareTrees, makeTree } = require(join(root, "packages/hpc-lab/dist/index.js"));
const tree = path ?? join(work, "sample");
if (path === undefined) {
  say(
    `making a sample tree of ${number(sampleEntries)} entries: every type, hard links, sparse files, names of any bytes`,
  );
  makeTree({ root: tree, entries: sampleEntries, sparse: 2 ** 30 });
}

const outcome = values.bacula ? await throughBacula() : await throughArchive();
say("comparing with find, sha256sum and cmp");
const parity = await compareTrees(tree, join(outcome.where, tree));

say();
say(
  `backed up   ${number(outcome.entries)} entries, ${size(outcome.bytes)}, by ${outcome.through}`,
);
say(
  `rate        ${number(Math.round(outcome.entries / outcome.seconds))} entries/s, ${size(outcome.bytes / outcome.seconds)}/s (${outcome.seconds.toFixed(1)} s)`,
);
for (const warning of outcome.warnings) say(`warning     ${warning}`);
say(`parity      ${parity.report}`);
process.exitCode = parity.differences.length === 0 ? 0 : 1;

async function throughArchive() {
  const archive = join(work, "quickstart.hpc");
  const where = join(work, "restored");
  say(`backing up ${tree}`);
  const summary = await podheitor("backup", "--path", tree, "--archive", archive);
  say("restoring");
  await podheitor("restore", "--archive", archive, "--where", where);
  const warnings = [];
  for (const what of ["failed", "vanished", "incomplete"]) {
    if (summary[what] > 0) warnings.push(`${number(summary[what])} entries ${what}`);
  }
  if (summary.unlistable > 0)
    warnings.push(`${number(summary.unlistable)} directories not listed in full`);
  if (summary.filtered_by.sockets > 0)
    warnings.push(`sockets are not saved: ${number(summary.filtered_by.sockets)}`);
  return {
    ...summary,
    where,
    warnings,
    through: `the embedded archive (${size(statSync(archive).size)})`,
  };
}

async function throughBacula() {
  const { ensureRelease, releaseOf, startBacula } = require(
    join(root, "packages/hpc-lab/dist/index.js"),
  );
  const { installPlugin } = require(join(root, "packages/hpc-cdylib/dist/index.js"));
  const release = releaseOf(values.release);
  say(`installing Bacula ${release}, unless it is there`);
  await ensureRelease(release);
  // A plugin runs only what no other user can change, and a clone may belong to anybody: install
  // copies.
  const pluginDir = join(work, "plugins");
  const backend = join(work, "lib", "podheitor-hpc-backend.cjs");
  mkdirSync(pluginDir, { mode: 0o755 });
  mkdirSync(join(work, "lib"), { mode: 0o755 });
  const bundle = join(root, "packages/hpc-backend/dist");
  for (const name of readdirSync(bundle).filter((name) => /\.(cjs|cache|node|so)$/.test(name))) {
    copyFileSync(join(bundle, name), join(work, "lib", name));
    chmodSync(join(work, "lib", name), 0o644);
  }
  installPlugin({ pluginDir, backend });
  const job = {
    name: "Quickstart",
    plugins: [`podheitor-hpc:path="${tree.replace(/["\\]/g, "\\$&")}"`],
  };
  const lab = await startBacula({ release, jobs: [job], pluginDir });
  try {
    say(`backing up ${tree}`);
    const start = Date.now();
    const saved = await lab.run(job.name, "Full", 3_600_000);
    const seconds = (Date.now() - start) / 1000;
    if (saved.status !== "ok") stop(saved.messages, "the job's log above names the reason");
    say("restoring");
    const where = join(work, "restored");
    mkdirSync(where);
    const restored = await lab.restore({ jobIds: [saved.jobId], where, limit: 3_600_000 });
    if (restored.status !== "ok") stop(restored.messages, "the job's log above names the reason");
    const warnings = saved.letter === "T" ? [] : ["the job ended with warnings, see its log"];
    const through = `Bacula ${release} (Director, Storage Daemon and File Daemon on loopback; the rate includes starting the job)`;
    return { entries: saved.files, bytes: saved.bytes, seconds, where, warnings, through };
  } finally {
    await lab.stop();
  }
}

/**
 * Runs the operator's command and returns the last object that it prints. 3 = done with warnings.
 */
async function podheitor(...words) {
  const command = join(root, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  const { code, output } = await run([process.execPath, command, ...words, "--json"], {
    limit: 86_400_000,
  });
  if (code !== 0 && code !== 3)
    stop(output.trim(), `podheitor-hpc ${words[0]} failed; podheitor-hpc doctor may tell why`);
  return JSON.parse(output.trimEnd().split("\n").at(-1));
}

async function setUp(what, work) {
  say(what);
  const { code, output } = await work();
  if (code !== 0)
    stop(
      output.trim().split("\n").slice(-40).join("\n"),
      `${what} failed: the lines above say why`,
    );
}

function existing(directory, option) {
  try {
    const real = realpathSync(directory);
    if (statSync(real).isDirectory()) return real;
  } catch {
    // said below
  }
  return stop(`${option} ${directory} is not a directory`, "give an existing one", 2);
}

function readArguments() {
  const options = {
    path: { type: "string" },
    work: { type: "string" },
    bacula: { type: "boolean", default: false },
    release: { type: "string", default: "9" },
    help: { type: "boolean", short: "h", default: false },
  };
  const usage = "npm run quickstart -- [--path DIR] [--work DIR] [--bacula [--release 9|15]]";
  try {
    const parsed = parseArgs({ options });
    if (!parsed.values.help) return parsed;
    say(usage);
    say(
      "--path DIR: your own tree, only read; --work DIR: where the archive and the restored tree go for the moment",
    );
    return process.exit(0);
  } catch (error) {
    return stop(error.message, usage, 2);
  }
}

function number(value) {
  return value.toLocaleString("en-US");
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

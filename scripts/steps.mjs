// What quickstart.mjs and test.mjs share. Plain Node: it runs on a fresh clone, before anything is
// installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

export function say(text = "") {
  process.stdout.write(`${text}\n`);
}

/** Ends the program: what is wrong, and what to do about it. */
export function stop(problem, remedy, code = 1) {
  process.stderr.write(`${problem}\n  → ${remedy}\n`);
  process.exit(code);
}

/** Whether a program answers to `--version`. */
export function has(program) {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Node, a C compiler and make: the only things that a clone needs. */
export function requireTools() {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [wanted] = /[\d.]+/.exec(engines.node);
  if (process.versions.node.localeCompare(wanted, "en", { numeric: true }) < 0) {
    stop(`Node ${process.versions.node} is too old`, `install Node ${wanted} or later`);
  }
  if (process.platform !== "linux") stop(`${process.platform} is not supported`, "use Linux");
  const missing = ["cc", "make"].filter((program) => !has(program));
  if (missing.length > 0)
    stop(`missing: ${missing.join(" and ")}`, "on Debian: apt-get install gcc make libc6-dev");
}

/** npm ci is due when there are no modules, or older ones than the lock file asks for. */
export function installIsDue() {
  const marker = join(root, "node_modules/.package-lock.json");
  return (
    !existsSync(marker) ||
    statSync(marker).mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs
  );
}

/**
 * What is locked, exactly. Where a registry does not carry the platform variants of a tool for
 * other systems than this one, the lock file cannot name them and npm ci refuses it; npm install
 * then takes the same locked versions and leaves the file alone.
 */
export async function install() {
  const exact = await run(["npm", "ci"]);
  if (exact.code === 0 || !exact.output.includes("from lock file")) return exact;
  return run(["npm", "install", "--no-save"]);
}

/**
 * Runs a program in the repository. Resolves to { code, output }; `onOutput` gets the pieces as
 * they come.
 * After `limit` milliseconds its whole process group is killed.
 */
export function run(argv, { env = process.env, limit = 600_000, onOutput = () => {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const pieces = [];
    const take = (piece) => {
      pieces.push(piece);
      onOutput(piece);
    };
    const kill = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // it has ended
      }
    };
    const interrupted = (signal) => {
      kill("SIGTERM");
      process.exit(signal === "SIGINT" ? 130 : 143);
    };
    process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
    const timer = setTimeout(() => {
      take(Buffer.from(`\ngave up after ${limit / 1000} s: ${argv.join(" ")}\n`));
      kill("SIGKILL");
    }, limit);
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const done = (code) => {
      clearTimeout(timer);
      process.removeListener("SIGINT", interrupted).removeListener("SIGTERM", interrupted);
      resolve({ code, output: Buffer.concat(pieces).toString() });
    };
    child.once("error", (error) => {
      take(Buffer.from(`${argv[0]}: ${error.message}\n`));
      done(127);
    });
    child.once("close", (code) => done(code ?? 1));
  });
}

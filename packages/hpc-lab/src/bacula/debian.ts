import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { command } from "../command";
import { labError } from "../errors";
import { limits } from "../limits";

/**
 * What Bacula needs, in Debian 12 and 13. The director has to be named beside its SQLite part (it
 * is only recommended there).
 */
export const baculaPackages = [
  "bacula-fd",
  "bacula-sd",
  "bacula-director",
  "bacula-director-sqlite3",
  "bacula-console",
  "bacula-bscan",
] as const;

const trixie = "trixie";
const trixieMarker = ".podheitor-hpc-complete";
const noServices = "#!/bin/sh\nexit 101\n"; // invoke-rc.d: 101 = starting is not allowed
const quiet = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };

/** Which of these packages dpkg does not have installed. */
export async function missingPackages(packages: readonly string[]): Promise<string[]> {
  const format = `--showformat=\${Package} \${db:Status-Status}\n`;
  const { stdout } = await command(["dpkg-query", "-W", format, ...packages], { accept: [0, 1] });
  const installed = new Set(stdout.toString().split("\n"));
  return packages.filter((name) => !installed.has(`${name} installed`));
}

/** Installs what is missing on this machine, without letting a package start its daemons. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw labError(
      "HPC_LAB_INSTALL",
      `missing: ${missing.join(" ")}`,
      `As root: apt-get install ${missing.join(" ")}.`,
    );
  }
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) await writeFile(policy, noServices, { mode: 0o755, flag: "wx" });
  try {
    const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing];
    const first = await command(install, { env: quiet, limit: limits.install, accept: [0, 100] });
    if (first.code === 0) return;
    await command(["apt-get", "update", "-q"], { env: quiet, limit: limits.install });
    await command(install, { env: quiet, limit: limits.install });
  } finally {
    if (ours) await rm(policy, { force: true });
  }
}

/** Where this machine's own apt gets Debian from, e.g. `http://HOST/debian/`. */
async function debianMirror(): Promise<string> {
  const format = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)";
  const list = async (): Promise<string[]> => {
    const { stdout } = await command([
      "apt-get",
      "indextargets",
      "--format",
      format,
      "Identifier: Packages",
    ]);
    return stdout.toString().split("\n");
  };
  const find = (lines: string[]) =>
    lines.find((line) => line.startsWith("Debian|Debian|main|"))?.split("|")[3];
  let mirror = find(await list());
  if (mirror === undefined) {
    await command(["apt-get", "update", "-q"], { env: quiet, limit: limits.install });
    mirror = find(await list());
  }
  if (mirror === undefined) {
    throw labError(
      "HPC_LAB_INSTALL",
      "apt knows no Debian mirror",
      "Add one to /etc/apt/sources.list.d.",
    );
  }
  return mirror;
}

/** apt's own proxy, for programs that only look at the environment. */
async function proxyEnvironment(): Promise<NodeJS.ProcessEnv> {
  const { stdout } = await command([
    "apt-config",
    "dump",
    "--format",
    "%v",
    "Acquire::http::Proxy",
  ]);
  const proxy = stdout.toString().trim();
  return proxy === "" || proxy === "DIRECT" ? quiet : { ...quiet, http_proxy: proxy };
}

/** Folder of the cached Debian 13 tree. */
export function trixieFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "podheitor-hpc", trixie);
}

export function trixieReady(): boolean {
  return existsSync(join(trixieFolder(), trixieMarker));
}

/**
 * Unpacks Debian 13 with Bacula 15 into the cache folder, unless a complete one is there (one
 * minute, 450 MB).
 * It is built under another name and renamed when complete, so an interrupted build is never taken
 * for a good one.
 */
export async function ensureTrixie(): Promise<string> {
  const folder = trixieFolder();
  if (trixieReady()) return folder;
  if (process.getuid?.() !== 0) {
    throw labError(
      "HPC_LAB_INSTALL",
      `${folder} does not exist`,
      "Run once as root: debootstrap needs chroot.",
    );
  }
  // A keyring from before August 2025 lacks the keys that sign Debian 13; Debian 12's own update
  // brings them.
  const keyring = "/usr/share/keyrings/debian-archive-trixie-stable.gpg";
  await installPackages(["debootstrap", "debian-archive-keyring"]);
  if (!existsSync(keyring)) {
    await command(["apt-get", "update", "-q"], { env: quiet, limit: limits.install });
    await command(["apt-get", "install", "-y", "-q", "debian-archive-keyring"], {
      env: quiet,
      limit: limits.install,
    });
  }
  await mkdir(dirname(folder), { recursive: true });
  await removeStaleBuilds(folder);
  const building = `${folder}.building-${process.pid}`;
  try {
    const env = await proxyEnvironment();
    const limit = limits.install;
    const keys = "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg";
    await command(
      ["debootstrap", "--variant=minbase", keys, trixie, building, await debianMirror()],
      { env, limit },
    );
    await writeFile(join(building, "usr/sbin/policy-rc.d"), noServices, { mode: 0o755 });
    const install = [
      "apt-get",
      "install",
      "-y",
      "-q",
      "--no-install-recommends",
      ...baculaPackages,
    ];
    await command(["chroot", building, ...install], { env, limit });
    await command(["chroot", building, "apt-get", "clean"], { env, limit });
    await writeFile(join(building, trixieMarker), `${baculaPackages.join(" ")}\n`);
    await rename(building, folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return folder;
}

async function removeStaleBuilds(folder: string): Promise<void> {
  const parent = dirname(folder);
  for (const name of await readdir(parent)) {
    const pid = /\.building-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  // A folder without its marker cannot come from here (the rename is last): make room for the new
  // one.
  if (existsSync(folder) && !trixieReady()) await rm(folder, { recursive: true, force: true });
}

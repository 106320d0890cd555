import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { labError } from "../errors";
import {
  baculaPackages,
  ensureTrixie,
  installPackages,
  missingPackages,
  trixieFolder,
  trixieReady,
} from "./debian";

export type Release = "9.6.7" | "15.0.3";
export const releases: readonly Release[] = ["9.6.7", "15.0.3"];

type Tool = "bacula-dir" | "bacula-sd" | "bacula-fd" | "bconsole" | "bextract";

/** One release as it lies on this machine. */
export interface Installation {
  readonly release: Release;
  /** How to start one of its programs: the words before its own arguments. */
  argv(tool: Tool): string[];
  /** SQL that creates an empty catalog. */
  readonly catalogSchema: string;
  /** Stock plugins (bpipe). */
  readonly stockPlugins: string;
}

/** `9`, `9.6`, `9.6.7`, `15`, `15.0.3` … @throws HpcError HPC_LAB_USAGE */
export function releaseOf(text: string): Release {
  const found = releases.find((release) => release === text || release.startsWith(`${text}.`));
  if (found) return found;
  throw labError(
    "HPC_LAB_USAGE",
    `unknown Bacula release ${text}`,
    `One of ${releases.join(", ")}.`,
  );
}

const helpers = ["sqlite3"];

/** What of a release is missing on this machine; empty = ready. */
export async function missingForRelease(release: Release): Promise<string[]> {
  const packages = await missingPackages(
    release === "9.6.7" ? [...baculaPackages, ...helpers] : helpers,
  );
  return release === "15.0.3" && !trixieReady() ? [...packages, trixieFolder()] : packages;
}

/**
 * Installs a release if need be: Debian 12 packages on this machine, or an unpacked Debian 13
 * beside it.
 */
export async function ensureRelease(release: Release): Promise<Installation> {
  if (release === "9.6.7") {
    await installPackages([...baculaPackages, ...helpers]);
    return installationAt(release, "/", (tool) => [toolPath("/", tool)]);
  }
  await installPackages(helpers);
  const root = await ensureTrixie();
  // The programs run outside the chroot through their own loader: all paths in the configuration
  // are then ordinary paths of this machine. The option, unlike LD_LIBRARY_PATH, is not inherited
  // by what the File Daemon starts.
  const libraries = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu"));
  if (libraries === undefined)
    throw labError("HPC_LAB_INSTALL", `${root}: no libraries`, "Remove the folder.");
  const folder = join(root, "usr/lib", libraries);
  const loader = readdirSync(folder).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
  if (loader === undefined)
    throw labError("HPC_LAB_INSTALL", `${folder}: no loader`, `Remove ${root}.`);
  const start = [
    join(folder, loader),
    "--library-path",
    `${folder}:${join(root, "usr/lib/bacula")}`,
  ];
  return installationAt(release, root, (tool) => [...start, toolPath(root, tool)]);
}

function installationAt(release: Release, root: string, argv: Installation["argv"]): Installation {
  return {
    release,
    argv,
    catalogSchema: join(
      root,
      "usr/share/dbconfig-common/data/bacula-director-sqlite3/install/sqlite3",
    ),
    stockPlugins: join(root, "usr/lib/bacula"),
  };
}

function toolPath(root: string, tool: Tool): string {
  const places = ["usr/sbin", "usr/bin"].map((place) => join(root, place, tool));
  const found = places.find((place) => existsSync(place));
  if (found) return found;
  throw labError(
    "HPC_LAB_INSTALL",
    `${tool} is in none of ${places.join(", ")}`,
    "Reinstall the Bacula packages.",
  );
}

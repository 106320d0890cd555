import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/**
 * Targets that a Lustre server exports have a directory each under the device type, in /proc or
 * (newer) in /sys. Clients have others.
 */
const LUSTRE_TYPES = ["obdfilter", "mdt"] as const;
const LUSTRE_TREES = ["proc/fs/lustre", "sys/fs/lustre"] as const;
const LUSTRE_TARGET = /-(?:OST|MDT)[0-9a-f]{4}$/;

/** The cluster's configuration as each GPFS node has it; its disk lines name the NSD servers. */
const GPFS_CONFIG = "var/mmfs/gen/mmsdrfs";
const GPFS_CONFIG_MAX = 64 * 1024 * 1024;

/**
 * Why this machine is a server of a parallel filesystem, in words (`it is a Lustre server
 * (testfs-OST0000, …)`); undefined when nothing says so. Reads a few directories and one file, runs
 * nothing, never throws.
 */
export function serverRole(root = "/", host = hostname()): string | undefined {
  const targets = [
    ...new Set(
      LUSTRE_TREES.flatMap((tree) => LUSTRE_TYPES.flatMap((type) => names(join(root, tree, type)))),
    ),
  ];
  const lustre = targets.filter((name) => LUSTRE_TARGET.test(name)).sort();
  if (lustre.length > 0) {
    const some = lustre.slice(0, 4).join(", ");
    return `it is a Lustre server (${some}${lustre.length > 4 ? `, ${lustre.length - 4} more` : ""})`;
  }
  return isNsdServer(join(root, GPFS_CONFIG), host) ? "it is a GPFS NSD server" : undefined;
}

/**
 * A disk line is `…:SG_DISKS:…` with the disk's servers, separated by commas, in one of its fields.
 */
function isNsdServer(file: string, host: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    return false;
  }
  const short = host.split(".")[0];
  const disks = text
    .slice(0, GPFS_CONFIG_MAX)
    .split("\n")
    .filter((line) => /:\d*_?SG_DISKS:/.test(line));
  return disks.some((line) =>
    line
      .split(/[:,]/)
      .some((name) => name === host || (name !== "" && name.split(".")[0] === short)),
  );
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

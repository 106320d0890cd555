import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { isAbsolute, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Sentence } from "@podheitor/hpc-base";
import { loadedBeside, untrusted } from "@podheitor/hpc-native";
import { formatConf, isChanged, isScript, type PluginConf, parseConf } from "./conf";
import { HpcError } from "./errors";
import { builtBackend, builtPlugin, CONF_NAME, PLUGIN_NAME } from "./locate";

export interface InstallOptions {
  /** The File Daemon's `Plugin Directory`; it must exist. */
  readonly pluginDir: string;
  /** Plugin file to install; the built one if not given. */
  readonly plugin?: string;
  /** Absolute path of the backend; the bundle beside this package if not given. */
  readonly backend?: string;
  /** Absolute path of Node, used for a .cjs or .js backend; the running one if not given. */
  readonly node?: string;
  /**
   * Seconds of silence after which the plugin gives a backend up; the plugin's own default if not
   * given.
   */
  readonly stallLimit?: number;
}

export interface Installed {
  readonly plugin: string;
  readonly conf: string;
  /**
   * The configuration that would have been written, where the one that was there had been changed
   * by somebody and stays.
   */
  readonly newConf?: string;
  /**
   * Why the plugin will refuse the configuration that stays: others than root can change it, or
   * could.
   */
  readonly untrustedConf?: string;
  /**
   * A plugin of that name was there: a running File Daemon keeps the old one until it is restarted.
   */
  readonly replaced: boolean;
}

/**
 * Installs the plugin as a regular file, mode 0644 (the File Daemon's loader silently ignores
 * symlinks), and its configuration. Both appear by rename: a file that is mapped by a running
 * daemon must never be written to. A configuration that somebody changed stays, and the other one
 * appears beside it as `.new`. On any error what was there stays.
 *
 * @throws HpcError HPC_PLUGIN_DIR, HPC_BACKEND_FILE, HPC_PLUGIN_MISSING, HPC_PLUGIN_INSTALL
 */
export function installPlugin(options: InstallOptions): Installed {
  const { pluginDir } = options;
  requireDirectory(pluginDir);
  const source = options.plugin ?? builtPlugin();
  const conf: PluginConf = {
    backend: requireRunnable(options.backend ?? builtBackend(), "backend"),
    node: requireRunnable(options.node ?? process.execPath, "node"),
    ...(options.stallLimit === undefined ? {} : { stallLimit: options.stallLimit }),
  };
  const plugin = join(pluginDir, PLUGIN_NAME);
  const confFile = join(pluginDir, CONF_NAME);
  const confTarget = confTargetOf(confFile, conf);
  const replaced = lstatSync(plugin, { throwIfNoEntry: false }) !== undefined;
  // The loader takes names that end in -fd.so, which these do not.
  const temporaries = [...(confTarget === undefined ? [] : [confTarget]), plugin].map(
    (target) => [`${target}.new-${process.pid}`, target] as const,
  );
  try {
    for (const [temporary, target] of temporaries) {
      if (target === plugin) copyFileSync(source, temporary, constants.COPYFILE_EXCL);
      else writeFileSync(temporary, formatConf(conf), { flag: "wx" });
      settle(temporary);
    }
    // First the configuration: a new plugin must never find the old one's.
    for (const [temporary, target] of temporaries) renameSync(temporary, target);
    if (confTarget === confFile) rmSync(`${confFile}.new`, { force: true }); // of an earlier installation
  } catch (cause) {
    for (const [temporary] of temporaries) rmSync(temporary, { force: true });
    throw new HpcError(
      "HPC_PLUGIN_INSTALL",
      `installing into ${pluginDir} failed: ${(cause as Error).message}`,
      "Check the named file; run the command as root, with room on that filesystem.",
      { cause },
    );
  }
  const doubt = untrusted(confFile);
  return {
    plugin,
    conf: confFile,
    replaced,
    ...(confTarget === `${confFile}.new` ? { newConf: confTarget } : {}),
    ...(doubt === undefined ? {} : { untrustedConf: doubt }),
  };
}

/**
 * Where the configuration goes: beside one that somebody changed; undefined: nowhere, as that one
 * says the same.
 */
function confTargetOf(confFile: string, conf: PluginConf): string | undefined {
  const before = lstatSync(confFile, { throwIfNoEntry: false })?.isFile()
    ? readFileSync(confFile, "utf8")
    : undefined;
  if (before === undefined || !isChanged(before)) return confFile;
  try {
    return isDeepStrictEqual(parseConf(before), conf) ? undefined : `${confFile}.new`;
  } catch {
    return `${confFile}.new`; // what is wrong with it, `plugin check` says
  }
}

/** Mode 0644, and on disk before it gets its name. */
function settle(file: string): void {
  chmodSync(file, 0o644);
  const fd = openSync(file, "r");
  fsyncSync(fd);
  closeSync(fd);
}

function requireDirectory(pluginDir: string): void {
  const stat = statSync(pluginDir, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true)
    throw new HpcError(
      "HPC_PLUGIN_DIR",
      `the plugin directory ${pluginDir} ${stat === undefined ? "does not exist" : "is not a directory"}`,
      "Give the `Plugin Directory` of the FileDaemon resource in bacula-fd.conf.",
    );
  const reason = untrusted(pluginDir);
  if (reason !== undefined)
    throw new HpcError(
      "HPC_PLUGIN_DIR",
      `the plugin directory is not safe, root would run what others put there: ${reason}`,
      "Give it to root and take write permission from others: `chown root DIR; chmod go-w DIR`, also for the folders above it.",
    );
}

/** The plugin refuses the same: better told now than by a failed job at night. */
function requireRunnable(file: string, what: string): string {
  const remedy: Sentence = `Give --${what} the absolute path of a file that only root can change.`;
  if (!isAbsolute(file))
    throw new HpcError("HPC_BACKEND_FILE", `${what} ${file} is not an absolute path`, remedy);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true)
    throw new HpcError(
      "HPC_BACKEND_FILE",
      `${what} ${file} ${stat === undefined ? "does not exist" : "is not a file"}`,
      remedy,
    );
  if (!isScript(file) && (stat.mode & 0o111) === 0)
    throw new HpcError(
      "HPC_BACKEND_FILE",
      `${what} ${file} is not executable`,
      `Run \`chmod +x ${file}\`.`,
    );
  const files = [file, ...(isScript(file) ? loadedBeside(file) : [])];
  const reason = files.map((each) => untrusted(each)).find((each) => each !== undefined);
  if (reason !== undefined)
    throw new HpcError(
      "HPC_BACKEND_FILE",
      `${what} ${file} could be changed by others than root: ${reason}`,
      remedy,
    );
  return file;
}

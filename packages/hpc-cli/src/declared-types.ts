import { existsSync, readFileSync } from "node:fs";
import { declareFilesystemTypes, readFilesystemTypes } from "@podheitor/hpc-native";
import { FD_CONFIGS, pluginDirectoryOf } from "./doctor/bacula";

/**
 * The plugin directory that the File Daemon's configuration names; undefined: no configuration, or
 * none that we may read.
 */
export function configuredPluginDirectory(
  configs: readonly string[] = FD_CONFIGS,
): string | undefined {
  const config = configs.find((path) => existsSync(path));
  try {
    return config === undefined ? undefined : pluginDirectoryOf(readFileSync(config, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * What the administrator declares of types of mounts (`filesystem-types`, beside the plugin) holds
 * for this command, too. Throws HpcError HPC_FILESYSTEM_TYPES.
 */
export function declareTypesOf(pluginDirectory: string | undefined): void {
  const directory = pluginDirectory ?? configuredPluginDirectory();
  const types = directory === undefined ? undefined : readFilesystemTypes(directory);
  if (types !== undefined) declareFilesystemTypes(types);
}

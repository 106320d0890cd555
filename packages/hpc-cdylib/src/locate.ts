import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { HpcError } from "./errors";

/*
 * Where things lie, seen from a checkout (src or dist of this package, or a bundle of the command)
 * and from an installed package:
 * the first folder, going up from this file, that has one of the relative places.
 */

export const PLUGIN_NAME = "podheitor-hpc-fd.so";
export const CONF_NAME = "podheitor-hpc-fd.conf";
const HOST_NAME = "podheitor-hpc-host";

function findUp(places: readonly string[], from = __dirname): string | undefined {
  for (let dir = from; ; dir = dirname(dir)) {
    for (const place of places) {
      const candidate = join(dir, place);
      if (existsSync(candidate)) return realpathSync(candidate);
    }
    if (dir === dirname(dir)) return undefined;
  }
}

function nativePlaces(name: string): string[] {
  return [
    join("native", name),
    join("packages/hpc-cdylib/native", name),
    join("node_modules/@podheitor/hpc-cdylib/native", name),
  ];
}

/** Folder with the plugin's C sources. @throws HpcError HPC_NO_SOURCES outside a checkout */
export function sourceDir(): string {
  const makefile = findUp([join("shim-c/fd-plugin", "Makefile")]);
  if (makefile !== undefined) return dirname(makefile);
  throw new HpcError(
    "HPC_NO_SOURCES",
    "the C sources of the plugin are not beside this installation",
    "Build in a checkout of podheitor-hpc, or use the plugin file that came with the package.",
  );
}

/** The built plugin. @throws HpcError HPC_PLUGIN_MISSING */
export function builtPlugin(): string {
  return findUp(nativePlaces(PLUGIN_NAME)) ?? missing(PLUGIN_NAME);
}

/**
 * The program that loads a plugin as the four releases of the File Daemon do. @throws HpcError
 * HPC_PLUGIN_MISSING
 */
export function builtHost(): string {
  return findUp(nativePlaces(HOST_NAME)) ?? missing(HOST_NAME);
}

/** The bundled backend. @throws HpcError HPC_BACKEND_FILE */
export function builtBackend(): string {
  const name = "podheitor-hpc-backend.cjs";
  const found = findUp([
    name,
    join("dist", name),
    join("packages/hpc-backend/dist", name),
    join("node_modules/@podheitor/hpc-backend/dist", name),
  ]);
  if (found !== undefined) return found;
  throw new HpcError(
    "HPC_BACKEND_FILE",
    `${name} has not been built`,
    "Run `npm run build` in the checkout.",
  );
}

function missing(name: string): never {
  throw new HpcError(
    "HPC_PLUGIN_MISSING",
    `${name} has not been built`,
    "Run `podheitor-hpc plugin build`.",
  );
}

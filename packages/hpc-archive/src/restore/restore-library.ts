import { join } from "node:path";
import { type Library, openLibrary } from "@podheitor/hpc-native";
import { RESTORE_ABI } from "@podheitor/hpc-wire";

// In the bundle the library stands beside the program; in the package, one folder up in native/.
const CANDIDATES = [
  join(__dirname, "libhpcrestore.so"),
  join(__dirname, "..", "..", "native", "libhpcrestore.so"),
];

/**
 * What restores, and looks at trees without being led astray: shim-c/restore/hpc_restore.h and
 * shim-c/path/hpc_look.h.
 */
export function restoreLibrary(): Library {
  return openLibrary("libhpcrestore.so", CANDIDATES, {
    symbol: "hpc_restore_abi",
    version: RESTORE_ABI,
  });
}

import { HpcError as BaseError } from "@podheitor/hpc-base";

/** Everything that this package refuses or reports; docs/errors.md has a line for each. */
export type CdylibErrorCode =
  | "HPC_NO_COMPILER"
  | "HPC_NO_SOURCES"
  | "HPC_PLUGIN_BUILD"
  | "HPC_PLUGIN_MISSING"
  | "HPC_PLUGIN_DIR"
  | "HPC_PLUGIN_INSTALL"
  | "HPC_BACKEND_FILE"
  | "HPC_BACKEND_START"
  | "HPC_BACKEND_DIED"
  | "HPC_BACKEND_SILENT"
  | "HPC_BACKEND_REFUSED"
  | "HPC_PULL_CANCELLED";

/** The one error class, with the codes of this package. */
export const HpcError = BaseError<CdylibErrorCode>;
export type HpcError = BaseError<CdylibErrorCode>;

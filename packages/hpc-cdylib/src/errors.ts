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

export class CdylibError extends Error {
  /**
   * @param code   one of a closed set
   * @param remedy what an operator does about it, an imperative sentence without a full stop
   */
  constructor(
    readonly code: CdylibErrorCode,
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "CdylibError";
  }
}

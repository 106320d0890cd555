export type LabErrorCode =
  | "HPC_LAB_TIMEOUT"
  | "HPC_LAB_COMMAND"
  | "HPC_LAB_DAEMON"
  | "HPC_LAB_INSTALL"
  | "HPC_LAB_CONSOLE"
  | "HPC_LAB_USAGE";

/** What goes wrong in the lab: the thing by name, and what to do. */
export class LabError extends Error {
  override readonly name = "LabError";
  constructor(
    readonly code: LabErrorCode,
    message: string,
    readonly remedy: string,
  ) {
    super(`${message} (${remedy})`);
  }
}

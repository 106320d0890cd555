import { HpcError, type Sentence } from "@podheitor/hpc-base";

export type LabErrorCode =
  | "HPC_LAB_TIMEOUT"
  | "HPC_LAB_COMMAND"
  | "HPC_LAB_DAEMON"
  | "HPC_LAB_INSTALL"
  | "HPC_LAB_CONSOLE"
  | "HPC_LAB_USAGE";

/** What goes wrong in the lab: the thing by name, and what to do, which a test's report shows, too. */
export function labError(code: LabErrorCode, message: string, remedy: Sentence): HpcError {
  return new HpcError(code, `${message}. ${remedy}`, remedy);
}

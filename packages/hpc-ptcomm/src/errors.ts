import { HpcError } from "@podheitor/hpc-base";

/** The closed set of errors of this package: what happened, and what whoever reads it can do. */
export const PROTOCOL_ERRORS = {
  HPC_FRAME:
    "The peer does not speak PTCOMM, or something else writes to its pipe (a debug print, a shell profile). Run `podheitor-hpc doctor`.",
  HPC_FRAME_TOO_LONG:
    "The peer sent more than this exchange allows. Check that plugin and backend come from the same release.",
  HPC_STREAM_TRUNCATED:
    "The stream ends before its end was announced: the peer died, or the file was cut. Look for the peer's last message; take another copy of the file.",
  HPC_PAYLOAD:
    "The frame is whole but its content is not valid: different releases at the two ends, or a damaged file. Check the releases with `podheitor-hpc doctor`; take another copy of the file.",
  HPC_COMMAND:
    "The peer sent a command that this release cannot read. Check that plugin and backend come from the same release.",
  HPC_UNEXPECTED_FRAME:
    "The two ends disagree about whose turn it is. Check that plugin and backend come from the same release, and report this with the job log.",
  HPC_DIALECT:
    "The peer is of another version. Install plugin and backend of the same release (`podheitor-hpc plugin install`).",
  HPC_COUNT_MISMATCH:
    "What arrived is not what was announced as sent: the job must not be trusted. Run it again; if it comes back, report it.",
  HPC_PLUGIN_STRING:
    "Correct the Plugin line of the FileSet: `podheitor-hpc:key=value;…`, quotes closed. docs/plugin.md lists the keys.",
} as const;

export type ProtocolErrorCode = keyof typeof PROTOCOL_ERRORS;

/**
 * Anything that is wrong with bytes from, or for, the other end. After one of these the dialogue is
 * over: there is no way to find the next frame.
 */
export function protocolError(code: ProtocolErrorCode, message: string): HpcError {
  return new HpcError(code, message, PROTOCOL_ERRORS[code]);
}

export function isProtocolError(error: unknown): error is HpcError<ProtocolErrorCode> {
  return error instanceof HpcError && error.code in PROTOCOL_ERRORS;
}

/**
 * Exit codes of every command; scripts rely on them. A command ended by a signal exits 128 + its
 * number.
 */
export const Exit = {
  done: 0,
  failed: 1,
  usage: 2,
  /** The command did its work, but some entries failed, differ, or need attention. */
  warnings: 3,
  /** SIGPIPE: whoever read our output has gone. */
  outputClosed: 141,
} as const;

export type ExitCode = number;

const CANCELLED = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export type CancelSignal = keyof typeof CANCELLED;

/** What cancels a command: it removes what it has begun. */
export const CANCEL_SIGNALS = Object.keys(CANCELLED) as readonly CancelSignal[];

/** The exit code of a command that `signal` cancelled. */
export function exitOfSignal(signal: CancelSignal): ExitCode {
  return CANCELLED[signal];
}

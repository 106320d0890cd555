/** What a reader can do, as a full sentence: `Check the path and its permissions.` */
export type Sentence = `${string}.`;

/** More about an error than its three parts. */
export interface ErrorDetails {
  /** What led to it. */
  readonly cause?: unknown;
  /** The positive errno of the system call that failed. */
  readonly errno?: number;
  /** The plugin key that is at fault. */
  readonly key?: string;
}

/**
 * The one class of what the packages throw: `message` names the thing (no full stop), `remedy` says
 * what to do about it. `Code` is the closed set of the package that throws; docs/errors.md lists
 * all.
 */
export class HpcError<Code extends string = string> extends Error {
  override readonly name = "HpcError";
  readonly code: Code;
  readonly remedy: Sentence;
  readonly errno: number | undefined;
  readonly key: string | undefined;

  constructor(code: Code, message: string, remedy: Sentence, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.remedy = remedy;
    this.errno = details.errno;
    this.key = details.key;
  }
}

/** What an operator gets to see of any error: never a stack trace, always something to do. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly remedy: Sentence;
}

/** An error on one line, as commands and job logs show it: `message. Remedy. [CODE]` */
export function errorLine({ code, message, remedy }: ErrorReport): string {
  return `${message}. ${remedy} [${code}]`;
}

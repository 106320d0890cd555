/** Every limit of this package, with its reason. */

/** Twelve missed heartbeats of five seconds; the plugin's own default. */
export const STALL_MS = 60_000;

/**
 * A backend ends within one second of end of input, whatever it is doing: twice that, and it is
 * killed.
 */
export const END_LIMIT_MS = 2_000;

/** Time for a backend to start and answer when somebody looks at an installation. */
export const GREET_LIMIT_MS = 10_000;

/** Last bytes of a backend's standard error that an error message may quote. */
export const STDERR_TAIL = 1024;

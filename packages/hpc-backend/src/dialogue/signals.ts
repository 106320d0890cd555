/**
 * Handlers of SIGUSR1 (cancel by a stock metaplugin), SIGTERM, SIGINT and SIGHUP. This module must
 * be the first that the program evaluates: while SIGUSR1 has no handler, Node answers it by opening
 * its inspector. It therefore imports nothing.
 */
let listener: ((signal: NodeJS.Signals) => void) | undefined;
let early: NodeJS.Signals | undefined;

for (const signal of ["SIGUSR1", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (listener === undefined) early = signal;
    else listener(signal);
  });
}
// A receiver that is gone is an EPIPE at the write, not a death without a word.
process.on("SIGPIPE", () => undefined);

/** Hears of every cancel signal, also of one that came before. */
export function onCancelSignal(hear: (signal: NodeJS.Signals) => void): void {
  listener = hear;
  if (early !== undefined) hear(early);
}

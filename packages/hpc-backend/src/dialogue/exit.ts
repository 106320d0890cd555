import { pendingCalls } from "@podheitor/hpc-archive";
import { CANCEL_GRACE_MS } from "../limits";

/** Exit code of a backend that met an exception that nobody expected: EX_SOFTWARE of sysexits.h. */
export const CRASHED = 70;

/**
 * Ends the process within CANCEL_GRACE_MS, once `settled` has settled. A thread that hangs in the
 * kernel (a dead filesystem) would make exit() wait for ever; then the process kills itself.
 */
export async function leave(code: number, settled: Promise<unknown>): Promise<never> {
  const kill = () => process.kill(process.pid, "SIGKILL");
  const timer = setTimeout(kill, CANCEL_GRACE_MS);
  await settled.catch(() => undefined);
  clearTimeout(timer);
  if (pendingCalls() > 0) kill();
  process.exit(code);
}

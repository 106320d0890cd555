import { PROGRESS_MS } from "../limits";

/** At most every PROGRESS_MS. */
export function throttled(report: () => void): () => void {
  let last = 0;
  return () => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    last = now;
    report();
  };
}

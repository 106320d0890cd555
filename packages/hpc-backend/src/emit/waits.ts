import type { TimeBy } from "@podheitor/hpc-archive";
import type { ScanWaits } from "@podheitor/hpc-walker";

const NO_SCAN: ScanWaits = { waitedMs: 0, throttledMs: 0, receiverMs: 0 };

/** What one job waits for; whoever waits on its line of work adds how long. */
export class Waits {
  #receiver = 0;
  #content = 0;
  #bandwidth = 0;
  /** What the scan knows of it. */
  scan: () => ScanWaits | undefined = () => undefined;

  /**
   * From `begun` (performance.now()) until now for a write that the receiver had taken at `taken`,
   * and that then had to take its time.
   */
  output(begun: number, taken: number): void {
    const now = performance.now();
    const until = Math.min(Math.max(taken, begun), now);
    this.#receiver += until - begun;
    this.#bandwidth += now - until;
  }

  /** From `begun` until now for an answer of the receiver's. */
  answer(begun: number): void {
    this.#receiver += performance.now() - begun;
  }

  /** From `begun` until now for content; of that `receiverMs` until the receiver took it. */
  content(begun: number, receiverMs = 0): void {
    const took = performance.now() - begun;
    const receiver = Math.min(receiverMs, took);
    this.#receiver += receiver;
    this.#content += took - receiver;
  }

  /** Of a job that has taken so many seconds. */
  timeBy(seconds: number): TimeBy {
    const scan = this.scan() ?? NO_SCAN;
    const waits = {
      receiver: (this.#receiver + scan.receiverMs) / 1000,
      metadata: (scan.waitedMs - scan.throttledMs) / 1000,
      content: this.#content / 1000,
      bandwidth: this.#bandwidth / 1000,
      throttle: scan.throttledMs / 1000,
    };
    const waited = Object.values(waits).reduce((sum, one) => sum + one, 0);
    return { sending: Math.max(0, seconds - waited), ...waits };
  }
}

/** One sentence for people. */
export function timeText(time: TimeBy): string {
  const all = Object.values(time).reduce((sum, one) => sum + one, 0);
  const share = (seconds: number) => `${Math.round((100 * seconds) / (all || 1))} %`;
  const { sending, receiver, metadata, content, bandwidth, throttle } = time;
  const throttles = bandwidth + throttle;
  const limits =
    throttles === 0
      ? ""
      : `, for its limits of bandwidth ${share(bandwidth)} and of metadata operations ${share(throttle)}`;
  return (
    `of ${all.toFixed(1)} s the job worked ${share(sending)}; it waited for the receiver ` +
    `${share(receiver)}, for metadata ${share(metadata)}, for file content ${share(content)}${limits}`
  );
}

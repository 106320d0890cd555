import type { Sink } from "./io";
import { escapeName } from "./text/escape";
import { formatBytes, formatCount, formatSeconds } from "./text/format";

/** What a running job has done so far. */
export interface ProgressFigures {
  readonly entries: number;
  readonly bytes: number;
  readonly failed: number;
  /** What is being read, where that takes its time. */
  readonly file?: Buffer;
}

/**
 * A job that ends within this time shows no progress: a line that flashes by tells nobody anything.
 */
const QUIET_MS = 2000;

/**
 * Terminals on which a line stands: whoever writes to one takes it away first, also whoever did not
 * draw it.
 */
const shownOn = new WeakSet<Sink>();

/**
 * One line at the bottom of a terminal, rewritten in place; nothing at all when `sink` is not a
 * terminal.
 */
export class ProgressLine {
  private readonly started: number;

  constructor(
    private readonly sink: Sink,
    private readonly enabled: boolean,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.started = now();
  }

  update(figures: ProgressFigures): void {
    if (!this.visible) return;
    const elapsed = this.now() - this.started;
    const seconds = elapsed / 1000;
    const { entries, bytes, failed, file } = figures;
    this.show(
      `${formatCount(entries)} entries  ${formatBytes(bytes)}  ${formatCount(entries / seconds)}/s  ` +
        `${formatBytes(Math.round(bytes / seconds))}/s  ${formatCount(failed)} errors  ${formatSeconds(seconds)}` +
        (file === undefined ? "" : `  ${escapeName(file)}`),
    );
  }

  show(line: string): void {
    if (!this.visible) return;
    // A line as wide as the terminal would wrap, and a wrapped line cannot be rewritten. 0: a
    // terminal that was not told its size.
    this.sink.write(`\r${line.slice(0, (this.sink.columns || 80) - 1)}\u001b[K`);
    shownOn.add(this.sink);
  }

  private get visible(): boolean {
    return this.enabled && this.sink.isTTY === true && this.now() - this.started >= QUIET_MS;
  }

  /** Takes the line away, before anything else is written to the terminal. */
  clear(): void {
    if (shownOn.delete(this.sink)) this.sink.write("\r\u001b[K");
  }
}

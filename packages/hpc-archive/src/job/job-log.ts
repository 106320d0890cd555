import { MESSAGES_MAX } from "../limits";
import type { MessageLevel } from "./job-events";

/** Where job messages go: frames on the pipe, or the caller's events. */
export type MessageSink = (level: MessageLevel, text: string) => void;

/**
 * Job messages about entries, bounded: after MESSAGES_MAX of one level the rest of it are counted,
 * and `close` says how many there were; a thousand sockets must not hide the one file that could
 * not be read. Messages about the job itself always pass.
 */
export class JobLog {
  readonly #said = new Map<MessageLevel, number>();
  #withheld = 0;

  constructor(private readonly sink: MessageSink) {}

  /** About the job as a whole. */
  say(level: MessageLevel, text: string): void {
    this.sink(level, text);
  }

  /** About one entry. */
  entry(level: MessageLevel, text: string): void {
    const said = this.#said.get(level) ?? 0;
    if (said < MESSAGES_MAX) {
      this.#said.set(level, said + 1);
      this.sink(level, text);
    } else {
      this.#withheld++;
    }
  }

  close(): void {
    if (this.#withheld > 0) {
      this.sink(
        "warning",
        `${this.#withheld} more messages about single entries are not shown; the sums count them`,
      );
    }
    this.#withheld = 0;
  }
}

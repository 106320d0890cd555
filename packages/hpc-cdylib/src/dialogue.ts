import {
  commandText,
  type Frame,
  FrameDecoder,
  FrameWriter,
  HPC1_HELLO,
  MESSAGE_STATUS,
  type MessageLevel,
  messageText,
  protocolError,
} from "@podheitor/hpc-ptcomm";
import { BackendChild, type BackendCommand } from "./child";
import { HpcError } from "./errors";
import { END_LIMIT_MS } from "./limits";

const LEVELS = new Map(
  Object.entries(MESSAGE_STATUS).map(([level, status]) => [
    status as string,
    level as MessageLevel,
  ]),
);

export interface DialogueOptions {
  readonly command: BackendCommand;
  /** The backend is given up when no byte came for so long while something was expected. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onMessage?: ((level: MessageLevel, text: string) => void) | undefined;
}

/**
 * The plugin's side of hpc/1 with one backend process: frames in, frames out, and a clear error for
 * each way in which a backend fails.
 * Every error ends the dialogue; `close` must be called in any case.
 */
export class Dialogue {
  private readonly decoder = new FrameDecoder();
  private readonly writer = new FrameWriter({ capacity: 4096 });

  private constructor(
    private readonly child: BackendChild,
    private readonly options: DialogueOptions,
  ) {}

  /** Starts the backend and greets it. */
  static async open(options: DialogueOptions): Promise<Dialogue> {
    const dialogue = new Dialogue(await BackendChild.start(options.command), options);
    try {
      dialogue.send((writer) => writer.command(HPC1_HELLO));
      const answer = await dialogue.next();
      if (answer.status !== "C" || commandText(answer.payload).toString("latin1") !== HPC1_HELLO)
        throw protocolError(
          "HPC_DIALECT",
          `the backend ${options.command.join(" ")} does not answer as one of this release`,
        );
      return dialogue;
    } catch (error) {
      await dialogue.close("failed");
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Writes what `fill` puts together, in one piece. */
  send(fill: (writer: FrameWriter) => void): void {
    fill(this.writer);
    // Copied, because the writer's memory is used again while the stream may still hold on to this.
    const bytes = this.writer.takeBytes();
    this.child.input.write(Buffer.from(bytes));
    this.writer.recycle(bytes);
  }

  /**
   * The next frame that is neither a heartbeat nor a message. An error message is one, unless
   * `errorsRefuse`.
   */
  async next(errorsRefuse = false): Promise<Frame> {
    for (;;) {
      if (this.options.signal?.aborted) throw this.cancelled();
      const frame = this.decoder.next();
      if (frame === undefined) this.decoder.push(await this.chunk());
      else if (frame.status === "A" || (frame.status === "E" && errorsRefuse))
        throw this.refused(frame);
      else if (LEVELS.has(frame.status))
        this.options.onMessage?.(LEVELS.get(frame.status) ?? "info", messageText(frame.payload));
      else if (frame.status !== "H") return frame;
    }
  }

  /** Sends, and waits for the backend to acknowledge it. */
  async exchange(what: string, fill: (writer: FrameWriter) => void): Promise<void> {
    this.send(fill);
    const frame = await this.next(true);
    if (frame.status !== "F") throw unexpected(frame, `the acknowledgement of ${what}`);
  }

  /**
   * Ends the backend; in the end it is killed. `finished`: T, the time to end by itself that the
   * protocol gives, and its exit must be a good one. `dismissed`: the same, but with nothing done
   * its exit says nothing. `failed`: SIGTERM at once.
   */
  async close(how: "finished" | "dismissed" | "failed"): Promise<void> {
    if (how !== "failed") this.send((writer) => writer.signal("T"));
    await this.child.end(how === "failed" ? 0 : END_LIMIT_MS);
    if (how === "finished" && !this.child.endedWell) throw this.died();
  }

  private refused(frame: Frame): HpcError {
    const text = messageText(frame.payload);
    return new HpcError(
      "HPC_BACKEND_REFUSED",
      `the backend gave up: ${text}`,
      "Do what its message says.",
    );
  }

  private died(): HpcError {
    return new HpcError(
      "HPC_BACKEND_DIED",
      `the backend ${this.child.describe()}`,
      "Look for the reason in the system log (out of memory, a signal), and run the backend by hand.",
    );
  }

  private async chunk(): Promise<Buffer> {
    for (;;) {
      const chunk = this.child.output.read() as Buffer | null;
      if (chunk !== null) return chunk;
      if (this.child.output.readableEnded || this.child.output.destroyed) {
        await this.child.exited(END_LIMIT_MS);
        throw this.died();
      }
      await this.readable();
      if (this.options.signal?.aborted) throw this.cancelled();
    }
  }

  /** Waits until there is something to read, or nothing will come any more. */
  private readable(): Promise<void> {
    const { output } = this.child;
    const { signal, stallMs } = this.options;
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer);
        for (const event of ["readable", "end", "close"]) output.off(event, succeed);
        output.off("error", settle);
        signal?.removeEventListener("abort", cancel);
        if (error) reject(error);
        else resolve();
      };
      const succeed = () => settle();
      const cancel = () => settle(this.cancelled());
      const timer = setTimeout(() => settle(this.silent()), stallMs);
      for (const event of ["readable", "end", "close"]) output.on(event, succeed);
      output.on("error", settle);
      signal?.addEventListener("abort", cancel);
    });
  }

  private cancelled(): HpcError {
    return new HpcError("HPC_PULL_CANCELLED", "the job was cancelled", "Start it again.");
  }

  private silent(): HpcError {
    return new HpcError(
      "HPC_BACKEND_SILENT",
      `the backend has been silent for ${this.options.stallMs / 1000} seconds, not even a heartbeat came`,
      "Look whether the machine or the filesystem hangs; raise the stall limit if it is only slow.",
    );
  }
}

export function unexpected(frame: Frame, instead: string): Error {
  return protocolError(
    "HPC_UNEXPECTED_FRAME",
    `the backend sent a ${frame.status} frame where ${instead} was expected`,
  );
}

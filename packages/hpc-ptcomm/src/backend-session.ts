import type { HpcError } from "@podheitor/hpc-base";
import { protocolError } from "./errors";
import type { Frame } from "./frame";
import { type JobInfo, parseJob } from "./job";
import { MAX_BLOCK_BYTES, MAX_PAIRS } from "./limits";
import { commandText, messageText, type Pair, type Params, parsePair, show } from "./pairs";
import type { FrameWriter } from "./writer";

export const HPC1_HELLO = "Hello podheitor-hpc hpc/1";

export type StartCommand = "BackupStart" | "EstimateStart";
/** What a job of each type starts. */
const START: Readonly<Record<JobInfo["type"], StartCommand>> = {
  B: "BackupStart",
  E: "EstimateStart",
};

export type BackendEvent =
  /** Job and parameters are here. Say `accept()` or `refuse()`. */
  | { readonly type: "configured"; readonly job: JobInfo; readonly params: Params }
  /** The work is asked for. Say `accept()` or `refuse()`, then do it. */
  | { readonly type: "start"; readonly command: StartCommand }
  /** While the work goes on: any frame but END, T and E. */
  | { readonly type: "frame"; readonly frame: Frame }
  /** The plugin reports an error: it gives the pending exchange up. */
  | { readonly type: "error"; readonly text: string }
  /** END: the plugin has all of it. Say `accept()`. */
  | { readonly type: "end" }
  /** T: nothing more will come. Leave. */
  | { readonly type: "terminate" };

type Phase =
  | "hello"
  | "job"
  | "job-pairs"
  | "params"
  | "params-pairs"
  | "configured"
  | "start"
  | "starting"
  | "working"
  | "ending"
  | "ended";

/**
 * The backend's side of a dialogue: hello, job block, parameters, start, end. No input or output:
 * frames of the plugin go in, answers go to the writer, and what concerns the backend comes out.
 *
 *     const event = session.receive(frame);
 * if (event?.type === "configured") check(event.params) ? session.accept() :
 * session.refuse("unknown key …");
 */
export class BackendSession {
  readonly #out: FrameWriter;
  #phase: Phase = "hello";
  #pairs: Pair[] = [];
  #pairBytes = 0;
  #job: JobInfo | undefined;

  constructor(out: FrameWriter) {
    this.#out = out;
  }

  /**
   * Takes the plugin's next frame. Throws HpcError; the caller then sends an abort message and
   * leaves.
   */
  receive(frame: Frame): BackendEvent | undefined {
    if (frame.status === "T") return { type: "terminate" };
    if (frame.status === "E") return { type: "error", text: messageText(frame.payload) };
    if (this.#phase === "working") return this.#work(frame);
    if (frame.status === "F") return this.#endOfBlock(frame);
    if (frame.status !== "C") throw this.#unexpected(frame);
    return this.#command(frame, commandText(frame.payload));
  }

  /** Answers `configured`, `start` or `end`: go on. */
  accept(): void {
    this.#answered();
    this.#out.signal("F");
  }

  /**
   * Answers `configured` or `start`: fatal job error with this text, in which the key and the
   * remedy are named.
   */
  refuse(text: string): void {
    this.#answered();
    this.#phase = "ended";
    this.#out.message("abort", text);
  }

  #answered(): void {
    if (this.#phase === "configured") this.#phase = "start";
    else if (this.#phase === "starting") this.#phase = "working";
    else if (this.#phase === "ending") this.#phase = "ended";
    else throw new RangeError("nothing waits for an answer");
  }

  #work(frame: Frame): BackendEvent {
    if (frame.status !== "C" || !commandText(frame.payload).equals(END))
      return { type: "frame", frame };
    this.#phase = "ending";
    return { type: "end" };
  }

  #command(frame: Frame, text: Buffer): BackendEvent | undefined {
    switch (this.#phase) {
      case "hello":
        this.#hello(text);
        this.#phase = "job";
        return undefined;
      case "job":
        return this.#expect(frame, text, "Job", "job-pairs");
      case "params":
        return this.#expect(frame, text, "Params", "params-pairs");
      case "job-pairs":
      case "params-pairs":
        return this.#pair(text);
      case "start": {
        const command = START[this.#job?.type ?? "B"];
        if (text.toString("latin1") !== command) throw this.#unexpected(frame);
        this.#phase = "starting";
        return { type: "start", command };
      }
      default:
        throw this.#unexpected(frame);
    }
  }

  #hello(text: Buffer): void {
    if (text.toString("latin1") !== HPC1_HELLO) {
      throw protocolError(
        "HPC_DIALECT",
        `the plugin says ${show(text)}, this backend speaks hpc/1`,
      );
    }
    this.#out.command(HPC1_HELLO);
  }

  #pair(text: Buffer): undefined {
    this.#pairBytes += text.length;
    if (this.#pairs.length === MAX_PAIRS || this.#pairBytes > MAX_BLOCK_BYTES) {
      throw protocolError(
        "HPC_FRAME_TOO_LONG",
        `more than ${MAX_PAIRS} pairs or ${MAX_BLOCK_BYTES} bytes in one block`,
      );
    }
    // Copied: the frame's memory is the caller's, and these live as long as the job.
    this.#pairs.push(parsePair(Buffer.from(text)));
    return undefined;
  }

  #endOfBlock(frame: Frame): BackendEvent | undefined {
    const pairs = this.#pairs;
    this.#pairs = [];
    this.#pairBytes = 0;
    if (this.#phase === "job-pairs") {
      this.#job = parseJob(pairs);
      this.#phase = "params";
      this.#out.signal("F");
      return undefined;
    }
    if (this.#phase === "params-pairs" && this.#job) {
      this.#phase = "configured";
      return { type: "configured", job: this.#job, params: pairs };
    }
    throw this.#unexpected(frame);
  }

  #expect(frame: Frame, text: Buffer, command: string, next: Phase): undefined {
    if (text.toString("latin1") !== command) throw this.#unexpected(frame);
    this.#phase = next;
    return undefined;
  }

  #unexpected(frame: Frame): HpcError {
    const what = frame.status === "C" ? `command ${show(frame.payload)}` : `${frame.status} frame`;
    return protocolError(
      "HPC_UNEXPECTED_FRAME",
      `the plugin sent a ${what} in phase ${this.#phase}`,
    );
  }
}

const END = Buffer.from("END");

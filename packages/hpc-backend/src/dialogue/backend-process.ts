import { writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as after } from "node:timers/promises";
import { type ByteSink, cancelled, JobLog, type MessageLevel } from "@podheitor/hpc-archive";
import { causeOf, errorLine, HpcError } from "@podheitor/hpc-base";
import { declareFilesystemTypes, readFilesystemTypes } from "@podheitor/hpc-native";
import {
  type BackendEvent,
  BackendSession,
  FrameDecoder,
  HEARTBEAT_MS,
  type JobInfo,
  type Params,
  protocolError,
  type StartCommand,
} from "@podheitor/hpc-ptcomm";
import { Emitter } from "../emit/emitter";
import { CANCEL_GRACE_MS } from "../limits";
import { type JobParams, parseParams } from "../params/params";
import { checkRoots } from "../params/plan";
import { requireRoots } from "../params/roots";
import { BackupDialogue } from "./backup-dialogue";
import { CRASHED, leave } from "./exit";
import type { JobDialogue } from "./job-dialogue";
import { log } from "./log";

/**
 * Message levels as PTCOMM has them: an `E` would end the exchange that is going on, `Q` does not.
 */
export const PTCOMM_LEVEL = {
  info: "info",
  warning: "warning",
  error: "error-continue",
  "not-saved": "not-saved",
} as const satisfies Record<MessageLevel, string>;

/**
 * One dialogue with a plugin: reads its frames all the time, so that end of input, `T` and errors
 * are noticed while output is blocked; does the work in between; and leaves.
 */
export class BackendProcess {
  readonly #emitter: Emitter;
  readonly #session: BackendSession;
  readonly #decoder = new FrameDecoder();
  readonly #abort = new AbortController();
  readonly #messages: JobLog;
  #job: JobInfo | undefined;
  #params: JobParams | undefined;
  #work: JobDialogue | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Something is done that may take its time. */
  #busy = false;
  #ended = false;
  #leaving = false;

  constructor(
    private readonly input: Readable,
    sink: ByteSink,
  ) {
    this.#emitter = new Emitter(sink);
    this.#session = new BackendSession(this.#emitter.frames);
    this.#messages = new JobLog((level, text) => {
      log(`${level}: ${text}`);
      this.#emitter.frames.message(PTCOMM_LEVEL[level], text);
    });
  }

  start(): void {
    this.input.on("data", (chunk: Buffer) => this.#received(chunk));
    this.input.on("end", () => this.cancel("end of input"));
    this.input.on("error", (error) => this.cancel(`input: ${error.message}`));
    // Beside the job's own timers this one must not keep the process alive.
    setInterval(() => this.#heartbeat(), HEARTBEAT_MS / 5).unref();
  }

  /** Stops whatever is going on and leaves within a second. */
  cancel(why: string, code = this.#ended ? 0 : 1): void {
    if (this.#leaving) return;
    this.#leaving = true;
    log(`leaving: ${why}`);
    this.#abort.abort(cancelled());
    this.#emitter.abandon(cancelled());
    void leave(code, this.#running);
  }

  /** For exceptions that nobody expected: an abort frame if the pipe takes it now, and out. */
  crash(error: unknown): never {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log(`crash: ${text}`);
    try {
      if (!this.#emitter.writing) {
        this.#emitter.frames.message(
          "abort",
          `podheitor-hpc-backend failed: ${text.split("\n", 1)[0]}`,
        );
        writeSync(1, this.#emitter.frames.takeBytes());
      }
    } catch {
      // The plugin sees the end of the pipe and says so.
    }
    process.exit(CRASHED);
  }

  #received(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (
        let frame = this.#decoder.next();
        frame !== undefined && !this.#leaving;
        frame = this.#decoder.next()
      ) {
        const event = this.#session.receive(frame);
        if (event !== undefined) this.#on(event);
      }
      this.#emitter.flush();
    } catch (error) {
      void this.#fail(error);
    }
  }

  #on(event: BackendEvent): void {
    switch (event.type) {
      case "configured":
        this.#configured(event.job, event.params);
        return;
      case "start":
        this.#start(event.command);
        return;
      case "frame":
        if (this.#work === undefined)
          throw protocolError("HPC_UNEXPECTED_FRAME", "a frame before the start");
        this.#work.frame(event.frame);
        return;
      case "error":
        log(`the plugin gave up: ${event.text}`);
        this.cancel("error from the plugin");
        return;
      case "end":
        this.#running = this.#end();
        return;
      case "terminate":
        this.cancel("T");
        return;
    }
  }

  #configured(job: JobInfo, params: Params): void {
    log(
      `job ${job.name} (${job.id}), type ${job.type}, level ${job.level ?? "-"}, since ${job.since ?? "-"}`,
    );
    try {
      this.#job = job;
      const types =
        job.pluginDir === undefined ? undefined : readFilesystemTypes(job.pluginDir.toString());
      if (types !== undefined) declareFilesystemTypes(types);
      this.#params = parseParams(params);
      this.#emitter.limit(this.#params.bandwidth);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#busy = true;
    this.#running = lookAt(this.#params);
    this.#running.then(
      () => this.#accepted(),
      (error: unknown) => (this.#leaving ? undefined : this.#refuse(error)),
    );
  }

  #accepted(): void {
    if (this.#leaving) return;
    this.#session.accept();
    this.#emitter.flush();
  }

  #start(command: StartCommand): void {
    try {
      const work = this.#workFor(command);
      this.#work = work;
      this.#session.accept();
      this.#running = work.run();
      this.#running.then(
        () => this.#emitter.flush(),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#refuse(error);
    }
  }

  #workFor(command: StartCommand): JobDialogue {
    const job = this.#job;
    const params = this.#params;
    if (job === undefined || params === undefined) {
      throw protocolError("HPC_UNEXPECTED_FRAME", `${command} before job and parameters`);
    }
    const content = command === "BackupStart";
    const [emitter, messages, signal] = [this.#emitter, this.#messages, this.#abort.signal];
    return new BackupDialogue({ emitter, job, params, content, messages, signal });
  }

  /** What was waiting for the plugin's word is done before it hears that this was the end. */
  async #end(): Promise<void> {
    await this.#work?.confirmed().catch((error: unknown) => {
      this.#messages.say("warning", `the job is complete, but ${causeOf(error)}`);
    });
    if (this.#leaving) return;
    this.#ended = true;
    this.#session.accept();
    this.#emitter.flush();
  }

  /** Before the work: the plugin makes a fatal job message of the abort frame. */
  #refuse(error: unknown): void {
    this.#session.refuse(describe(error));
    void this.#goodbye(1);
  }

  /** In mid work, or when the plugin cannot be understood. */
  async #fail(error: unknown): Promise<void> {
    if (this.#leaving) return;
    log(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    this.#abort.abort(cancelled());
    this.#emitter.frames.message("abort", describe(error));
    await this.#goodbye(1);
  }

  /** Gives the plugin a moment to take the last message, and leaves. */
  async #goodbye(code: number): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    const taken = this.#emitter.finish().catch(() => undefined);
    await Promise.race([taken, after(CANCEL_GRACE_MS)]);
    await leave(code, this.#running);
  }

  #heartbeat(): void {
    if (!this.#busy || this.#ended) return;
    if (this.#emitter.quietMs < HEARTBEAT_MS) return;
    this.#emitter.frames.signal("H");
    this.#emitter.flush();
  }
}

/**
 * Whether what the job names can be saved: a filesystem that does not answer may keep it waiting.
 */
async function lookAt(params: JobParams): Promise<void> {
  await requireRoots(params);
  await checkRoots(params);
}

/**
 * One line for the job log: what is wrong, what to do, and the code under which docs/errors.md has
 * more.
 */
export function describe(error: unknown): string {
  if (error instanceof HpcError) return errorLine(error);
  return error instanceof Error ? error.message : String(error);
}

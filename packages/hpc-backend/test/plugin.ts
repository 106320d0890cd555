import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import {
  commandText,
  encodeFrame,
  type Frame,
  FrameDecoder,
  type FrameStatus,
} from "@podheitor/hpc-ptcomm";

const MAIN = join(__dirname, "..", "src", "main.ts");

export type Answer = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ms: number;
};

const FROM_SOURCE = ["--import", "tsx", "--conditions=@podheitor/source", MAIN];

/**
 * Plays the plugin: starts the backend, from source unless a command says otherwise, and speaks to
 * it frame by frame.
 */
export class TestPlugin {
  readonly child: ChildProcess;
  stderr = "";
  readonly #decoder = new FrameDecoder();
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;
  #closed = false;
  readonly #exit: Promise<Answer>;

  constructor(args: readonly string[] = ["backup"], env: NodeJS.ProcessEnv = {}, command?: string) {
    const started = performance.now();
    this.child = spawn(
      command ?? process.execPath,
      command === undefined ? [...FROM_SOURCE, ...args] : args,
      {
        cwd: join(__dirname, ".."),
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, ...env },
      },
    );
    this.#exit = new Promise((resolve) => {
      this.child.on("exit", (code, signal) =>
        resolve({ code, signal, ms: performance.now() - started }),
      );
    });
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        this.#frames.push({ status: frame.status, payload: Buffer.from(frame.payload) });
      }
      this.#wake();
    });
    this.child.stdout?.on("end", () => {
      this.#closed = true;
      this.#wake();
    });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.child.stdin?.on("error", () => undefined); // a backend that left first
  }

  send(status: FrameStatus, payload?: string | Buffer): void {
    this.child.stdin?.write(encodeFrame(status, Buffer.from(payload ?? "")));
  }

  command(text: string | Buffer): void {
    this.send("C", Buffer.concat([Buffer.from(text), Buffer.from("\n")]));
  }

  /** The next frame; undefined when the backend has closed its output. */
  async next(): Promise<Frame | undefined> {
    while (this.#frames.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** The next frame, which must have this status. */
  async expect(status: FrameStatus): Promise<Buffer> {
    const frame = await this.next();
    if (frame?.status !== status) {
      const seen =
        frame === undefined ? "the end of output" : `${frame.status} ${frame.payload.toString()}`;
      throw new Error(`wanted ${status}, got ${seen}; ${this.stderr}`);
    }
    return frame.payload;
  }

  async expectCommand(): Promise<string> {
    return commandText(await this.expect("C")).toString();
  }

  /** Everything up to the end of the dialogue or of the output. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let frame = await this.next(); frame; frame = await this.next()) {
      frames.push(frame);
      if (frame.status === "F" || frame.status === "A") return frames;
    }
    return frames;
  }

  /** Hello, job and parameters, all answered; what comes next is up to the test. */
  async configure(
    job: Record<string, string>,
    params: readonly (string | Buffer)[],
  ): Promise<void> {
    this.command(HPC1);
    await this.expect("C");
    this.command("Job");
    for (const [key, value] of Object.entries({ Name: "test", JobID: "1", Type: "B", ...job })) {
      this.command(`${key}=${value}`);
    }
    this.send("F");
    await this.expect("F");
    this.command("Params");
    for (const pair of params) this.command(pair);
    this.send("F");
  }

  async start(command: string): Promise<void> {
    await this.expect("F");
    this.command(command);
    await this.expect("F");
  }

  /** END, F, T, and the exit. */
  async finish(): Promise<Answer> {
    this.command("END");
    await this.expect("F");
    this.send("T");
    return this.exit();
  }

  exit(): Promise<Answer> {
    return this.#exit;
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

export const HPC1 = "Hello podheitor-hpc hpc/1";

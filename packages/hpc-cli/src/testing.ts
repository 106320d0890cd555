import { PassThrough, Readable, Writable } from "node:stream";
import type { Io, Sink } from "./io";
import { run } from "./run";

/* Stand-ins for the process around a command; used by tests only. */

export interface Collector extends Sink {
  bytes(): Buffer;
  text(): string;
}

/** A stream that keeps what is written to it. */
export function collector(terminal: { isTTY?: boolean; columns?: number } = {}): Collector {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const bytes = () => Buffer.concat(chunks);
  return Object.assign(stream, terminal, { bytes, text: () => bytes().toString("utf8") });
}

export interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The objects of --json. */
  readonly objects: Record<string, unknown>[];
}

/** Runs one command line in this process. */
export async function runCommand(
  argv: readonly string[],
  given: Partial<Io> & { input?: Buffer } = {},
): Promise<Ran> {
  const stdout = collector();
  const stderr = collector();
  const stdin =
    given.stdin ??
    (given.input === undefined ? new PassThrough().end() : Readable.from([given.input]));
  const code = await run(argv, {
    stdout,
    stderr,
    signal: given.signal ?? new AbortController().signal,
    ...given,
    stdin,
  });
  const text = stdout.text();
  const words = argv.indexOf("--");
  const objects = argv.slice(0, words < 0 ? argv.length : words).includes("--json")
    ? text
        .split("\n")
        .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]))
    : [];
  return { code, stdout: stdout.bytes(), stderr: stderr.text(), objects };
}

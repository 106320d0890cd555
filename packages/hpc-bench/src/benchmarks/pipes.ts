import { RELAY_PIPE_BYTES } from "../by-hand";
import { takePart } from "../peers";
import { type Benchmark, type BenchSetup, count, KIB, WIDE, WIDE_PIPE } from "./setup";

/** Of an entry of `bench-part synthetic` on the pipe: header, head, name, end. */
const BYTES_PER_ENTRY = 168;
const nothing = async () => undefined;

/** Entries from memory to a drained pipe, as frames, beside as many bytes that C writes. */
export function emit({ entries, ourselves, tools }: BenchSetup): Benchmark[] {
  const argv = [...ourselves, "bench-part", "synthetic", "--entries", String(entries)] as const;
  const write = (program: string) => [program, "write", String(entries * BYTES_PER_ENTRY)] as const;
  const { contestants, missing } = takePart([
    {
      name: "write (C), as many bytes",
      program: tools.pipelimit,
      argv: write,
      how: { output: "pipe" },
    },
    {
      name: `write (C), ${WIDE}`,
      program: tools.pipelimit,
      argv: write,
      how: { output: WIDE_PIPE },
    },
  ]);
  return [
    {
      name: "emit",
      title: "Entries from memory to a drained pipe",
      facts: `${count(entries)} frames of about ${BYTES_PER_ENTRY} bytes`,
      contestants: [{ name: "podheitor-hpc", argv, output: "pipe" }, ...contestants],
      missing,
      prepare: nothing,
      clean: nothing,
    },
  ];
}

/**
 * A Unix socket to standard output, in frames. The last contestant is no relay: the sender's socket
 * is what the reader reads, so that all there is are the two copies that a relay cannot spare them.
 */
export function relay({ largeBytes, ourselves, tools }: BenchSetup): Benchmark[] {
  const { pipelimit } = tools;
  const sent = (to: (pipelimit: string) => readonly string[]) => (program: string) =>
    [program, "send", String(largeBytes), ...to(program)] as const;
  const { contestants, missing } = takePart([
    {
      name: "podheitor-hpc",
      program: pipelimit,
      argv: sent(() => [...ourselves, "bench-part", "relay"]),
      how: { output: "pipe" },
    },
    {
      name: "read + write (C)",
      program: pipelimit,
      argv: sent((program) => [program, "relay"]),
      how: { output: "pipe" },
    },
    ...[RELAY_PIPE_BYTES, WIDE_PIPE.pipeBytes].map((pipeBytes) => ({
      name: `read + write (C), pipe of ${pipeBytes / KIB} KiB`,
      program: pipelimit,
      argv: sent((program) => [program, "relay"]),
      how: { output: { pipeBytes } },
    })),
    {
      name: "no relay: read from the socket (C)",
      program: pipelimit,
      argv: sent((program) => [program, "drain"]),
    },
  ]);
  return [
    {
      name: "relay",
      title: "Unix socket to a drained pipe, in frames",
      facts: `${count(Math.round(largeBytes / 2 ** 20))} MiB; our pipe: ${RELAY_PIPE_BYTES / KIB} KiB`,
      contestants,
      missing,
      prepare: nothing,
      clean: nothing,
    },
  ];
}

import { takePart } from "../peers";
import { type Benchmark, type BenchSetup, count } from "./setup";

/** Of an entry of `bench synthetic` on the pipe: header, head, name, end. */
const BYTES_PER_ENTRY = 168;
const nothing = () => undefined;

/** Entries from memory to a drained pipe, as frames, beside as many bytes that C writes. */
export function emit({ entries, ourselves, tools }: BenchSetup): Benchmark[] {
  const argv = [...ourselves, "bench", "synthetic", "--entries", String(entries)] as const;
  const { contestants, missing } = takePart([
    {
      name: "write (C), as many bytes",
      program: tools.pipelimit,
      argv: (program) => [program, "write", String(entries * BYTES_PER_ENTRY)],
      how: { output: "pipe" },
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

/** A Unix socket to standard output, in frames. */
export function relay({ largeBytes, ourselves, tools }: BenchSetup): Benchmark[] {
  const { contestants, missing } = takePart([
    {
      name: "podheitor-hpc",
      program: tools.pipelimit,
      argv: (program) => [program, "send", String(largeBytes), ...ourselves, "bench", "relay-once"],
      how: { output: "pipe" },
    },
    {
      name: "read + write (C)",
      program: tools.pipelimit,
      argv: (program) => [program, "send", String(largeBytes), program, "relay"],
      how: { output: "pipe" },
    },
  ]);
  return [
    {
      name: "relay",
      title: "Unix socket to a drained pipe, in frames",
      facts: `${count(Math.round(largeBytes / 2 ** 20))} MiB`,
      contestants,
      missing,
      prepare: nothing,
      clean: nothing,
    },
  ];
}

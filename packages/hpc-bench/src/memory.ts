import type { StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { barChart, table } from "@podheitor/hpc-report";
import { runToEnd } from "./child";
import { startDrain } from "./drain";
import { environment } from "./environment";
import { HpcError } from "./errors";

/** What a program's memory was while it ran. */
export interface MemoryRun {
  readonly name: string;
  readonly seconds: number;
  /** The kernel's maximum (VmHWM of proc(5)), bytes. */
  readonly peak: number;
  /** VmRSS once a second, bytes. */
  readonly samples: readonly number[];
}

const SAMPLE_MS = 1000;
const LOOK_MS = 20;
const MINUTE = 60;
const MIB = 2 ** 20;

/**
 * Runs a program whose standard output somebody drains, and watches its memory. Throws
 * HPC_BENCH_FAILED.
 */
export async function watchMemory(
  name: string,
  argv: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<MemoryRun> {
  const drain = startDrain();
  const started = performance.now();
  const samples: number[] = [];
  let peak = 0;
  let pid = 0;
  const look = () => {
    const status = memoryOf(pid);
    peak = Math.max(peak, status.peak);
    if (performance.now() - started >= samples.length * SAMPLE_MS && status.now > 0)
      samples.push(status.now);
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    const stdio: StdioOptions = ["ignore", drain.fd, "inherit"];
    const { code, killed } = await runToEnd(
      argv,
      { stdio, env: environment() },
      signal,
      (child) => {
        pid = child.pid ?? 0;
      },
    );
    const seconds = (performance.now() - started) / 1000;
    if (code !== 0)
      throw new HpcError(
        "HPC_BENCH_FAILED",
        `${name} ended with ${killed ?? code}`,
        `By hand: ${argv.join(" ")}.`,
      );
    return { name, seconds, peak, samples };
  } finally {
    clearInterval(timer);
    await drain.end();
  }
}

/** VmHWM and VmRSS of proc(5), bytes; 0 when the process has ended. */
export function memoryOf(pid: number): { peak: number; now: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kib = (field: string) =>
      1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
    return { peak: kib("VmHWM"), now: kib("VmRSS") };
  } catch {
    return { peak: 0, now: 0 };
  }
}

/** A row to each run, in Markdown. */
export function memoryTable(runs: readonly MemoryRun[]): string {
  const mib = (bytes: number) => Math.round(bytes / MIB);
  const rows = runs.map(({ name, seconds, peak, samples }) => {
    const later = samples.slice(MINUTE).map(mib);
    const flat = later.length > 0 ? `${Math.min(...later)} to ${Math.max(...later)} MiB` : "";
    return [name, seconds.toFixed(1), `${mib(peak)} MiB`, flat];
  });
  return table(["run", "seconds", "peak RSS", "after the first minute"], rows);
}

export function memoryPlot(runs: readonly MemoryRun[]): string {
  const bars = runs.map(({ name, peak }) => ({
    label: name,
    value: peak,
    text: `${Math.round(peak / MIB)} MiB`,
  }));
  return barChart("Peak memory of the backend", bars);
}

import { readFileSync } from "node:fs";

/**
 * The most memory this process was ever resident with, in bytes: `VmHWM` of proc(5), which begins
 * anew with execve(2). The maximum of getrusage(2) does not: it counts the memory of whoever
 * started us, as it was at that moment.
 */
export function peakRss(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status())?.[1];
  return kibibytes === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kibibytes) * 1024;
}

/** Nothing where there is no /proc. */
function status(): string {
  try {
    return readFileSync("/proc/self/status", "latin1");
  } catch {
    return "";
  }
}

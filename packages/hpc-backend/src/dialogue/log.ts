import { appendFileSync } from "node:fs";

const file = process.env["PODHEITOR_HPC_LOG"];

/**
 * One line to the file that PODHEITOR_HPC_LOG names; without it nothing. Never on standard output,
 * never on standard error.
 */
export function log(text: string): void {
  if (file === undefined || file === "") return;
  try {
    appendFileSync(file, `${new Date().toISOString()} [${process.pid}] ${text}\n`);
  } catch {
    // A log that cannot be written must not end a job.
  }
}

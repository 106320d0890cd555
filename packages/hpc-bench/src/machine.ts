import { cpus, release, totalmem } from "node:os";
import { filesystemOf } from "@podheitor/hpc-native";

/** What figures depend on beside the programs: one line. */
export function machineFacts(folder: string): string {
  const [cpu] = cpus();
  const filesystem = filesystemOf(Buffer.from(folder)).type;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${memory} GiB, Linux ${release()}, Node ${process.version}, ${filesystem}`;
}

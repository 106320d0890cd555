import { execFileSync } from "node:child_process";

/** Names and values in hex, as getfattr(1) sees them. */
export function xattrsOf(file: string): Record<string, string> {
  const text = execFileSync(
    "getfattr",
    ["-h", "-d", "-m", "-", "-e", "hex", "--absolute-names", file],
    {
      encoding: "utf8",
    },
  );
  return Object.fromEntries(
    [...text.matchAll(/^([^#=\n]+)(?:=0x([0-9a-f]*))?$/gm)].map(([, n, v]) => [n, v ?? ""]),
  );
}

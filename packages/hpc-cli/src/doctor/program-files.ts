import { existsSync } from "node:fs";
import { join } from "node:path";
import { builtBackend } from "@podheitor/hpc-cdylib";
import { loadedBeside, TRUST_REMEDY, untrusted } from "@podheitor/hpc-native";
import { type Finding, failed, missing, ok } from "./finding";

/** Where this code is part of a bundle. */
const COMMAND = join(__dirname, "podheitor-hpc.cjs");

/**
 * Whether nobody but root (and whoever runs the doctor) can change what runs as root: Node, the
 * programs, and what they load.
 */
export function programFiles(
  programs: readonly string[] = builtPrograms(),
  node = process.execPath,
): Finding {
  const files = [node, ...programs.flatMap((program) => [program, ...loadedBeside(program)])];
  const doubts = new Set(
    files.map((file) => untrusted(file)).filter((doubt) => doubt !== undefined),
  );
  if (doubts.size === 0)
    return ok("program files", `${files.length} files, which nobody else can change`);
  // To whoever is not root it matters only once root runs them.
  const finding = process.geteuid?.() === 0 ? failed : missing;
  return finding(
    "program files",
    `root must not run them, as ${[...doubts].join("; ")}`,
    TRUST_REMEDY,
  );
}

function builtPrograms(): string[] {
  const command = existsSync(COMMAND) ? [COMMAND] : [];
  try {
    return [builtBackend(), ...command];
  } catch {
    return command; // a finding of its own
  }
}

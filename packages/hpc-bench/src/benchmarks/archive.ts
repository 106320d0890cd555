import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findProgram, takePart } from "../peers";
import { makeBenchTree } from "../trees";
import { type Benchmark, type BenchSetup, count, fresh, KIB, remove, roomOf } from "./setup";

/**
 * Of a file in an archive and in restic's repository and cache, together: tar has a header of 512
 * bytes to it, and all contents are the same.
 */
const SAVED_BYTES = 2 * KIB;

/** Saves small files to an archive. */
export function archive({ folder, entries, ourselves }: BenchSetup): Benchmark[] {
  const { names, bytes } = roomOf("ordinary", entries, KIB);
  const [tree, saved, repository] = [
    join(folder, "tree"),
    join(folder, "saved"),
    join(folder, "restic"),
  ];
  const cache = join(folder, "restic-cache");
  const password = "RESTIC_PASSWORD=bench";
  const common = ["-q", "--cache-dir", cache, "-r", repository];
  const { contestants, missing } = takePart([
    {
      name: "tar cf - | cat",
      program: findProgram("tar"),
      argv: () => ["sh", "-c", 'tar cf - -C "$1" . | cat', "sh", tree],
      how: { output: { file: saved } },
    },
    {
      name: "restic",
      program: findProgram("restic"),
      argv: (restic) => ["env", password, restic, ...common, "backup", tree],
      how: {
        prepare: async () => {
          await remove(repository, cache);
          execFileSync("env", [password, "restic", ...common, "init"]);
        },
      },
    },
  ]);
  const ours = [...ourselves, "backup", "--path", tree, "--archive", saved] as const;
  return [
    {
      name: "archive",
      title: "Archive of 1 KiB files",
      facts: `${count(entries)} names, 1 KiB in each file; warm; to a file beside the tree`,
      contestants: [
        { name: "podheitor-hpc", argv: ours, prepare: () => remove(saved) },
        ...contestants,
      ],
      missing,
      needs: { names, bytes: bytes + names * SAVED_BYTES },
      prepare: (how) => fresh(tree, () => makeBenchTree(tree, "ordinary", entries, KIB, how)),
      clean: () => remove(tree, saved, repository, cache),
    },
  ];
}

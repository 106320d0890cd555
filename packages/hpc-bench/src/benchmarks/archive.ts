import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findProgram, takePart } from "../peers";
import { makeBenchTree } from "../trees";
import { type Benchmark, type BenchSetup, count, fresh, KIB, remove } from "./setup";

/** Saves small files to an archive. */
export function archive({ folder, entries, ourselves }: BenchSetup): Benchmark[] {
  const [tree, saved, repository] = [join(folder, "tree"), join(folder, "saved"), join(folder, "restic")];
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
        prepare: () => {
          remove(repository);
          remove(cache);
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
      contestants: [{ name: "podheitor-hpc", argv: ours, prepare: () => remove(saved) }, ...contestants],
      missing,
      names: entries,
      prepare: () => fresh(tree, () => makeBenchTree(tree, "ordinary", entries, KIB)),
      clean: () => [tree, saved, repository, cache].forEach(remove),
    },
  ];
}

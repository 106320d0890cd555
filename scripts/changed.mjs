// npm test -- --changed: what a change since main concerns. The C suites of what changed in C, and
// of what is built from it; the unit tests that import a changed file, or the library that C makes.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

/** Folders of shim-c whose tests are run for a change in the folder: those that include it. */
const SUITES = {
  wire: ["wire", "scan", "restore", "fd-plugin"],
  path: ["path", "scan", "restore", "fd-plugin"],
  restore: ["restore", "fd-plugin"],
};
/** What opens each library: tests that import this file use what C made. */
const OPENS = { scan: "libhpcscan", restore: "libhpcrestore", "fd-plugin": "podheitor-hpc-fd.so" };

/** Files that differ from where this branch left main, and new ones. */
export function changedFiles() {
  const git = (...words) =>
    execFileSync("git", words, { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean);
  const base = git("merge-base", "main", "HEAD")[0].trim();
  const files = [
    ...git("diff", "--name-only", "-z", base),
    ...git("ls-files", "--others", "--exclude-standard", "-z"),
  ];
  return [...new Set(files)];
}

/** What is to be run for these files: `suites` of shim-c, and `related` files of TypeScript. */
export function concerned(files) {
  const touched = (folder) => files.some((file) => file.startsWith(`shim-c/${folder}/`));
  const folders = readdirSync(join(root, "shim-c")).filter(touched);
  const suites = [...new Set(folders.flatMap((folder) => SUITES[folder] ?? [folder]))].filter(
    (suite) => existsSync(join(root, "shim-c", suite, "test")),
  );
  const libraries = suites.flatMap((suite) => OPENS[suite] ?? []);
  const isCode = (file) => /\.(ts|mjs|cjs)$/.test(file) && existsSync(join(root, file));
  const related = [...files.filter(isCode), ...sources().filter((file) => opens(file, libraries))];
  // A page is held by tests that read it and do not import it.
  if (files.some((file) => /\.md$/.test(file))) related.push(...sources().filter(readsPages));
  return { suites, related: [...new Set(related)] };
}

function sources() {
  const folders = readdirSync(join(root, "packages")).flatMap((name) =>
    ["src", "test"].map((folder) => `packages/${name}/${folder}`),
  );
  return [...folders, "scripts"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true })
        .map((name) => join(folder, name))
        .filter((file) => file.endsWith(".ts") && statSync(join(root, file)).isFile()),
    );
}

const textOf = (file) => readFileSync(join(root, file), "utf8");
const opens = (file, libraries) =>
  libraries.length > 0 && libraries.some((name) => textOf(file).includes(name));
const readsPages = (file) => file.endsWith(".test.ts") && /\.md\b/.test(textOf(file));

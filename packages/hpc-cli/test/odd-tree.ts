import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "@jest/globals";

/* A small tree that has every difficulty in its names; used by tests only. */

const ODD = Buffer.from([0x6f, 0xff, 0x0a, 0x22, 0x20]);

/** How Node starts the program from source. */
export const MAIN = join(__dirname, "../src/main.ts");
export const NODE: readonly string[] = ["--import", "tsx", "--conditions=@podheitor/source", MAIN];

/** Of the tests of one file: nine entries, made once. */
export class OddTree {
  #scratch = "";
  #work = "";

  constructor() {
    beforeAll(() => this.#make());
    afterAll(() => rmSync(this.#scratch, { recursive: true }));
    beforeEach(() => {
      this.#work = mkdtempSync(join(this.#scratch, "work-"));
    });
  }

  get path(): string {
    return join(this.#scratch, "tree");
  }

  /** An empty directory, another one for each test. */
  get work(): string {
    return this.#work;
  }

  get archive(): string {
    return join(this.#work, "a.hpc");
  }

  /** The path of its entry that is no text. */
  get odd(): Buffer {
    return Buffer.concat([Buffer.from(`${this.path}/`), ODD]);
  }

  #make(): void {
    this.#scratch = mkdtempSync(join(tmpdir(), "hpc-cli-"));
    const tree = this.path;
    mkdirSync(join(tree, "dir/empty"), { recursive: true });
    writeFileSync(join(tree, "dir/large"), Buffer.alloc(3_000_000, "large"));
    writeFileSync(join(tree, "small"), "small");
    writeFileSync(join(tree, "none"), "");
    linkSync(join(tree, "small"), join(tree, "dir/other-name"));
    symlinkSync("nowhere", join(tree, "symlink"));
    writeFileSync(this.odd, "odd");
    for (const path of ["dir/empty", "dir", "."])
      utimesSync(join(tree, path), 1_000_000_000.5, 1_000_000_000.5);
  }
}

/** GNU find's and sha256sum's view of a tree: what must be the same after a restore. */
export function view(directory: string): string {
  const script = `cd "$1" && find . -printf '%p %y %s %m %U %G %T@ %l %n\\0' | LC_ALL=C sort -z | tr '\\0' '\\n'; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -z | tr '\\0' '\\n'`;
  // Sizes of directories depend on their history.
  return execFileSync("bash", ["-c", script, "bash", directory], { encoding: "latin1" }).replaceAll(
    / d \d+ /g,
    " d ",
  );
}

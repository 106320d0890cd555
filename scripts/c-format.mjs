// npm run format:c [-- --write]: every C source is as clang-format 14 writes it (.clang-format).
import { spawnSync } from "node:child_process";
import { has, root, say, stop } from "./steps.mjs";

const program = ["clang-format-14", "clang-format"].find(has);
if (!program) stop("no clang-format", "on Debian: apt-get install clang-format-14");
const listed = spawnSync("git", ["ls-files", "-z", "*.c", "*.h"], { cwd: root, encoding: "utf8" });
const files = listed.stdout.split("\0").filter(Boolean);
if (files.length === 0) stop("no C sources found", "run it in a clone of the repository");
const how = process.argv.includes("--write") ? ["-i"] : ["--dry-run", "-Werror"];
const { status } = spawnSync(program, [...how, ...files], { cwd: root, stdio: "inherit" });
if (status !== 0) say("npm run format:c -- --write formats them");
process.exit(status ?? 1);

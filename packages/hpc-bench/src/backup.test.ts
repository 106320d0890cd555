import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BACKUPS, measureBackups } from "./backup";

const checkout = mkdtempSync(join(tmpdir(), "hpc-bench-backup-"));
const inJestsPlace = join(checkout, "node_modules/jest/bin/jest.js");
beforeAll(() => void mkdirSync(join(inJestsPlace, ".."), { recursive: true }));
afterAll(() => rmSync(checkout, { recursive: true }));

let runs = 0;

/**
 * Measures with a program in jest's place; returns what was kept. It sees its `words`, and writes a
 * result by `save(name, text)`.
 */
async function measured(
  program: string,
  names: readonly string[],
  signal = new AbortController().signal,
) {
  writeFileSync(
    inJestsPlace,
    `const { PODHEITOR_HPC_BENCH_SAVE: folder } = process.env, words = process.argv.slice(2);
     const save = (name, text) => require("node:fs").writeFileSync(folder + "/" + name + ".md", text);
     ${program}`,
  );
  const kept: string[] = [];
  await measureBackups({
    checkout,
    folder: join(checkout, `results-${runs++}`),
    entries: 1,
    rounds: 1,
    contests: BACKUPS.filter(({ name }) => names.includes(name)),
    signal,
    keep: async ({ name, text }) => void kept.push(`${name}: ${text}`),
    left: (folder) => void kept.push(`left ${folder}`),
  }).catch((error: Error) => kept.push(error.message));
  return kept;
}

test("of the lab's tests those run whose contests are asked for", async () => {
  const program =
    'save("latency-9.6.7", words[words.indexOf("--testNamePattern") + 1] + " " + words.slice(-1))';
  const [kept] = await measured(program, ["latency-9.6.7"]);
  expect(kept).toBe(
    `latency-9.6.7: ^(latency-9\\.6\\.7): ${checkout}/packages/hpc-lab/test/file-daemon.lab.ts`,
  );
});

test("what was measured is kept when a test failed, and what was not is named", async () => {
  const kept = await measured('save("topologies", "t"); process.exit(1)', [
    "topologies",
    "latency-9.6.7",
  ]);
  expect(kept).toEqual(["topologies: t", "not measured: latency-9.6.7; the lab ended with 1"]);
});

test("a cancelled run waits for the lab's end, keeps what there is, ends the daemons and removes what they left", async () => {
  const abort = new AbortController();
  const program = `process.on("SIGTERM", () => { save("topologies", process.env.TMPDIR); process.exit(1) });
     require("node:fs").writeFileSync(process.env.TMPDIR + "/left", "");
     save("ready", "");
     setInterval(() => {}, 1000)`;
  const down = "test -e $TMPDIR/left && echo >down"; // in the place of what ends the daemons; npm adds its words
  writeFileSync(join(checkout, "package.json"), JSON.stringify({ scripts: { lab: down } }));
  const ready = join(checkout, `results-${runs}`, "ready.md");
  const waiting = setInterval(() => {
    if (existsSync(ready)) abort.abort(new Error("cancelled"));
  }, 5);
  const kept = await measured(program, ["topologies"], abort.signal);
  clearInterval(waiting);
  expect(kept).toEqual(["ready: ", expect.stringContaining("topologies: /"), "cancelled"]);
  expect(readFileSync(join(checkout, "down"), "latin1")).toBe("bacula down\n");
  expect(existsSync(kept[1]?.slice("topologies: ".length) ?? "")).toBe(false);
}, 30_000);

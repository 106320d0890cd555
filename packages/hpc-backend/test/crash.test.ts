import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { TestPlugin } from "./plugin";

/*
 * An exception that nobody foresaw, thrown from outside into the backend as it runs: Node loads the
 * module below before the backend, and the signal makes it throw out of the event loop, where no
 * code of ours stands above it.
 */
const PLANTED = `
  process.on("SIGUSR2", () => { throw new Error("planted"); });
  process.on("SIGWINCH", () => { void Promise.reject(new Error("planted")); });
`;

let scratch: string;
let plugin: TestPlugin;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-crash-"));
  writeFileSync(join(scratch, "planted.cjs"), PLANTED);
  for (let i = 0; i < 8; i++) writeFileSync(join(scratch, `big${i}`), Buffer.alloc(4 << 20, i));
});
afterAll(() => rmSync(scratch, { recursive: true }));
afterEach(() => plugin.kill());

const withPlanted = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  new TestPlugin(args, { ...env, NODE_OPTIONS: `--require ${join(scratch, "planted.cjs")}` });

const WAYS = [
  ["an exception", "SIGUSR2"],
  ["a rejection", "SIGWINCH"],
] as const;

describe.each(WAYS)("%s that nobody handles", (_what, signal) => {
  test("aborts the job with its reason, and exits 70", async () => {
    const logFile = join(scratch, `log-${signal}`);
    plugin = withPlanted(["backup"], { PODHEITOR_HPC_LOG: logFile });
    await plugin.configure({ Type: "B", Level: "F" }, [`path=${scratch}`]);
    await plugin.expect("F");
    plugin.child.kill(signal);
    expect((await plugin.expect("A")).toString().trimEnd()).toBe(
      "podheitor-hpc-backend failed: Error: planted",
    );
    expect(await plugin.next()).toBeUndefined();
    expect(await plugin.exit()).toMatchObject({ code: 70, signal: null });
    expect(plugin.stderr).toBe("");
    // The log keeps where it came from.
    expect(readFileSync(logFile, "utf8")).toMatch(/crash: Error: planted\n +at /);
  });

  test("in mid job, with a receiver that does not read", async () => {
    plugin = withPlanted(["backup"]);
    await plugin.configure({ Type: "B", Level: "F" }, [`path=${scratch}`]);
    await plugin.start("BackupStart");
    await plugin.expect("M");
    plugin.child.stdout?.pause();
    plugin.child.kill(signal);
    expect(await plugin.exit()).toMatchObject({ code: 70, signal: null });
    expect(plugin.stderr).toBe("");
  });

  test("by hand: said on standard error, and exit 70", async () => {
    plugin = withPlanted(["backup", `--path=${scratch}`]);
    await plugin.expect("M");
    plugin.child.stdout?.pause();
    plugin.child.kill(signal);
    expect(await plugin.exit()).toMatchObject({ code: 70, signal: null });
    expect(plugin.stderr).toMatch(/^podheitor-hpc-backend failed: Error: planted\n +at /);
  });
});

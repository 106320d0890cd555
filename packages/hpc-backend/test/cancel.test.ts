import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { HPC1, TestPlugin } from "./plugin";

let tree: string;
let plugin: TestPlugin;

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), "hpc-cancel-"));
  // Far more than a pipe and every buffer in between can hold.
  for (let i = 0; i < 8; i++) writeFileSync(join(tree, `big${i}`), Buffer.alloc(8 << 20, i));
});
afterAll(() => rmSync(tree, { recursive: true }));
afterEach(() => plugin.kill());

/** Bytes that the process has written so far. */
function written(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "latin1"))?.[1]);
}

/** Starts a backup, stops reading, and waits until nothing moves any more: the pipe is full. */
async function blocked(): Promise<TestPlugin> {
  plugin = new TestPlugin();
  await plugin.configure({ Type: "B", Level: "F" }, [`path=${tree}`]);
  await plugin.start("BackupStart");
  plugin.child.stdout?.pause();
  const pid = plugin.child.pid ?? 0;
  let last = -1;
  for (let still = 0, tries = 0; still < 5; tries++) {
    if (tries > 500) throw new Error("the pipe never filled");
    const now = written(pid);
    still = now === last && now > 60_000 ? still + 1 : 0;
    last = now;
    await after(20);
  }
  return plugin;
}

const WAYS: readonly [string, (plugin: TestPlugin) => void][] = [
  ["end of input", (p) => p.child.stdin?.end()],
  ["a T frame", (p) => p.send("T")],
  ["SIGTERM", (p) => p.child.kill("SIGTERM")],
  ["SIGUSR1", (p) => p.child.kill("SIGUSR1")],
  ["a receiver that is gone", (p) => p.child.stdout?.destroy()],
];

describe("a backup with a full pipe", () => {
  test.each(WAYS)("ends on %s, though nobody reads", async (way, cancel) => {
    const backend = await blocked();
    cancel(backend);
    const { code, signal } = await backend.exit(); // that of a process which killed itself is another
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    // Neither a stack trace nor the inspector's greeting.
    expect(backend.stderr).toBe(
      way.startsWith("SIG") ? `podheitor-hpc-backend: ended by ${way}\n` : "",
    );
  });
});

test("SIGUSR1 before the first word ends it as well", async () => {
  plugin = new TestPlugin();
  plugin.command(HPC1);
  await plugin.expect("C");
  plugin.child.kill("SIGUSR1");
  expect((await plugin.exit()).code).toBe(1);
  expect(plugin.stderr).toBe("podheitor-hpc-backend: ended by SIGUSR1\n");
});

describe("a backend that waits for an answer", () => {
  async function waiting(): Promise<TestPlugin> {
    plugin = new TestPlugin();
    const since = String(Math.floor(Date.now() / 1000) + 3600);
    await plugin.configure({ Level: "I", Since: since, Accurate: "1" }, [`path=${tree}`]);
    await plugin.start("BackupStart");
    await plugin.expect("K");
    return plugin;
  }

  test("leaves on T", async () => {
    const backend = await waiting();
    backend.send("T");
    expect(await backend.exit()).toMatchObject({ code: 1, signal: null });
  });

  test("says every five seconds that it is alive", async () => {
    const before = performance.now(); // its last word comes after this
    const backend = await waiting();
    await backend.expect("H");
    expect(performance.now() - before).toBeGreaterThanOrEqual(5000);
  });
});

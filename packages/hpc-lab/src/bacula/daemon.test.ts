import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { alive, freePorts, processOf, startDaemon, stopProcesses } from "./daemon";

const folder = mkdtempSync(join(tmpdir(), "hpc-daemon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serve = "require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1')";
const node = (script: string, port: number) => [process.execPath, "-e", script, String(port)];

test("a daemon is up when it listens, and down when told so", async () => {
  const [port = 0] = await freePorts(1);
  const log = join(folder, "serve.log");
  const id = await startDaemon({ name: "server", argv: node(serve, port), port, log, tied: true });
  expect(alive(id)).toBe(true);
  await stopProcesses([id]);
  expect(alive(id)).toBe(false);
});

test("one that ignores SIGTERM is killed", async () => {
  const [port = 0] = await freePorts(1);
  const script = `process.on('SIGTERM', () => {}); ${serve}`;
  const id = await startDaemon({
    name: "deaf",
    argv: node(script, port),
    port,
    log: join(folder, "deaf.log"),
    tied: true,
  });
  await stopProcesses([id]);
  expect(alive(id)).toBe(false);
});

test("one that ends at once is reported with its last words", async () => {
  const [port = 0] = await freePorts(1);
  const argv = node("console.error('no such table'); process.exit(3)", port);
  const start = startDaemon({
    name: "broken",
    argv,
    port,
    log: join(folder, "broken.log"),
    tied: true,
  });
  await expect(start).rejects.toThrow(/broken does not listen[\s\S]*no such table/);
});

test("a program that does not exist is an error, not a hang", async () => {
  const start = startDaemon({
    name: "x",
    argv: ["/no/such/program"],
    port: 1,
    log: join(folder, "x.log"),
    tied: false,
  });
  await expect(start).rejects.toThrow(/ENOENT/);
});

test("a number that another process has got is not taken for the old one", () => {
  const me = processOf(process.pid);
  expect(me && alive(me)).toBe(true);
  expect(alive({ pid: process.pid, started: "1" })).toBe(false);
});

test("ports that are taken are not handed out", async () => {
  const ports = await freePorts(3);
  expect(new Set(ports).size).toBe(3);
  for (const port of ports) {
    const server = createServer();
    await new Promise<void>((resolve, reject) =>
      server.once("error", reject).listen(port, "127.0.0.1", resolve),
    );
    await new Promise((resolve) => server.close(resolve));
  }
});

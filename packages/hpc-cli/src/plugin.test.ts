import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { runCommand } from "./testing";

/* `plugin build`, `install` and `check` on the real plugin, with a backend that answers the greeting. */

jest.setTimeout(120_000);

let scratch: string;
let dir: string;
let backend: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-cli-plugin-"));
  dir = join(scratch, "plugins");
  backend = join(scratch, "backend.cjs");
  mkdirSync(dir);
  writeFileSync(
    backend,
    `process.stdout.write("C000026\\nHello podheitor-hpc hpc/1\\n"); process.stdin.on("end", () => process.exit(0)).resume();`,
  );
});
afterEach(() => rmSync(scratch, { recursive: true }));

test("build, install, check, and check again when something was spoiled", async () => {
  const built = await runCommand(["plugin", "build", "--json"]);
  expect(built.objects).toEqual([
    { plugin: expect.stringMatching(/podheitor-hpc-fd\.so$/), host: expect.any(String) },
  ]);

  const installed = await runCommand([
    "plugin",
    "install",
    "--plugin-dir",
    dir,
    "--backend",
    backend,
  ]);
  expect([installed.code, installed.stderr]).toEqual([0, ""]);
  expect(installed.stdout.toString()).toMatch(/podheitor-hpc-fd\.so installed\n.*restart it/s);

  // What the operator changed in the configuration stays, and is said.
  const conf = join(dir, "podheitor-hpc-fd.conf");
  writeFileSync(conf, `backend = ${backend}\nnode = ${process.execPath}\nstall-limit = 300\n`);
  const again = await runCommand(["plugin", "install", "--plugin-dir", dir, "--backend", backend]);
  expect([again.code, again.stderr]).toEqual([
    3,
    expect.stringMatching(/^podheitor-hpc: warning: .*\.conf was changed .*\.conf\.new\n$/),
  ]);
  expect(readFileSync(conf, "utf8")).toContain("stall-limit = 300");

  const good = await runCommand(["plugin", "check", "--plugin-dir", dir]);
  expect(good.stdout.toString()).toMatch(/^(ok .*\n){9}$/);
  expect(good.code).toBe(0);
  const doctor = await runCommand([
    "doctor",
    "--plugin-dir",
    relative(process.cwd(), dir),
    "--json",
  ]);
  expect(doctor.objects[0]).toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ name: "plugin", status: "ok" })]),
  });

  const before = readFileSync(conf);
  appendFileSync(conf, "stall = 1\n");
  const spoiled = await runCommand(["plugin", "check", "--plugin-dir", dir]);
  expect(spoiled.stdout.toString()).toMatch(
    /^FAILED {2}configuration .*unknown key "stall"\n +→ Correct it, or remove/m,
  );
  writeFileSync(conf, before);

  chmodSync(backend, 0o666);
  const bad = await runCommand(["plugin", "check", join(dir, "podheitor-hpc-fd.so")]);
  expect(bad.stdout.toString()).toMatch(
    /^FAILED {2}backend .*writable by group or others.*\n +→ Run `chown root`/m,
  );
  expect(bad.code).toBe(1);
});

test("what cannot be installed is one line, and exit 1", async () => {
  const { code, stderr } = await runCommand([
    "plugin",
    "install",
    "--plugin-dir",
    join(scratch, "none"),
    "--backend",
    backend,
  ]);
  expect(stderr).toMatch(
    /^podheitor-hpc: the plugin directory .*none does not exist. Give the [^\n]+\n$/,
  );
  expect(code).toBe(1);
});

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type BuiltPlugin, buildPlugin } from "./build";
import { checkPlugin, type PluginCheck } from "./check";
import { installPlugin } from "./install";
import { CONF_NAME } from "./locate";

/* The real plugin, built here, and looked at as an operator would; its backend is a script that answers the greeting. */

const HELLO = "C000026\\nHello podheitor-hpc hpc/1\\n";
const GREETS = `process.stdout.write("${HELLO}"); process.stdin.on("end", () => process.exit(0)).resume();`;

let built: BuiltPlugin;
let scratch: string;
let pluginDir: string;
let backend: string;

beforeAll(async () => {
  built = await buildPlugin();
}, 120_000);
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-plugin-"));
  pluginDir = join(scratch, "plugins");
  backend = join(scratch, "backend.cjs");
  mkdirSync(pluginDir);
  writeFileSync(backend, GREETS);
});
afterEach(() => rmSync(scratch, { recursive: true }));

const failures = (check: PluginCheck) =>
  check.checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);

describe("buildPlugin", () => {
  test("says what is missing", async () => {
    await expect(buildPlugin({ compiler: "/none/cc" })).rejects.toMatchObject({
      code: "HPC_NO_COMPILER",
      message: expect.stringContaining("/none/cc cannot be run"),
      remedy: expect.stringContaining("apt-get install gcc make"),
    });
  });
});

describe("checkPlugin", () => {
  const installed = () => installPlugin({ pluginDir, plugin: built.plugin, backend }).plugin;

  test("a good installation", async () => {
    const check = await checkPlugin(installed());
    expect(failures(check)).toEqual([]);
    expect(check.ok).toBe(true);
    expect(check.checks.map(({ name }) => name)).toEqual([
      "file",
      "name",
      "permissions",
      "load",
      "configuration",
      "configuration permissions",
      "backend",
      "node",
      "handshake",
    ]);
  });

  test.each<[string, (file: string) => unknown, RegExp]>([
    ["is not there", (file) => rmSync(file), /^file: .* does not exist$/],
    [
      "is a symlink",
      (file) => {
        renameSync(file, `${file}.real`);
        symlinkSync(`${file}.real`, file);
      },
      /^file: .* is not a regular file/,
    ],
    [
      "has another name",
      (file) => {
        const other = join(pluginDir, "hpc-fd.so");
        renameSync(file, other);
        return other;
      },
      /^name: it is called hpc-fd.so/,
    ],
    [
      "can be changed by others",
      (file) => chmodSync(file, 0o666),
      /^permissions: .* writable by group or others/,
    ],
    ["is no library", (file) => writeFileSync(file, "hello"), /^load: /],
    ["has no configuration", () => rmSync(join(pluginDir, CONF_NAME)), /^configuration: .*ENOENT/],
    [
      "has a bad configuration",
      () => writeFileSync(join(pluginDir, CONF_NAME), "frob = 1\n"),
      /^configuration: .*line 1: unknown key "frob"/,
    ],
    ["names a backend that is gone", () => rmSync(backend), /^backend: .* does not exist/],
    [
      "names a backend that others can change",
      () => chmodSync(backend, 0o777),
      /^backend: .* writable by group or others/,
    ],
    ...["backend.main.cjs", "backend.cache", "libhpcscan.so", "addon.node"].map(
      (name): [string, () => unknown, RegExp] => [
        `names a backend whose ${name} others can change`,
        () => {
          writeFileSync(join(scratch, name), "");
          chmodSync(join(scratch, name), 0o666);
        },
        new RegExp(`^backend: \\S+/${name} is writable by group or others`),
      ],
    ),
    [
      "names a backend that fails",
      () => writeFileSync(backend, 'throw new Error("no module")'),
      /^handshake: .*exit code 1 .*no module/,
    ],
    [
      "names a backend of another kind",
      () => writeFileSync(backend, 'console.log("hello")'),
      /^handshake: not a frame/,
    ],
  ])("a plugin that %s", async (_what, spoil, failure) => {
    const file = installed();
    const renamed = spoil(file);
    const check = await checkPlugin(typeof renamed === "string" ? renamed : file);
    expect(check.ok).toBe(false);
    expect(failures(check)).toEqual([expect.stringMatching(failure)]);
    for (const { ok, remedy } of check.checks) if (!ok) expect(remedy).toMatch(/./);
  });

  test("one that was not installed with the host at hand", async () => {
    const check = await checkPlugin(installed(), { host: join(scratch, "none") });
    expect(failures(check)).toEqual([expect.stringMatching(/^load: .*ENOENT/)]);
  });
});

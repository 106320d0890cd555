import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { untrusted } from "@podheitor/hpc-native";
import { parseConf } from "./conf";
import { type InstallOptions, installPlugin } from "./install";

const asRoot = process.geteuid?.() === 0;
let scratch: string;
let options: InstallOptions & { plugin: string; backend: string };

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-install-"));
  options = {
    pluginDir: join(scratch, "plugins"),
    plugin: join(scratch, "new.so"),
    backend: join(scratch, "backend.cjs"),
  };
  mkdirSync(options.pluginDir, { mode: 0o755 });
  writeFileSync(options.plugin, "the plugin", { mode: 0o600 });
  writeFileSync(options.backend, "", { mode: 0o644 });
});
afterEach(() => rmSync(scratch, { recursive: true }));

const names = () => readdirSync(options.pluginDir).sort();

describe("installPlugin", () => {
  test("copies the plugin as a regular file and writes its configuration", () => {
    const installed = installPlugin(options);
    expect(installed).toEqual({
      plugin: join(options.pluginDir, "podheitor-hpc-fd.so"),
      conf: join(options.pluginDir, "podheitor-hpc-fd.conf"),
      replaced: false,
    });
    for (const file of [installed.plugin, installed.conf])
      expect(lstatSync(file).mode).toBe(0o100644);
    expect(readFileSync(installed.plugin, "utf8")).toBe("the plugin");
    expect(parseConf(readFileSync(installed.conf, "utf8"))).toEqual({
      backend: options.backend,
      node: process.execPath,
    });
    expect(names()).toEqual(["podheitor-hpc-fd.conf", "podheitor-hpc-fd.so"]);
  });

  test("replaces by rename, also a symlink, and never writes to what was there", () => {
    const old = join(scratch, "old.so");
    writeFileSync(old, "in use");
    symlinkSync(old, join(options.pluginDir, "podheitor-hpc-fd.so"));
    expect(installPlugin({ ...options, stallLimit: 5 }).replaced).toBe(true);
    expect(lstatSync(join(options.pluginDir, "podheitor-hpc-fd.so")).isFile()).toBe(true);
    expect(readFileSync(old, "utf8")).toBe("in use");
    expect(installPlugin(options).replaced).toBe(true);
  });

  test.each([
    [
      "a directory that does not exist",
      () => rmSync(options.pluginDir, { recursive: true }),
      "HPC_PLUGIN_DIR",
      "does not exist",
    ],
    [
      "a directory that others can write to",
      () => chmodSync(options.pluginDir, 0o777),
      "HPC_PLUGIN_DIR",
      "writable by group or others (mode 0777)",
    ],
    [
      "a directory below one that others can write to",
      () => chmodSync(scratch, 0o770),
      "HPC_PLUGIN_DIR",
      "writable by group or others (mode 0770)",
    ],
    [
      "a backend that does not exist",
      () => rmSync(options.backend),
      "HPC_BACKEND_FILE",
      "does not exist",
    ],
    [
      "a backend that others can change",
      () => chmodSync(options.backend, 0o666),
      "HPC_BACKEND_FILE",
      "could be changed by others",
    ],
    [
      "a backend that loads what others can change",
      () => {
        writeFileSync(join(scratch, "libhpcscan.so"), "");
        chmodSync(join(scratch, "libhpcscan.so"), 0o666);
      },
      "HPC_BACKEND_FILE",
      "libhpcscan.so is writable by group or others",
    ],
    ["a plugin that does not exist", () => rmSync(options.plugin), "HPC_PLUGIN_INSTALL", "ENOENT"],
  ])("%s is refused, and nothing is left behind", (_what, spoil, code, message) => {
    spoil();
    expect(() => installPlugin(options)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(message),
        remedy: expect.stringMatching(/./),
      }),
    );
    if (existsSync(options.pluginDir)) expect(names()).toEqual([]);
  });

  test("a configuration that somebody changed is kept, and the other one lies beside it", () => {
    const { conf } = installPlugin(options);
    const backend = join(scratch, "other.cjs");
    writeFileSync(backend, "", { mode: 0o644 });
    const again = () => installPlugin({ ...options, backend });
    // Nobody changed it: replaced.
    expect(again().newConf).toBeUndefined();
    expect(parseConf(readFileSync(conf, "utf8")).backend).toBe(backend);
    const mine = `${readFileSync(conf, "utf8")}# slow tapes\nstall-limit = 300\n`;
    writeFileSync(conf, mine);
    expect(again()).toMatchObject({ conf, newConf: `${conf}.new`, replaced: true });
    expect(readFileSync(conf, "utf8")).toBe(mine);
    expect(parseConf(readFileSync(`${conf}.new`, "utf8"))).toEqual({
      backend,
      node: process.execPath,
    });
    expect(lstatSync(`${conf}.new`).mode).toBe(0o100644);
    // It says what would be written.
    rmSync(`${conf}.new`);
    expect(installPlugin({ ...options, backend, stallLimit: 300 }).newConf).toBeUndefined();
    expect(readFileSync(conf, "utf8")).toBe(mine);
    expect(names()).toEqual(["podheitor-hpc-fd.conf", "podheitor-hpc-fd.so"]);
    // One of before there were checksums may have been changed.
    writeFileSync(
      conf,
      `# Written by \`podheitor-hpc plugin install\`. A running File Daemon reads it when a job starts.\nbackend = /x.cjs\n`,
    );
    expect(again().newConf).toBe(`${conf}.new`);
    // Once it is put in place, it is an untouched one again.
    renameSync(`${conf}.new`, conf);
    expect(installPlugin(options).newConf).toBeUndefined();
  });

  test("a configuration that stays, and that the plugin will refuse, is named", () => {
    const { conf, untrustedConf } = installPlugin(options);
    expect(untrustedConf).toBeUndefined();
    appendFileSync(conf, "stall-limit = 300\n");
    chmodSync(conf, 0o666);
    expect(installPlugin(options)).toMatchObject({
      newConf: `${conf}.new`,
      untrustedConf: expect.stringContaining(`${conf} is writable by group or others`),
    });
  });

  test("a backend that is no script must be executable", () => {
    const backend = join(scratch, "backend");
    writeFileSync(backend, "", { mode: 0o644 });
    expect(() => installPlugin({ ...options, backend })).toThrow("is not executable");
    expect(() => installPlugin({ ...options, backend: "backend.cjs" })).toThrow(
      "is not an absolute path",
    );
  });

  (asRoot ? test : test.skip)("what belongs to someone else is refused", () => {
    chownSync(options.backend, 65_534, 65_534);
    expect(() => installPlugin(options)).toThrow("belongs to uid 65534");
  });
});

test("a folder with the sticky bit may lie above, but is not a place to install to", () => {
  chmodSync(scratch, 0o1777);
  expect(untrusted(options.backend)).toBeUndefined();
  expect(untrusted(scratch)).toContain("writable by group or others");
  expect(untrusted(join(scratch, "nothing"))).toContain("ENOENT");
});

test("the folders that a symbolic link leads through are looked at, and links that go round in circles", () => {
  const open = join(scratch, "open");
  mkdirSync(open);
  writeFileSync(join(open, "node"), "");
  chmodSync(open, 0o775);
  symlinkSync("open/node", join(scratch, "relative"));
  symlinkSync(join(scratch, "relative"), join(scratch, "absolute"));
  symlinkSync("round", join(scratch, "round"));
  for (const link of ["relative", "absolute"])
    expect(untrusted(join(scratch, link))).toBe(
      `${open} is writable by group or others (mode 0775)`,
    );
  chmodSync(open, 0o755);
  expect(untrusted(join(scratch, "absolute"))).toBeUndefined();
  expect(untrusted(join(scratch, "round"))).toContain("ELOOP");
});

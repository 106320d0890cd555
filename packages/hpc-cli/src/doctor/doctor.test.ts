import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { daemon, installation, pluginDirectoryOf } from "./bacula";
import { compiler, filesystem, node, openFiles, pipeSize, server } from "./machine";
import { programFiles } from "./program-files";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hpc-doctor-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe("the machine", () => {
  test("Node", () => {
    expect(node("20.12.0").status).toBe("ok");
    expect(node("22.1.0").status).toBe("ok");
    expect(node("20.11.1")).toMatchObject({
      status: "failed",
      remedy: "Install Node 20.12 or later.",
    });
    expect(node("18.20.0").status).toBe("failed");
  });

  test("a compiler that is not there", async () => {
    expect(await compiler(join(scratch, "no-cc"))).toMatchObject({
      status: "missing",
      remedy: expect.stringContaining("apt-get install gcc"),
    });
  });

  test("open files and pipes", () => {
    const limits = (soft: string) =>
      `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 1048576              files\n`;
    expect(openFiles(limits("1024"))).toMatchObject({
      status: "missing",
      detail: "1024 (hard limit 1048576)",
    });
    expect(openFiles(limits("4096")).status).toBe("ok");
    expect(openFiles(limits("unlimited")).status).toBe("ok");
    expect(openFiles().detail).toMatch(/^\S+ \(hard limit \S+\)$/);
    expect(pipeSize("65536\n")).toMatchObject({ status: "missing", detail: "64.0 KiB" });
    expect(pipeSize("1048576\n").status).toBe("ok");
  });

  test("files of the programs that others could change", () => {
    const program = join(scratch, "program.cjs");
    for (const file of [program, join(scratch, "addon.node")]) writeFileSync(file, "");
    expect(programFiles([program], "/bin/true")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/^3 files/),
    });
    chmodSync(join(scratch, "addon.node"), 0o666);
    expect(programFiles([program], "/bin/true")).toMatchObject({
      status: process.geteuid?.() === 0 ? "failed" : "missing",
      detail: expect.stringContaining("addon.node is writable by group or others (mode 0666)"),
      remedy: expect.stringContaining("chmod go-w"),
    });
    rmSync(join(scratch, "addon.node"));
  });

  test("a server of a parallel filesystem", () => {
    expect(server(undefined).status).toBe("ok");
    expect(server("it is a Lustre server (fs-MDT0000)")).toMatchObject({
      status: "missing",
      remedy: expect.stringContaining("on a client"),
    });
  });

  test("the filesystem of a path, or why it cannot be told", () => {
    expect(filesystem(Buffer.from("/proc"), "/proc")).toMatchObject({
      status: "ok",
      detail: "/proc: proc, mounted on /proc",
    });
    expect(filesystem(Buffer.from(join(scratch, "none")), "none")).toMatchObject({
      status: "missing",
      detail: expect.stringContaining("ENOENT"),
    });
  });
});

describe("Bacula", () => {
  const program = (text: string) => {
    const file = join(scratch, "bacula-fd");
    writeFileSync(file, `#!/bin/sh\necho "${text}" >&2\nexit 1\n`);
    chmodSync(file, 0o755);
  };

  test.each([
    ["Version: 9.6.7 (10 December 2020) x86_64", "ok", /^9\.6\.7 /],
    ["Version: 15.0.3 (25 March 2025)", "ok", /^15\.0\.3 /],
    ["Version: 7.4.4 (1 May 2016)", "failed", /not a release that the plugin knows/],
    ["Segmentation fault", "missing", /does not say its version/],
  ])("%s", async (text, status, detail) => {
    program(text);
    expect(await daemon("bacula-fd", [join(scratch, "nowhere"), scratch])).toMatchObject({
      status,
      detail: expect.stringMatching(detail),
    });
  });

  test("that is not installed", async () => {
    expect((await daemon("bacula-fd", [])).status).toBe("missing");
    expect((await daemon("bacula-dir", [])).status).toBe("ok");
  });

  test.each([
    ['FileDaemon {\n  Plugin Directory = "/a b/c"\n}', "/a b/c"],
    ["FileDaemon { Name = x; plugindirectory=/usr/lib/bacula; }", "/usr/lib/bacula"],
    ["# Plugin Directory = /no\nPLUGIN DIRECTORY = /yes # it is\n", "/yes"],
    ["FileDaemon { Name = x }", undefined],
  ])("plugin directory of %j", (text, directory) => {
    expect(pluginDirectoryOf(text)).toBe(directory);
  });

  test("an installation that lacks something", async () => {
    const config = join(scratch, "bacula-fd.conf");
    expect(await installation(undefined, [config])).toMatchObject([
      { status: "missing", detail: "no bacula-fd.conf found" },
    ]);
    writeFileSync(config, "FileDaemon { Name = x }");
    expect(await installation(undefined, [config])).toMatchObject([
      { status: "missing", remedy: expect.stringContaining("Plugin Directory =") },
    ]);
    writeFileSync(config, `Plugin Directory = ${join(scratch, "none")}`);
    expect(await installation(undefined, [config])).toMatchObject([
      { status: "failed", detail: expect.stringContaining("does not exist") },
    ]);
    expect(await installation(scratch)).toMatchObject([
      { status: "ok" },
      { name: "plugin", status: "missing", remedy: expect.stringContaining("plugin install") },
    ]);
    writeFileSync(join(scratch, "podheitor-hpc-fd.so"), "not a library");
    const names = (await installation(scratch))
      .filter((finding) => finding.status === "failed")
      .map((finding) => finding.name);
    expect(names).toEqual(["plugin load", "plugin configuration"]);
  });
});

import { describe, expect, test } from "@jest/globals";
import { formatConf, type PluginConf, parseConf } from "./conf";

describe("podheitor-hpc-fd.conf", () => {
  test.each<PluginConf>([
    { backend: "/opt/b.cjs" },
    { backend: "/opt/a dir/b=c.cjs", node: "/usr/bin/node", stallLimit: 86_400, holes: "skip" },
  ])("what is written is read back: %j", (conf) => {
    expect(parseConf(formatConf(conf))).toEqual(conf);
  });

  test("comments, blanks, and the last of two lines", () => {
    expect(parseConf("# note\n\n  backend=/a \r\nbackend = /b\n")).toEqual({ backend: "/b" });
  });

  test.each([
    ["", 'there is no line "backend = …"'],
    ["backend /a", 'line 1 is not "key = value"'],
    ["backend =", 'line 1 is not "key = value"'],
    ["backend = a", "line 1: backend is not an absolute path"],
    ["\nshell = /bin/sh", 'line 2: unknown key "shell"'],
    ["backend = /a\nholes = maybe", "holes = maybe is neither skip nor send"],
    ["backend = /a\nstall-limit = 0", "stall-limit = 0 is not a number of seconds"],
    ["backend = /a\nstall-limit = 86401", "stall-limit = 86401 is not a number of seconds"],
  ])("%j is refused", (text, message) => {
    expect(() => parseConf(text)).toThrow(message);
  });
});

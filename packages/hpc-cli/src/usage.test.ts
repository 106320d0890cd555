import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readNames } from "./names-file";
import { runCommand } from "./testing";
import { version } from "./version";

describe("a command line that is wrong", () => {
  test.each<[string[], RegExp]>([
    [[], /no command given/],
    [["frobnicate"], /unknown command: frobnicate. The commands are backup, restore/],
    [
      ["--frob", "backup", "--archive", "a"],
      /--frob stands before the command. Begin with it: podheitor-hpc backup …/,
    ],
    [["backup"], /missing required argument: archive/],
    [["backup", "--archive", "a"], /nothing to back up/],
    [["backup", "--archive"], /not enough arguments following: archive/],
    [
      ["backup", "--archive", "a", "--path", "/", "--frob"],
      /unknown option: --frob. See podheitor-hpc backup --help/,
    ],
    [["list", "--archive", "a", "--", "b"], /unknown argument: b. Every value follows an option/],
    [
      ["list", "--archive", "a", "--", "--json"],
      /unknown argument: --json. Every value follows an option/,
    ],
    [
      ["backup", "--path", "/etc", "--archive", "--", "a"],
      /not enough arguments following: archive/,
    ],
    [["plugin", "install", "--plugin-dir", "/x", "--", "--node=y"], /unknown argument: --node=y/],
    [
      ["restore", "--archive", "-", "--files-from", "-", "--where", "b"],
      /standard input can be read once/,
    ],
    [["restore", "--archive", "a", "--where", "b", "--", ""], /an empty pattern/],
    [
      ["restore", "--archive", "a", "--where", "b", "-dash"],
      /unknown option: -dash\. .* names .* stand behind --/,
    ],
    [
      ["backup", "--path", "/etc", "--archive", "-a.hpc"],
      /unknown option: -a\.hpc\. .* written --option=VALUE/,
    ],
    [["plugin", "install"], /argument: plugin-dir. See podheitor-hpc plugin install --help/],
    [
      ["plugin", "check", "--frob"],
      /unknown option: --frob. See podheitor-hpc plugin check --help/,
    ],
    [
      ["list", "a.hpc", "--archive", "a"],
      /unknown argument: a\.hpc. Every value follows an option/,
    ],
    [["backup", "--archive", "a", "--path", ""], /--path is empty/],
    [["backup", "--archive", "", "--path", "/etc"], /--archive is empty/],
    [["restore", "--archive", "a", "--where", ""], /--where is empty/],
    [["restore", "--archive", "a", "--where="], /--where is empty/],
    [["verify", "--archive", "a", "--against", ""], /--against is empty/],
    [["backup", "--archive", "a", "--archive", "b", "--path", "/etc"], /--archive is given twice/],
    [
      ["backup", "--archive", "a", "--path", "/etc", "--shards", "0"],
      /--shards 0 is not a number of shards/,
    ],
    [
      ["backup", "--archive", "a", "--path", "/etc", "--shards", "2", "--shard", "0/2"],
      /exclude each other/,
    ],
    [
      ["backup", "--archive", "-", "--path", "/etc", "--shards", "2"],
      /cannot write to standard output/,
    ],
    [
      ["backup", "--archive", "a", "--path", "/etc", "--since", "yesterday"],
      /--since yesterday is not a time/,
    ],
    [["restore", "--archive", "a"], /missing required argument: where/],
    [["restore", "--archive", "a", "--where", "b", "--replace", "perhaps"], /invalid values/],
    [
      ["restore", "--archive", "-", "--archive", "-", "--where", "b"],
      /standard input can be read once/,
    ],
    [["verify", "--against", "/"], /say what to compare with/],
    [["verify", "--against", "/", "--catalog", "c", "--archive", "a"], /say what to compare with/],
    [["verify", "--against", "/", "--catalog", "c"], /--catalog needs --jobid/],
    [
      ["verify", "--against", "/", "--catalog", "c", "--jobid", "1;2"],
      /--jobid 1;2 is not a number/,
    ],
    [
      ["verify", "--against", "/", "--catalog", "c", "--sample", "9"],
      /--sample does not go with --catalog/,
    ],
    [
      ["verify", "--against", "/", "--archive", "a", "--sample-names", "9"],
      /--sample-names does not go with --archive/,
    ],
    [["plugin"], /say what to do/],
    [["bench-part"], /not enough non-option arguments.*. See podheitor-hpc bench-part --help/],
    [["bench-part", "scan"], /scan needs --path/],
    [["plugin", "frob"], /unknown argument: frob/],
    [["plugin", "install"], /missing required argument: plugin-dir/],
    [
      ["plugin", "install", "--plugin-dir", "/x", "--stall-limit", "1h"],
      /is not a number of seconds/,
    ],
    [["plugin", "check", "a", "--plugin-dir", "b"], /mutually exclusive/],
  ])("%j exits 2 with one line", async (argv, message) => {
    const { code, stdout, stderr } = await runCommand(argv);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^podheitor-hpc: [^\n]+\. [^\n]+ \[HPC_[A-Z_]+\]\n$/);
    expect(stdout).toHaveLength(0);
    expect(code).toBe(2);
  });

  test("with --json it is one object on standard output", async () => {
    const { code, objects, stderr } = await runCommand(["backup", "--json", "--archive", "a"]);
    expect(objects).toEqual([
      {
        error: {
          code: "HPC_USAGE",
          message: "there is nothing to back up",
          remedy: "Give --path DIR or --path-from FILE.",
        },
      },
    ]);
    expect([code, stderr]).toEqual([2, ""]);
    expect(
      (await runCommand(["list", "--archive", "a", "--null", "--json"])).objects,
    ).toMatchObject([
      { error: { code: "HPC_USAGE", message: "--null and --json exclude each other" } },
    ]);
  });
});

describe("help and version", () => {
  test.each([
    [["--help"], /^podheitor-hpc COMMAND/],
    [["restore", "--help"], /--replace/],
    [["plugin", "install", "-h"], /--plugin-dir/],
  ])("%j", async (argv, text) => {
    const { code, stdout, stderr } = await runCommand(argv);
    expect(stdout.toString()).toMatch(text);
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("--version", async () => {
    expect((await runCommand(["--version"])).stdout.toString()).toBe(`${version}\n`);
  });
});

describe("lists of names", () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "hpc-names-"));
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  const read = (bytes: Buffer) => {
    const file = join(scratch, "names");
    writeFileSync(file, bytes);
    return readNames(file, Readable.from([]));
  };

  test("from a file, with or without a NUL at the end, or from standard input", async () => {
    const names = [Buffer.from([0x2f, 0xff, 0x0a]), Buffer.from("-x y")];
    const bytes = Buffer.from([0x2f, 0xff, 0x0a, 0, ...Buffer.from("-x y")]);
    expect(await read(bytes)).toEqual(names);
    expect(await read(Buffer.concat([bytes, Buffer.from([0])]))).toEqual(names);
    expect(await readNames("-", Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]))).toEqual(
      names,
    );
  });

  test.each([
    ["", "there is no name in it"],
    ["a\0\0b", "name 2 is empty"],
  ])("%j is refused", async (text, message) => {
    await expect(read(Buffer.from(text))).rejects.toMatchObject({
      code: "HPC_NAMES_FILE",
      message: expect.stringContaining(message),
    });
  });

  test("a file that does not exist is named", async () => {
    const { code, stderr } = await runCommand([
      "backup",
      "--path-from",
      join(scratch, "none"),
      "--archive",
      join(scratch, "a"),
    ]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/list of names .*none cannot be used: ENOENT/),
    ]);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { parsePluginString } from "@podheitor/hpc-ptcomm";
import * as fc from "fast-check";
import { runCommand } from "../testing";
import { check } from "./concurrency";
import { parseConfiguration, readConfiguration } from "./conf-parser";
import { prefixOf, shardInName, shardName } from "./names";
import { quoted } from "./resource";

const folder = mkdtempSync(join(tmpdir(), "hpc-fileset-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => join(folder, `${++folders}`);

const generated = (output: string, ...words: string[]) =>
  runCommand(["gen-fileset", "--path", "/data/set", "--shards", "4", "--client", "c-fd", "--output", output, ...words]);
const noInclude = () => {
  throw new Error("nothing to include");
};

describe("names", () => {
  test("of a plain path are the path; others get a digest, so that no two paths share one", () => {
    expect(prefixOf(Buffer.from("/data/set"))).toBe("data-set");
    expect(prefixOf(Buffer.from("/"))).toBe("root");
    const odd = [
      Buffer.from("/data-set"),
      Buffer.from("/data set"),
      Buffer.from("/data_set"),
      Buffer.from([0x2f, 0xff]),
      Buffer.from([0x2f, 0xfe]),
    ];
    const names = odd.map(prefixOf);
    expect(new Set(names).size).toBe(odd.length);
    for (const name of [...names, prefixOf(Buffer.from(`/${"x/".repeat(150)}`))])
      expect(name).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  });

  test("tell prefix, shard and number of shards", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
        fc.nat(1023),
        fc.integer({ min: 1, max: 1024 }),
        (prefix, index, count) => {
          expect(shardInName(shardName(prefix, index, count))).toEqual({ prefix, index, count });
        },
      ),
    );
    expect(shardInName("BackupClient1")).toBeUndefined();
  });
});

describe("gen-fileset", () => {
  test("writes a FileSet, a Job and a Pool to each shard, and says what else is needed", async () => {
    const output = newFolder();
    const ran = await generated(output, "--exclude", '*.o "x"', "--strategy", "inode-hash");
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(readdirSync(output).sort()).toEqual([
      "data-set-0-of-4.conf",
      "data-set-1-of-4.conf",
      "data-set-2-of-4.conf",
      "data-set-3-of-4.conf",
      "data-set.conf",
    ]);
    const resources = parseConfiguration(readFileSync(join(output, "data-set-2-of-4.conf"), "latin1"), "f", noInclude);
    expect(resources.map(({ type }) => type)).toEqual(["fileset", "job", "pool"]);
    const value = (type: number, key: string) =>
      resources[type]?.directives.find((one) => one.key === key)?.value ?? "";
    expect(
      parsePluginString(Buffer.from(value(0, "plugin"), "latin1")).map(([key, bytes]) => `${key}=${bytes}`),
    ).toEqual(["path=/data/set", "shard=2/4", 'exclude=*.o "x"', "strategy=inode-hash"]);
    expect([value(1, "fileset"), value(1, "pool"), value(1, "jobdefs"), value(2, "labelformat")]).toEqual([
      "data-set-2-of-4",
      "data-set-2-of-4",
      "data-set",
      "Shard-2-",
    ]);
    const said = ran.stdout.toString();
    expect(said).toContain(`@${output}/data-set-2-of-4.conf`);
    expect(said).toContain("Client c-fd: Maximum Concurrent Jobs = 4 or more");
  });

  test.each([["/other"], ["/other", "/third"]])("--tree and --other-path go into every job: %s", async (...others) => {
    const output = newFolder();
    const words = ["--tree", "/data", ...others.flatMap((other) => ["--other-path", other])];
    const ran = await generated(output, ...words);
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    const text = readFileSync(join(output, "data-set-3-of-4.conf"), "latin1");
    expect(text).toContain(["tree=/data", ...others.map((other) => `other-path=${other}`)].join(";"));
  });

  test("the topologies share or do not share a Pool, and Storages take turns", async () => {
    const pools = async (...words: string[]) => {
      const output = newFolder();
      expect((await generated(output, ...words)).stderr).toBe("");
      const text = readdirSync(output)
        .map((name) => readFileSync(join(output, name), "latin1"))
        .join("\n");
      const own = text.includes("Maximum Volume Jobs = 1") ? ["one job to a volume"] : [];
      return [(text.match(/^Pool \{/gm) ?? []).length, ...new Set(text.match(/Storage = .*/g)), ...own];
    };
    expect(await pools()).toEqual([4, 'Storage = "File1"']);
    expect(await pools("--topology", "max-volume-jobs")).toEqual([1, 'Storage = "File1"', "one job to a volume"]);
    expect(await pools("--storage", "A,B")).toEqual([1, 'Storage = "A"', 'Storage = "B"', "one job to a volume"]);
    expect(await pools("--storage", "A,B,C,D")).toHaveLength(5); // a Storage each: volumes may be shared in time
    expect(await pools("--topology", "storage", "--storage", "A,B,C,D", "--pool", "P")).toEqual([
      0,
      'Storage = "A"',
      'Storage = "B"',
      'Storage = "C"',
      'Storage = "D"',
    ]);
  });

  test("twice gives the same bytes; what was edited is left alone unless forced; --diff writes nothing", async () => {
    const output = newFolder();
    await generated(output);
    const before = readdirSync(output).map((name) => readFileSync(join(output, name)));
    expect((await generated(output)).stdout.toString()).toContain("as it was");
    expect(readdirSync(output).map((name) => readFileSync(join(output, name)))).toEqual(before);

    const file = join(output, "data-set.conf");
    const diff = await generated(output, "--priority", "12", "--diff");
    expect(diff.stdout.toString()).toMatch(/^\+ {2}Priority = 12$/m);
    expect(readFileSync(file, "utf8")).not.toContain("Priority");
    expect((await generated(output, "--priority", "12")).code).toBe(0);

    writeFileSync(file, `${readFileSync(file, "utf8")}# mine\n`);
    const refused = await generated(output, "--priority", "13");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("edited since gen-fileset wrote it")]);
    expect(readFileSync(file, "utf8")).toContain("Priority = 12");
    expect((await generated(output, "--priority", "13", "--force")).code).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("Priority = 13");
  });

  test("the plugin string has how fast and what is read, too", async () => {
    const output = newFolder();
    const words = ["--threads", "9", "--bandwidth", "50", "--drop-behind", "--inline-kib", "0", "--no-xattrs"];
    expect((await generated(output, ...words, "--channel-depth", "64")).code).toBe(0);
    const keys = "threads=9;inline_kib=0;channel_depth=64;bandwidth=50;drop-behind=yes;xattrs=no";
    expect(readFileSync(join(output, "data-set-0-of-4.conf"), "utf8")).toContain(`shard=0/4;${keys}`);
  });

  test("files of another number of shards are named", async () => {
    const output = newFolder();
    await generated(output);
    const ran = await generated(output, "--shards", "4").then(() =>
      runCommand(["gen-fileset", "--path", "/data/set", "--shards", "2", "--client", "c", "--output", output]),
    );
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining("another number of shards")]);
  });

  test.each([
    [["--path", "/a\nb"], "newline"],
    [["--path", "/a/../b"], '".."'],
    [["--path", "/a", "--job-prefix", "a b"], "cannot begin the name"],
    [["--path", "/a", "--pool", "P"], "one to each shard"],
    [["--path", "/a", "--strategy", "none"], "every shard would hold everything"],
    [["--path", "/a", "--strategy", "what"], "what"],
    [["--path", "/a", "--bandwidth", "fast"], "bandwidth=fast"],
    [["--path", "/a", "--retention", "a while"], "--retention"],
    [[], "nothing to back up"],
  ])("refuses %j", async (words, message) => {
    const ran = await runCommand(["gen-fileset", "--shards", "2", "--output", newFolder(), ...words]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test("--reshard-plan names both sets", async () => {
    const ran = await runCommand(["gen-fileset", "--path", "/data/set", "--shards", "8", "--reshard-plan", "4"]);
    expect(ran.code).toBe(0);
    expect(ran.stdout.toString()).toMatch(/data-set-0-of-4 … data-set-3-of-4[\s\S]*data-set-7-of-8/);
  });
});

describe("the parser of configurations", () => {
  test("reads any value that we quote, and survives any text", () => {
    fc.assert(
      fc.property(
        fc.uint8Array().filter((bytes) => ![0, 10, 13].some((byte) => bytes.includes(byte))),
        (bytes) => {
          const text = `FileSet {\n  Name = x # c\n  Plug in = ${quoted(Buffer.from(bytes), "it")}; Other=1\n}\n`;
          const [one] = parseConfiguration(text, "f", noInclude);
          const value = one?.directives.find(({ key }) => key === "plugin")?.value;
          expect(value).toBe(Buffer.from(bytes).toString("latin1").trim());
          expect(one?.directives.at(-1)).toMatchObject({ key: "other", value: "1", line: 3 });
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("{", "}", '"', "\\", "=", ";", "\n", "a", "#", "@", " ") }),
        (text) => {
          try {
            parseConfiguration(text, "f", () => "");
          } catch (error) {
            expect(error).toMatchObject({ code: "HPC_CONFIGURATION", message: expect.stringMatching(/^\S*:\d+: /) });
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("finds what is too low for N jobs, with file and line", () => {
    const text = `Director {\n  Name = d\n  QueryFile = q\n  Maximum Concurrent Jobs = 2\n}\nCatalog { Name = c }
Client {\n  Name = c-fd\n}\nStorage { Name = File1; Device = x; MaximumConcurrentJobs=4 }\n`;
    const setup = { shards: 4, client: "c-fd", storages: ["File1", "File2"] };
    const found = check(setup, parseConfiguration(text, "dir.conf", noInclude));
    expect(found.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      "4: director d has Maximum Concurrent Jobs = 2: set it to 4 or more",
      "7: client c-fd has no Maximum Concurrent Jobs, which means 1: set it to 4 or more",
      "1: there is no Storage File2 (there are: File1)",
    ]);
    const sd = `Storage { Name = sd; WorkingDirectory = /w }\nAutochanger { Name = x; Device = D0, D1; }\nAutochanger { Name = y; Device = D0, D1, D2, D3; }`;
    const [one, drives] = [{ ...setup, storages: ["File1"] }, parseConfiguration(sd, "sd.conf", noInclude)];
    expect(check(one, drives)).toEqual([]); // nothing says which changer is meant
    const both = check(one, [...parseConfiguration(text, "dir.conf", noInclude), ...drives]);
    expect(both.at(-1)).toEqual({
      file: "sd.conf",
      line: 2,
      message: expect.stringContaining(
        "autochanger x has 2 drives: 4 jobs would wait for each other or share a volume",
      ),
    });
    // One name twice is one Storage.
    expect(check({ ...one, storages: ["File1", "File1"] }, drives)).toEqual([]);
  });

  test("what is included stands in its place, within a resource, too; loops and programs are refused", () => {
    const files = new Map([
      ["/client", "Client { Name = c\n@/limits\n}\n"],
      ["/limits", "Maximum Concurrent Jobs = 7\n"],
      ["/loop", "@/loop\n"],
    ]);
    const include = (name: string) => files.get(name) ?? "";
    const [client] = parseConfiguration("@/client\n", "dir.conf", include);
    expect(client).toMatchObject({ type: "client", file: "/client", line: 1 });
    expect(client?.directives.at(-1)).toEqual({ key: "maximumconcurrentjobs", value: "7", file: "/limits", line: 1 });
    expect(() => parseConfiguration("@/loop\n", "dir.conf", include)).toThrow(/\/loop:1: .*within each other/);
    const file = join(folder, "including.conf");
    writeFileSync(file, "\n@|sh -c whatever\n");
    expect(() => readConfiguration(file)).toThrow(/including\.conf:2: what a program prints/);
    writeFileSync(file, "\n@/nowhere/at-all.conf\n");
    expect(() => readConfiguration(file)).toThrow(/including\.conf:2: ENOENT/);
  });
});

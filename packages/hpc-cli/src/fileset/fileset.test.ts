import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
  runCommand([
    "gen-fileset",
    "--path",
    "/data/set",
    "--shards",
    "4",
    "--client",
    "c-fd",
    "--output",
    output,
    ...words,
  ]);
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
    const resources = parseConfiguration(
      readFileSync(join(output, "data-set-2-of-4.conf"), "latin1"),
      "f",
      noInclude,
    );
    expect(resources.map(({ type }) => type)).toEqual(["fileset", "job", "pool"]);
    const value = (type: number, key: string) =>
      resources[type]?.directives.find((one) => one.key === key)?.value ?? "";
    expect(
      parsePluginString(Buffer.from(value(0, "plugin"), "latin1")).map(
        ([key, bytes]) => `${key}=${bytes}`,
      ),
    ).toEqual(["path=/data/set", "shard=2/4", "strategy=inode-hash", 'exclude=*.o "x"']);
    expect([
      value(1, "fileset"),
      value(1, "pool"),
      value(1, "jobdefs"),
      value(2, "labelformat"),
    ]).toEqual(["data-set-2-of-4", "data-set-2-of-4", "data-set", "Shard-2-"]);
    const said = ran.stdout.toString();
    expect(said).toContain(`@${output}/data-set-2-of-4.conf`);
    expect(said).toContain("Client c-fd: Maximum Concurrent Jobs = 4 or more");
  });

  test.each([["/other"], ["/other", "/third"]])(
    "--tree and --other-path go into every job: %s",
    async (...others) => {
      const output = newFolder();
      const words = ["--tree", "/data", ...others.flatMap((other) => ["--other-path", other])];
      const ran = await generated(output, ...words);
      expect([ran.code, ran.stderr]).toEqual([0, ""]);
      const text = readFileSync(join(output, "data-set-3-of-4.conf"), "latin1");
      expect(text).toContain(
        ["tree=/data", ...others.map((other) => `other-path=${other}`)].join(";"),
      );
    },
  );

  test("the topologies share or do not share a Pool, and Storages take turns", async () => {
    const pools = async (...words: string[]) => {
      const output = newFolder();
      expect((await generated(output, ...words)).stderr).toBe("");
      const text = readdirSync(output)
        .map((name) => readFileSync(join(output, name), "latin1"))
        .join("\n");
      const own = text.includes("Maximum Volume Jobs = 1") ? ["one job to a volume"] : [];
      return [
        (text.match(/^Pool \{/gm) ?? []).length,
        ...new Set(text.match(/Storage = .*/g)),
        ...own,
      ];
    };
    expect(await pools()).toEqual([4, 'Storage = "File1"']);
    expect(await pools("--topology", "max-volume-jobs")).toEqual([
      1,
      'Storage = "File1"',
      "one job to a volume",
    ]);
    expect(await pools("--storage", "A,B")).toEqual([
      1,
      'Storage = "A"',
      'Storage = "B"',
      "one job to a volume",
    ]);
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
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("edited since gen-fileset wrote it"),
    ]);
    expect(readFileSync(file, "utf8")).toContain("Priority = 12");
    expect((await generated(output, "--priority", "13", "--force")).code).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("Priority = 13");
  });

  test("the plugin string has how fast and what is read, too", async () => {
    const output = newFolder();
    const words = [
      "--threads",
      "9",
      "--bandwidth",
      "50",
      "--drop-behind",
      "--inline-kib",
      "0",
      "--no-xattrs",
    ];
    expect((await generated(output, ...words, "--channel_depth", "1024")).code).toBe(0);
    const keys = "xattrs=no;threads=9;drop-behind=yes;bandwidth=50;inline-kib=0;channel-depth=1024";
    expect(readFileSync(join(output, "data-set-0-of-4.conf"), "utf8")).toContain(
      `shard=0/4;${keys}`,
    );
    // What the job would warn of is said here, too.
    expect(await generated(output, "--channel-depth", "64", "--diff")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^podheitor-hpc: warning: channel-depth=64 makes/),
    });
  });

  describe("accurate jobs", () => {
    /** What the JobDefs say, comment and directive. */
    const said = async (...words: string[]) => {
      const output = newFolder();
      expect(await generated(output, ...words)).toMatchObject({ code: 0, stderr: "" });
      const text = readFileSync(join(output, "data-set.conf"), "utf8");
      const [, comment = "", accurate] =
        /((?:^ {2}#.*\n)+) {2}Accurate = (yes|no)$/m.exec(text) ?? [];
      return [accurate, comment.replace(/\n? {2}# /g, " ").trim()];
    };
    /** A catalog in which each of `counts` is the number of names of one shard's last Full. */
    const catalog = (...counts: number[]) => {
      const file = join(newFolder(), "bacula.db");
      mkdirSync(dirname(file));
      const rows = counts.map((files, shard) => {
        const time = "'2026-01-01 00:00:00'";
        return `(${shard + 1}, 'data-set-${shard}-of-${counts.length}', 'F', 'B', 'T', ${time}, ${time}, 1, 0, ${files}, 1, 1)`;
      });
      execFileSync("sqlite3", [file], {
        input: `CREATE TABLE Job (JobId INTEGER, Name TEXT, Level TEXT, Type TEXT, JobStatus TEXT, EndTime TEXT, SchedTime TEXT,
            JobTDate INTEGER, PurgedFiles INTEGER, JobFiles INTEGER, ClientId INTEGER, FileSetId INTEGER);
          CREATE TABLE Client (ClientId INTEGER, Name TEXT); INSERT INTO Job VALUES ${rows.join()};`,
      });
      return file;
    };
    const sqlite = spawnSync("sqlite3", ["-version"]).status === 0 ? test : test.skip;

    test("by default, with the reason and what they cost", async () => {
      const [accurate, why] = await said();
      expect(accurate).toBe("yes");
      expect(why).toMatch(
        /deleted.*moved in.*100 to 200 bytes a name: 2\.0 to 4\.0 GB of memory for 20,000,000 names/,
      );
      expect(await said("--mode", "lustre")).toEqual([accurate, why]); // which walks, too
    });

    test("as --accurate says", async () => {
      expect(await said("--accurate", "no")).toEqual([
        "no",
        expect.stringMatching(/^As --accurate no says\. .*next Full/),
      ]);
      expect(await said("--accurate", "yes")).toEqual([
        "yes",
        expect.stringMatching(/^As --accurate yes says\. /),
      ]);
      expect(await generated(newFolder(), "--accurate", "perhaps")).toMatchObject({ code: 2 });
    });

    sqlite("up to 20 million names in a shard by the last jobs", async () => {
      const least = await said("--catalog", catalog(1, 20_000_000, 3, 4));
      expect(least).toEqual([
        "yes",
        expect.stringContaining("2.0 to 4.0 GB of memory for the 20,000,000 names of the largest"),
      ]);
      const most = await said("--catalog", catalog(1, 2, 30_000_000, 4));
      expect(most).toEqual([
        "no",
        expect.stringMatching(/next Full.*3\.0 to 6\.0 GB.*30,000,000 names.*beyond 20,000,000/),
      ]);
      expect((await said("--accurate", "yes", "--catalog", catalog(1, 2, 30_000_000, 4)))[0]).toBe(
        "yes",
      );
      // Of another number of shards: an even part.
      expect(await said("--catalog", catalog(30_000_000, 30_000_000))).toEqual([
        "yes",
        expect.stringContaining("15,000,000 names"),
      ]);
      expect((await said("--catalog", catalog(50_000_000, 50_000_000)))[0]).toBe("no");
    });
  });

  test.each([
    ["100G", 107374182400],
    ["100gb", 100e9],
    ["2T", 2199023255552],
    ["4096", 4096],
    ["5 m", 5242880],
  ])("--volume-bytes %s is that many bytes here and in estimate", async (size, bytes) => {
    const output = newFolder();
    await generated(output, "--volume-bytes", size);
    expect(readFileSync(join(output, "data-set-0-of-4.conf"), "utf8")).toContain(
      `  Maximum Volume Bytes = ${bytes}\n`,
    );
    const estimate = await runCommand([
      "estimate",
      "--path",
      output,
      "--volume-bytes",
      size,
      "--json",
    ]);
    expect(estimate).toMatchObject({ code: 0, objects: [expect.objectContaining({ volumes: 1 })] });
  });

  test.each(["0", "1.5G", "G", "100X", "-1", "99999999T"])(
    "--volume-bytes %s is refused by both",
    async (size) => {
      const refused = {
        code: 2,
        stderr: expect.stringContaining("is no size. Write bytes, or a number with k, m, g or t"),
      };
      expect(await generated(newFolder(), `--volume-bytes=${size}`)).toMatchObject(refused);
      expect(
        await runCommand(["estimate", "--path", folder, `--volume-bytes=${size}`]),
      ).toMatchObject(refused);
    },
  );

  test("files of another number of shards are named", async () => {
    const output = newFolder();
    await generated(output);
    const ran = await generated(output, "--shards", "4").then(() =>
      runCommand([
        "gen-fileset",
        "--path",
        "/data/set",
        "--shards",
        "2",
        "--client",
        "c",
        "--output",
        output,
      ]),
    );
    expect([ran.code, ran.stderr]).toEqual([
      3,
      expect.stringContaining("another number of shards"),
    ]);
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
    const ran = await runCommand([
      "gen-fileset",
      "--shards",
      "2",
      "--output",
      newFolder(),
      ...words,
    ]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test("--reshard-plan names both sets", async () => {
    const ran = await runCommand([
      "gen-fileset",
      "--path",
      "/data/set",
      "--shards",
      "8",
      "--reshard-plan",
      "4",
    ]);
    expect(ran.code).toBe(0);
    expect(ran.stdout.toString()).toMatch(
      /data-set-0-of-4 … data-set-3-of-4[\s\S]*data-set-7-of-8/,
    );
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
        fc.string({
          unit: fc.constantFrom("{", "}", '"', "\\", "=", ";", "\n", "a", "#", "@", " "),
        }),
        (text) => {
          try {
            parseConfiguration(text, "f", () => "");
          } catch (error) {
            expect(error).toMatchObject({
              code: "HPC_CONFIGURATION",
              message: expect.stringMatching(/^\S*:\d+: /),
            });
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
    const [one, drives] = [
      { ...setup, storages: ["File1"] },
      parseConfiguration(sd, "sd.conf", noInclude),
    ];
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

  test("knows the Director's Autochanger, as Debian writes it", () => {
    const text = `Director { Name = d; QueryFile = q }
Client { Name = c-fd; Maximum Concurrent Jobs = 4 }
Autochanger {
  Name = File1
# Do not use "localhost" here
  Address = localhost                # N.B. Use a fully qualified name here
  SDPort = 9103
  Password = "p"
  Device = FileChgr1
  Media Type = File1
  Maximum Concurrent Jobs = 3
  Autochanger = File1                 # point to ourself
}
Catalog { Name = MyCatalog }
`;
    const sd = `Storage { Name = sd; WorkingDirectory = /w }
Autochanger { Name = FileChgr1; Device = D0, D1; Changer Command = ""; Changer Device = /dev/null }`;
    const setup = { shards: 2, client: "c-fd", storages: ["File1"] };
    const both = [
      ...parseConfiguration(text, "dir.conf", noInclude),
      ...parseConfiguration(sd, "sd.conf", noInclude),
    ];
    expect(check(setup, both)).toEqual([]);
    expect(check({ ...setup, shards: 4 }, both).map(({ message }) => message)).toEqual([
      "autochanger File1 has Maximum Concurrent Jobs = 3: set it to 4 or more",
      expect.stringContaining("autochanger FileChgr1 has 2 drives: 4 jobs"),
    ]);
    expect(check({ ...setup, storages: ["File9"] }, both).map(({ message }) => message)).toEqual([
      "there is no Storage File9 (there are: File1)",
    ]);
  });

  test("a file that says nothing of jobs is refused, rather than found good", async () => {
    const file = join(folder, "bconsole.conf");
    writeFileSync(
      file,
      "Director { Name = d; DIRport = 9101; Address = localhost; Password = p }\n",
    );
    const ran = await runCommand([
      "gen-fileset",
      "--shards",
      "8",
      "--client",
      "c",
      "--check",
      file,
    ]);
    expect([ran.code, ran.stdout.toString(), ran.stderr]).toEqual([
      1,
      "",
      expect.stringMatching(/bconsole\.conf has no Client, Catalog, .*\[HPC_CONFIGURATION\]/),
    ]);
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
    expect(client?.directives.at(-1)).toEqual({
      key: "maximumconcurrentjobs",
      value: "7",
      file: "/limits",
      line: 1,
    });
    expect(() => parseConfiguration("@/loop\n", "dir.conf", include)).toThrow(
      /\/loop:1: .*within each other/,
    );
    const file = join(folder, "including.conf");
    writeFileSync(file, "\n@|sh -c whatever\n");
    expect(() => readConfiguration(file)).toThrow(/including\.conf:2: what a program prints/);
    writeFileSync(file, "\n@/nowhere/at-all.conf\n");
    expect(() => readConfiguration(file)).toThrow(/including\.conf:2: ENOENT/);
  });
});

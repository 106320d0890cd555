import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { NODE } from "../../test/odd-tree";
import { runCommand } from "../testing";

/* A catalog with the tables that are read, made by hand; Bacula's own are in hpc-lab's tests. */

// Starting from source on a busy machine takes its time.
jest.setTimeout(60_000);

const sqlite = spawnSync("sh", ["-c", "command -v sqlite3"], { encoding: "utf8" }).stdout.trim();
let folder: string;
let catalog: string;
let starts: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hpc-catalog-"));
  catalog = join(folder, "bacula.db");
  starts = join(folder, "starts");
  // Counts how often it is started.
  mkdirSync(join(folder, "bin"));
  writeFileSync(
    join(folder, "bin/sqlite3"),
    `#!/bin/sh\necho >> '${starts}'\nexec '${sqlite}' "$@"\n`,
    {
      mode: 0o755,
    },
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As a process of its own, with the sqlite3 that counts, or with none. */
function verify(bin = `${join(folder, "bin")}:${process.env["PATH"]}`) {
  const argv = [
    ...NODE,
    "verify",
    "--catalog",
    catalog,
    "--jobid",
    "7",
    "--against",
    "/",
    "--json",
  ];
  const options = {
    env: { ...process.env, PATH: bin },
    encoding: "utf8",
    maxBuffer: 1 << 26,
  } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, options);
  const lines = stdout.trimEnd().split("\n");
  return {
    status,
    stderr,
    objects: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** A job 7 with `names` below `tree`, of which none is there; a job 8 of the first shard of two. */
function made(tree: string, names: number): void {
  const sql = `
    CREATE TABLE Job (JobId INTEGER, Name TEXT, Level TEXT, Type TEXT, JobStatus TEXT, StartTime TEXT, EndTime TEXT,
      SchedTime TEXT, JobTDate INTEGER, PurgedFiles INTEGER, JobFiles INTEGER, ClientId INTEGER, FileSetId INTEGER);
    CREATE TABLE Client (ClientId INTEGER, Name TEXT);
    CREATE TABLE Path (PathId INTEGER PRIMARY KEY, Path BLOB);
    CREATE TABLE File (FileId INTEGER PRIMARY KEY, JobId INTEGER, PathId INTEGER, Filename BLOB, FileIndex INTEGER, LStat TEXT);
    CREATE TABLE Log (LogId INTEGER PRIMARY KEY, JobId INTEGER, LogText TEXT);
    INSERT INTO Job VALUES (7, 'S', 'F', 'B', 'T', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 1, 0, 1, 1, 1);
    INSERT INTO Path VALUES (1, CAST('${tree}/' AS BLOB));
    INSERT INTO File (JobId, PathId, Filename, FileIndex, LStat) VALUES (7, 1, '', 1, 'A A EHt A A A A A BAA A A A A A A A');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${names})
    INSERT INTO File (JobId, PathId, Filename, FileIndex, LStat) SELECT 7, 1, CAST('gone ' || i AS BLOB), i + 1, 'A A IGk A A A A A BAA A A A A A A A' FROM n;
    INSERT INTO Log (JobId, LogText) VALUES (7, 'fd JobId 7: Error: ${tree}/new 3: cannot be read' || char(10));`;
  execFileSync(sqlite, [catalog], { input: sql });
}

const processes = () => readFileSync(starts, "utf8").length;

(sqlite === "" ? describe.skip : describe)("verify --catalog", () => {
  test("asks one process of sqlite3, however many names are looked up, in the order of the catalog", () => {
    const tree = join(folder, "tree");
    mkdirSync(tree);
    for (let i = 0; i < 5; i++) writeFileSync(join(tree, `new ${i}`), "");
    made(tree, 25_000); // more than are asked for at once
    const ran = verify();
    expect(ran.stderr).toBe("");
    expect(ran.objects.at(-1)).toMatchObject({ entries: 25_001, compared: 25_001 });
    const differences = ran.objects.flatMap(({ difference }) =>
      difference ? [difference as Record<string, unknown>] : [],
    );
    expect(differences.filter(({ why }) => why === "vanished")).toHaveLength(25_000);
    expect(differences.find(({ path }) => path === join(tree, "new 3"))).toMatchObject({
      why: "failed",
    });
    expect(
      differences.filter(({ path }) => String(path).startsWith(join(tree, "new "))),
    ).toHaveLength(5);
    expect(processes()).toBe(1);
  });

  test("a file that is no catalog, and a machine without sqlite3, are one line", () => {
    writeFileSync(catalog, "not a database, and long enough to be looked at as one".repeat(40));
    const error = ({ status, objects }: ReturnType<typeof verify>) => [
      status,
      objects[0]?.["error"],
    ];
    expect(error(verify())).toEqual([
      1,
      expect.objectContaining({
        code: "HPC_CATALOG",
        message: expect.stringMatching(/bacula\.db: .*not a database/),
      }),
    ]);
    expect(error(verify(join(folder, "empty")))).toEqual([
      1,
      expect.objectContaining({ code: "HPC_CATALOG", remedy: "Install the package sqlite3." }),
    ]);
  });
});

(sqlite === "" ? test.skip : test)(
  "restore-plan names a shard that lags behind, and ends with how many warnings there are",
  async () => {
    made("/tree", 1);
    const jobs = [0, 0, 0, 1].map((shard, at) => {
      const [level, time] = [
        at === 0 || shard === 1 ? "F" : "I",
        `'2026-01-0${shard === 1 ? 1 : at + 1} 00:00:00'`,
      ];
      return `(${10 + at}, 't-${shard}-of-2', '${level}', 'B', 'T', ${time}, ${time}, ${time}, ${at}, 0, 1, 1, 1)`;
    });
    execFileSync(sqlite, [catalog], { input: `INSERT INTO Job VALUES ${jobs.join()};` });
    const argv = ["restore-plan", "--job-prefix", "t", "--catalog", catalog];
    const ran = await runCommand(argv);
    expect(ran.stderr).toMatch(
      /^podheitor-hpc: warning: t-1-of-2: has no good job since 2 of another shard's/,
    );
    expect(ran.stdout.toString()).toMatch(/restore jobid=.*\n {2}1 warning\n$/);
    expect(ran.code).toBe(3);
    expect((await runCommand([...argv, "--json"])).objects.at(-1)).toMatchObject({ warnings: 1 });
  },
);

test.each([
  ["verify", "--jobid", "7", "--against", "/"],
  ["restore-plan", "--job-prefix", "tree"],
])(
  "another database than SQLite is named, without its password, and what to do instead: %s",
  async (...words) => {
    const ran = await runCommand([...words, "--catalog", "postgresql://bacula:secret@db/bacula"]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^podheitor-hpc: --catalog postgresql:[^\n]* only catalogs in SQLite [^\n]*bconsole[^\n]*\[HPC_CATALOG\]\n$/,
    );
    expect(ran.stderr).not.toContain("secret");
  },
);

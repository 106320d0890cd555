import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { UNSEEN_BYTES, UNSEEN_JOBS } from "../limits";
import { Unseen } from "./unseen";

const scratch = mkdtempSync(join(tmpdir(), "hpc-unseen-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let made = 0;
const state = () => join(scratch, String(made++));
const of = (directory: string, shard?: { index: number; count: number }) =>
  new Unseen({ paths: [Buffer.from("/lustre/a")], strategy: "none", shard }, directory);

function remember(directory: string, job: string, ...paths: Buffer[]): void {
  const unseen = of(directory);
  for (const path of paths) unseen.add(path);
  unseen.save(job);
}

test("what a job could not see is for the jobs that follow it, and no others", () => {
  const directory = state();
  const odd = Buffer.from([0x2f, 0xff, 0x0a, 0x22]);
  remember(directory, "Full.1", Buffer.from("/lustre/a/striped"), odd);
  remember(directory, "Incremental.2", Buffer.from("/lustre/a/x"));
  expect(of(directory).of("Full.1")).toEqual({
    paths: [Buffer.from("/lustre/a/striped"), odd],
    all: false,
  });
  expect(of(directory).of("Incremental.2").paths).toHaveLength(1);
  expect(of(directory).of("Incremental.3")).toEqual({ paths: [], all: false });
  expect(of(directory).of(undefined).paths).toHaveLength(3);
  expect(of(directory, { index: 1, count: 2 }).of("Full.1").paths).toEqual([]);
});

test("a job that saw everything leaves no file, and takes back what it said before", () => {
  const directory = state();
  remember(directory, "Full.1");
  expect(() => readdirSync(directory)).toThrow("ENOENT");
  remember(directory, "Full.1", Buffer.from("/lustre/a/x"));
  remember(directory, "Full.1");
  expect(of(directory).of("Full.1").paths).toEqual([]);
});

test("too many paths are all, and so are those of old jobs, on which a later Differential may build", () => {
  const directory = state();
  const many = of(directory);
  const path = Buffer.alloc(4096, "x");
  for (let i = 0; i <= UNSEEN_BYTES / path.length; i++) many.add(path);
  many.save("Full.1");
  expect(of(directory).of("Full.1")).toEqual({ paths: [], all: true });
  remember(directory, "Full.2", Buffer.from("/lustre/a/y"));
  for (let i = 0; i < UNSEEN_JOBS; i++)
    remember(directory, `Incremental.${i}`, Buffer.from("/lustre/a/x"));
  for (const full of ["Full.1", "Full.2"])
    expect(of(directory).of(full)).toEqual({ paths: [], all: true });
  expect(of(directory).of("Incremental.0")).toEqual({
    paths: [Buffer.from("/lustre/a/x")],
    all: false,
  });
  expect(of(directory).of(undefined).all).toBe(false);
});

test("a file that cannot be understood means that everything may be missing, until the next job writes it", () => {
  const directory = state();
  remember(directory, "Full.1", Buffer.from("/lustre/a/x"));
  const [name = ""] = readdirSync(join(directory, "unseen"));
  for (const text of ["", "{}", '{"version":2,"jobs":[]}', '{"version":1,"jobs":[{"job":1}]}']) {
    writeFileSync(join(directory, "unseen", name), text);
    expect(of(directory).of("Full.1").all).toBe(true);
  }
  remember(directory, "Full.2", Buffer.from("/lustre/a/y"));
  expect(of(directory).of("Full.1").all).toBe(false);
});

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { hostMdts } from "../src/params/mdts";

/**
 * liblustreapi's ABI and Lustre's ioctls over ordinary directories: the MDT is in the directory's
 * mode bits, 07 = striped over 0 and 3, 06 = fails, and 04 = does not answer before the file
 * HPC_TEST_GATE is there, or fails after 10 s.
 */
const STUB = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
void llapi_msg_set_level(int level) { (void)level; }
int llapi_obd_statfs(char *path, uint32_t type, uint32_t index, void *answer, void *uuid)
{
    (void)answer, (void)uuid;
    if (type != 1 || path[0] != '/') return -EINVAL;
    return index == 1 ? -EAGAIN : index == 2 ? -ENODATA : index > 3 ? -ENODEV : 0;
}
static int low(int fd) { struct stat s; return fstat(fd, &s) == 0 ? (int)(s.st_mode & 7) : -1; }
static int opened(void)
{
    struct timespec pause = { 0, 1000000 };
    const char *gate = getenv("HPC_TEST_GATE");
    for (int i = 0; i < 10000; i++, nanosleep(&pause, 0))
        if (gate && access(gate, F_OK) == 0) return 1;
    return 0;
}
static int failed(int error) { errno = error; return -1; }
int ioctl(int fd, unsigned long request, void *argument)
{
    uint32_t *words = argument;
    if ((uint32_t)request == 0x800466afu) {
        *words = (uint32_t)low(fd);
        return *words == 6 || (*words == 4 && !opened()) ? failed(EIO) : 0;
    }
    if ((uint32_t)request != 0xc03066f1u) return (int)syscall(SYS_ioctl, fd, request, argument);
    if (words[0] != 0x0cd20cd0u || low(fd) != 7) return failed(ENODATA);
    words[1] = 2;
    words[12 + 5] = 0;
    words[12 + 6 + 5] = 3;
    return 0;
}`;

/**
 * Prints what a survey of argv[1] is told, and opens the gate argv[2] when the event loop has
 * turned twenty times.
 */
const SURVEY = `
import { writeFileSync } from "node:fs";
import { parseParams, shardingOf, surveyTree } from "@podheitor/hpc-backend";
const [tree, gate] = process.argv.slice(2);
const params = parseParams([["path", Buffer.from(tree)], ["shard", Buffer.from("1/2")], ["strategy", Buffer.from("lustre-mdt")]]);
const sharding = await shardingOf(params, "");
let turns = 0;
const timer = setInterval(() => { if (++turns === 20) writeFileSync(gate, ""); }, 1);
const told = {};
const entry = (cursor) => {
  const path = [cursor.dir, ...(cursor.nameLength > 0 ? [cursor.name] : [])].join("/");
  told[path.slice(tree.length)] = [[...cursor.mdts], sharding.place(cursor)];
};
const { scanned } = await surveyTree(params, { directory() {}, entry }, { byMdt: sharding.byMdt });
clearInterval(timer);
console.log(JSON.stringify({ scanned, told, turns }));
`;

let work: string;
let library: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "hpc-mdts-"));
  library = join(work, "liblustreapi.so.1");
  writeFileSync(join(work, "stub.c"), STUB);
  const flags = ["-shared", "-fPIC", "-Wl,-soname,liblustreapi.so.1"];
  execFileSync("cc", [...flags, "-o", library, join(work, "stub.c")]);
});
afterAll(() => rmSync(work, { recursive: true }));

test("the MDTs, holes and unreachable ones included", async () => {
  expect(await hostMdts([Buffer.from(work)], [library])).toEqual([0, 2, 3]);
});

test("without the library there is no information", async () => {
  expect(await hostMdts([Buffer.from(work)], [join(work, "missing.so")])).toBeUndefined();
});

describe("the scan of lustre-mdt", () => {
  const EVERY_SHARD = -1;
  let outcome: { scanned: number; told: Record<string, [number[], number]>; turns: number };
  beforeAll(() => {
    const tree = join(work, "tree");
    for (const [name, mode] of [
      [".", 0o702],
      ["zero", 0o700],
      ["striped", 0o707],
      ["unknown", 0o706],
      ["silent", 0o704],
    ] as const) {
      mkdirSync(join(tree, name), { recursive: true });
      writeFileSync(join(tree, name, "file"), "");
      chmodSync(join(tree, name), mode);
    }
    const script = join(__dirname, `.mdts-survey-${process.pid}.mts`);
    writeFileSync(script, SURVEY);
    try {
      const gate = join(work, "gate");
      const out = execFileSync(
        process.execPath,
        ["--import", "tsx", "--conditions=@podheitor/source", script, tree, gate],
        {
          cwd: join(__dirname, ".."),
          env: { ...process.env, LD_PRELOAD: library, HPC_TEST_GATE: gate },
          timeout: 60_000,
        },
      );
      outcome = JSON.parse(out.toString());
    } finally {
      rmSync(script);
    }
  }, 70_000);

  test("each directory is asked, and its entries go to the shards of the answer; what does not answer goes to all", () => {
    const { told, scanned } = outcome;
    expect(scanned).toBe(10);
    expect(told[""]).toEqual([[2], 1]); // the root itself; of the MDTs 0, 2 and 3 the second
    expect(told["/file"]).toEqual([[2], 1]);
    expect(told["/zero"]).toEqual([[2], 1]);
    expect(told["/zero/file"]).toEqual([[0], 0]);
    expect(told["/striped/file"]?.[0]).toEqual([0, 3]);
    expect(told["/unknown/file"]).toEqual([[], EVERY_SHARD]);
  });

  test("the event loop turns while an MDT does not answer", () => {
    expect(outcome.told["/silent/file"]?.[0]).toEqual([4]);
    expect(outcome.turns).toBeGreaterThanOrEqual(20);
  });
});

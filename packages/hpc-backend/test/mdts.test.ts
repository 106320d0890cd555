import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hostMdts } from "../src/mdts";

/** liblustreapi's ABI over ordinary directories: the MDT is in the directory's mode bits, 07 = striped over 0 and 3. */
const STUB = `
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
void llapi_msg_set_level(int level) { (void)level; }
int llapi_obd_statfs(char *path, uint32_t type, uint32_t index, void *answer, void *uuid)
{
    (void)answer, (void)uuid;
    if (type != 1 || path[0] != '/') return -EINVAL;
    return index == 1 ? -EAGAIN : index == 2 ? -ENODATA : index > 3 ? -ENODEV : 0;
}
static int low(int fd) { struct stat s; return fstat(fd, &s) == 0 ? (int)(s.st_mode & 7) : -1; }
int llapi_file_fget_mdtidx(int fd, int *index) { int mdt = low(fd); if (mdt == 6) return -EIO; *index = mdt; return 0; }
int ioctl(int fd, unsigned long request, void *argument)
{
    uint32_t *words = argument;
    if ((uint32_t)request != 0xc03066f1u || words[0] != 0x0cd20cd0u || low(fd) != 7) { errno = ENODATA; return -1; }
    words[1] = 2;
    words[12 + 5] = 0;
    words[12 + 6 + 5] = 3;
    return 0;
}`;

let work: string;
let library: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "hpc-mdts-"));
  library = join(work, "liblustreapi.so.1");
  writeFileSync(join(work, "stub.c"), STUB);
  execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(work, "stub.c")]);
});
afterAll(() => rmSync(work, { recursive: true }));

const directory = (mode: number): Buffer => {
  const path = join(work, `d${mode}`);
  mkdirSync(path);
  execFileSync("chmod", [`70${mode}`, path]);
  return Buffer.from(path);
};

test("the MDTs, holes and unreachable ones included, and those of each directory", async () => {
  const source = await hostMdts([Buffer.from(work)], [library]);
  expect(source?.mdts).toEqual([0, 2, 3]);
  expect(source?.mdtsOf(directory(2))).toEqual([2]);
  expect(source?.mdtsOf(directory(7))).toEqual([0, 3]);
  expect(source?.mdtsOf(directory(6))).toBeUndefined();
  expect(source?.mdtsOf(Buffer.from(join(work, "none")))).toBeUndefined();
  expect(source?.mdtsOf(Buffer.from(join(work, "d2")))).toEqual([2]);
});

test("without the library there is no information", async () => {
  expect(await hostMdts([Buffer.from(work)], [join(work, "missing.so")])).toBeUndefined();
});

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BaculaLab, JobResult } from "../src";
import { command } from "../src/command";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

// Attributes, ACLs and holes through a real File Daemon, plain and with its encryption; judged by
// getfattr, getfacl and md5.

const mebibyte = 2 ** 20;
let tree: string;

beforeAll(async () => {
  tree = join(scratch(), "tree");
  mkdirSync(join(tree, "d"), { recursive: true });
  await command(["bash", "-euc", script], { cwd: tree });
  writeFileSync(join(tree, "holes"), "begin");
  truncateSync(join(tree, "holes"), 64 * mebibyte);
  writeFileSync(join(tree, "holes"), "end", { flag: "a" });
});
afterAll(cleanUp);

const script = `
  printf content >file; : >empty; printf plain >plain; ln file second; ln -s gone symlink; mkfifo fifo; mknod null c 1 3; printf x >d/inside
  for f in file empty d; do setfattr -n user.small -v "of $f" $f; setfattr -n user.binary -v 0x00ff0a80 $f; setfattr -n trusted.t -v t $f; done
  setfattr -h -n trusted.sym -v yes symlink; setfattr -n trusted.fifo -v yes fifo; setfattr -n trusted.device -v yes null
  setcap cap_net_raw+ep empty; setfacl -m u:4321:rw,g:77:r file; setfacl -m u:4321:rwx -d -m g:77:rx,o:- d; setfacl -m u:5:r fifo
  chown 1000:1001 file empty d; chmod 2750 d; setfacl -b d/inside; chmod 640 d/inside`;

/**
 * What getfattr and getfacl say of every entry, in order. ACLs are said twice: in the kernel's
 * bytes and in words.
 */
async function attributes(root: string): Promise<string> {
  const list = `find . -print0 | LC_ALL=C sort -z | xargs -0`;
  const ask = `${list} getfattr -h -d -e hex -m - -- ; find . ! -type l -print0 | LC_ALL=C sort -z | xargs -0 getfacl -n -- ; ${list} stat -c '%n %F %a %u:%g'`;
  return (await command(["bash", "-c", `cd "$0" && ${ask}`, root])).stdout.toString();
}

const md5 = (...parts: Buffer[]) => {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest("base64").replace(/=+$/, "");
};

async function digests(lab: BaculaLab, job: JobResult): Promise<Map<string, string>> {
  const rows = await lab.catalog(job.jobId);
  return new Map(rows.map((row) => [row.name.toString().slice(tree.length + 1), row.digest]));
}

/** Into a folder whose default ACL must not show on anything. */
async function restored(lab: BaculaLab, job: JobResult): Promise<string> {
  const where = scratch();
  await command(["setfacl", "-d", "-m", "u:9999:rwx,g:8888:rwx", where]);
  const result = await lab.restore({ jobIds: [job.jobId], where });
  expect([result.status, result.errors, result.messages]).toEqual([
    "ok",
    0,
    expect.stringContaining("attributes not set in full 0"),
  ]);
  return join(where, tree);
}

async function expectSame(copy: string): Promise<void> {
  expect(await attributes(copy)).toBe(await attributes(tree));
  for (const name of ["file", "empty", "plain", "d/inside", "holes"]) {
    await command(["cmp", join(tree, name), join(copy, name)]);
  }
  expect(statSync(join(copy, "holes")).blocks).toBeLessThanOrEqual(
    1.1 * statSync(join(tree, "holes")).blocks,
  );
  expect(statSync(join(copy, "second")).ino).toBe(statSync(join(copy, "file")).ino);
}

describe.each(chosenReleases)("Bacula %s", (release) => {
  test("attributes, ACLs and holes come back, whatever ACL the target's folder hands down", async () => {
    const options = ["signature = MD5", "compression = GZIP"];
    const lab = await labWith(release, [pluginJob("Plugin", tree, "", { options })], {
      pluginDir: installedPlugin(),
    });
    const job = await lab.run("Plugin");
    expect([job.status, job.letter, job.errors]).toEqual(["ok", "T", 0]);
    expect(job.bytes).toBeLessThan(mebibyte);
    await expectSame(await restored(lab, job));
    const digest = await digests(lab, job);
    expect(digest.get("file")).toBe(md5(readFileSync(join(tree, "file"))));
    // A sparse file's digest covers the blocks that were sent, as with the stock daemon's "sparse =
    // yes": 65,528 bytes each, the last one always.
    const content = readFileSync(join(tree, "holes"));
    const block = 65_528;
    expect(digest.get("holes")).toBe(
      md5(content.subarray(0, block), content.subarray(Math.floor(content.length / block) * block)),
    );
    // Without our plugin there are no attributes, but the bytes.
    const [volume = ""] = await lab.volumes(job.jobId);
    const extracted = scratch();
    await lab.bextract(volume, extracted);
    for (const name of ["file", "empty", "holes"])
      await command(["cmp", join(tree, name), join(extracted, tree, name)]);
    await lab.stop();
  });

  test("the same with the File Daemon's encryption, where digests cover the logical content", async () => {
    const keys = scratch();
    const make = `openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=lab && cat key cert >pair`;
    await command(["bash", "-c", make], { cwd: keys });
    const fileDaemon = [
      "PKI Signatures = yes",
      "PKI Encryption = yes",
      `PKI Keypair = "${join(keys, "pair")}"`,
    ];
    const lab = await labWith(release, [pluginJob("Plugin", tree)], {
      pluginDir: installedPlugin(),
      fileDaemon,
    });
    const job = await lab.run("Plugin");
    expect([job.status, job.letter, job.errors]).toEqual(["ok", "T", 0]);
    expect(job.messages).toMatch(/Encryption: +yes/);
    const digest = await digests(lab, job);
    for (const name of ["file", "holes"])
      expect(digest.get(name)).toBe(md5(readFileSync(join(tree, name))));
    await expectSame(await restored(lab, job));
    await lab.stop();
  });
});

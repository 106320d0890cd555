import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { serverRole } from "./server-role";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hpc-server-role-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  ["proc/fs/lustre/obdfilter/testfs-OST000a", "it is a Lustre server (testfs-OST000a)"],
  ["sys/fs/lustre/mdt/testfs-MDT0000", "it is a Lustre server (testfs-MDT0000)"],
])("%s", (directory, role) => {
  mkdirSync(join(root, directory), { recursive: true });
  expect(serverRole(root, "fd1")).toBe(role);
});

test("a Lustre client, and a server's module without targets, are none", () => {
  for (const name of [
    "osc/testfs-OST0000-osc-ffff8800",
    "mdc/testfs-MDT0000-mdc-ffff8800",
    "obdfilter",
    "mdt",
  ])
    mkdirSync(join(root, "sys/fs/lustre", name), { recursive: true });
  expect(serverRole(root, "fd1")).toBeUndefined();
});

test("many targets are counted", () => {
  for (let i = 0; i < 6; i++)
    mkdirSync(join(root, `proc/fs/lustre/obdfilter/fs-OST000${i}`), { recursive: true });
  expect(serverRole(root)).toMatch(/fs-OST0003, 2 more\)$/);
});

test("a node that the cluster's configuration names as a disk's server", () => {
  mkdirSync(join(root, "var/mmfs/gen"), { recursive: true });
  const lines = [
    "%%home%%:20_MEMBER_NODE::1:1:client1:10.0.0.9:client1.cluster:",
    "%%home%%:40_SG_DISKS:gpfs1:1:nsd1:1048576:1:dataAndMetadata:0A00000A:nsd:nsd1.cluster,nsd2.cluster:::",
  ];
  writeFileSync(join(root, "var/mmfs/gen/mmsdrfs"), lines.join("\n"));
  expect(serverRole(root, "nsd2")).toBe("it is a GPFS NSD server");
  expect(serverRole(root, "client1")).toBeUndefined();
});

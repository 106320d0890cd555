import { tmpdir } from "node:os";
import { expect, test } from "@jest/globals";
import { EntryKind } from "@podheitor/hpc-ptcomm";
import fc from "fast-check";
import { LINK_STREAMS } from "../limits";
import { StandIns } from "../restore/stand-ins";
import { type Inode, KEY_WORDS, keyOf } from "./link-key";
import { LinkGroups } from "./links";
import { LinkSpill } from "./links-spill";

const inode = (inoLo: number, inoHi = 0, more: Partial<Inode> = {}): Inode => ({
  ...{
    inoLo,
    inoHi,
    devLo: 5,
    devHi: 0,
    birthLo: 0,
    birthHi: 0,
    kind: EntryKind.REGULAR,
    uid: 1000,
    gid: 1000,
  },
  ...{ sizeLo: 4, sizeHi: 0, ...more },
});

test.each([
  ["in memory", 1_000],
  ["on disk beyond a few", 3],
  ["all on disk", 0],
])("hard-link groups %s: one leader, then links, closed with the last name", (_, budget) => {
  const some = fc.record({
    ino: fc.integer({ min: 1, max: 0xffff_ffff }),
    hi: fc.integer({ min: 0, max: 3 }),
    nlink: fc.integer({ min: 2, max: 5 }),
  });
  const inodes = fc.uniqueArray(some, {
    selector: ({ ino, hi }) => `${ino}.${hi}`,
    maxLength: 200,
  });
  fc.assert(
    fc.property(inodes, fc.infiniteStream(fc.nat()), (all, random) => {
      const links = new LinkGroups({ budget });
      const names = all.flatMap((one, at) =>
        Array.from({ length: one.nlink }, (_, name) => ({ ...one, at, name })),
      );
      names.sort(() => (random.next().value % 3) - 1);
      const sent = new Map<number, { group: number; leader: string; count: number }>();
      for (const { ino, hi, nlink, at, name } of names) {
        const later = links.later(inode(ino, hi));
        const known = sent.get(at);
        if (known === undefined) {
          expect(later).toBeUndefined();
          const full = `${at}/${name}`;
          sent.set(at, {
            group: links.lead(inode(ino, hi), nlink, Buffer.from(full)),
            leader: full,
            count: 1,
          });
        } else {
          known.count++;
          expect(later?.leader.toString()).toBe(known.leader);
          expect(later?.group).toBe(known.group);
          expect(later?.last).toBe(known.count === nlink);
        }
      }
      expect(new Set([...sent.values()].map(({ group }) => group)).size).toBe(all.length);
      expect(links.size).toBe(0);
      links.close();
    }),
    { numRuns: budget === 1_000 ? 200 : 50 },
  );
});

test("groups of two streams are never one, in memory, on disk, or at the receiver", () => {
  const standIns = new StandIns();
  const groups = new Set<number>();
  const name = Buffer.from("/name");
  for (const stream of [0, 1, LINK_STREAMS - 1]) {
    const links = new LinkGroups({ budget: 1, stream });
    for (const one of [1, 2]) {
      const group = links.lead(inode(one, 1), 2, name);
      groups.add(group);
      expect(standIns.get(BigInt(group))).toBeUndefined();
      standIns.add(BigInt(group), Buffer.from(String(group)));
      expect(standIns.get(BigInt(group))?.toString()).toBe(String(group));
    }
    for (const one of [1, 2]) expect(groups).toContain(links.later(inode(one, 1))?.group);
    links.close();
  }
  standIns.close();
  expect([...groups].slice(0, 4)).toEqual([1, 2, 2 ** 40 + 1, 2 ** 40 + 2]);
  expect(groups.size).toBe(6);
  for (const stream of [-1, LINK_STREAMS])
    expect(() => new LinkGroups({ stream })).toThrow("stream");
});

test("hard-link groups on disk: the table grows, forgets, and is made anew", () => {
  const links = new LinkGroups({ budget: 100 });
  const name = (i: number) => Buffer.from(`/some/directory/name-${i}`);
  const groups = new Map<number, number>();
  // More come than go: 4,000 in the end, after 8,000 leaders.
  for (let i = 1; i <= 8_000; i++) {
    expect(links.later(inode(i, 1))).toBeUndefined();
    groups.set(i, links.lead(inode(i, 1), 3, name(i)));
    if (i % 2 === 0) {
      const one = i / 2;
      expect(links.later(inode(one, 1))).toEqual({
        group: groups.get(one),
        leader: name(one),
        last: false,
      });
      expect(links.later(inode(one, 1))).toEqual({
        group: groups.get(one),
        leader: name(one),
        last: true,
      });
    }
  }
  expect(links.size).toBe(4_000);
  expect(links.spilled).toBeGreaterThan(3_800);
  for (let i = 4_001; i <= 8_000; i++) expect(links.later(inode(i, 1))?.leader).toEqual(name(i));
  links.close();
});

test("hard-link groups on disk: bytes of finished groups are used again", () => {
  const spill = new LinkSpill(tmpdir(), 4096);
  const key = (inoLo: number) => {
    const words = new Uint32Array(KEY_WORDS);
    keyOf(inode(inoLo), words);
    return words;
  };
  const name = (i: number) => Buffer.alloc(1 + (i % 300), `${i} `);
  // A hundred at once, of 1,500 in all.
  for (let i = 1; i <= 1_500; i++) {
    spill.lead(key(i), i, 1, name(i));
    if (i > 100)
      expect(spill.later(key(i - 100))).toEqual({
        group: i - 100,
        leader: name(i - 100),
        last: true,
      });
  }
  expect(spill.size).toBe(100);
  expect(spill.nameBytes).toBeLessThan(300 * 512);
  for (let i = 1_401; i <= 1_500; i++) expect(spill.later(key(i))?.leader).toEqual(name(i));
  spill.close();
});

test.each([
  ["in memory", 100],
  ["on disk", 0],
])("an inode number that was given to another file is another group %s", (_, budget) => {
  const links = new LinkGroups({ budget });
  const user = { birthLo: 7, birthHi: 3 };
  links.lead(inode(1, 0, user), 3, Buffer.from("user's"));
  links.lead(inode(2), 3, Buffer.from("without a birth"));
  // Root's, who got the number later; another kind; another owner; and where no birth is known,
  // another size.
  for (const more of [
    { birthLo: 8 },
    { birthHi: 4 },
    { birthLo: 0, birthHi: 0 },
    { kind: EntryKind.SYMLINK },
    { uid: 0 },
  ])
    expect(links.later(inode(1, 0, { ...user, ...more }))).toBeUndefined();
  for (const more of [
    { birthLo: 4 },
    { kind: EntryKind.FIFO },
    { uid: 0 },
    { gid: 0 },
    { sizeLo: 5 },
    { sizeHi: 1 },
  ])
    expect(links.later(inode(2, 0, more))).toBeUndefined();
  const root = links.lead(inode(1, 0, { ...user, birthLo: 8, uid: 0 }), 2, Buffer.from("root's"));
  // A file that grows is the same file still.
  expect(links.later(inode(1, 0, { ...user, sizeLo: 5 }))?.leader.toString()).toBe("user's");
  expect(links.later(inode(1, 0, { ...user, birthLo: 8, uid: 0 }))).toEqual({
    ...{ group: root, leader: Buffer.from("root's"), last: true },
  });
  expect(links.later(inode(1, 0, user))?.last).toBe(true);
  expect(links.later(inode(2))?.last).toBe(false);
  links.close();
});
test("a working directory that cannot be used is an error that names it", () => {
  const links = new LinkGroups({ budget: 0, directory: "/nonexistent" });
  expect(() => links.lead(inode(1), 2, Buffer.from("x"))).toThrow(
    "/nonexistent cannot be used: ENOENT",
  );
});

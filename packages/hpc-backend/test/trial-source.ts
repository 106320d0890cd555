import { EntryKind, NO_COUNTS, RecordWriter } from "@podheitor/hpc-walker";
import type { EntrySource } from "../src/source/source";

/**
 * A source as docs/architecture.md shows it: one empty file below `root`, one name that is gone,
 * and a position, which `kept` receives once the receiver has confirmed the end.
 */
export function trialSource(root: Buffer, kept: (position: Buffer) => void): EntrySource {
  const writer = new RecordWriter(Buffer.alloc(4096));
  writer.dir(root);
  writer.entry({ ...FILE, name: Buffer.from("new") });
  const changes = [
    { kind: "batch", bytes: writer.batch },
    { kind: "deleted", names: [Buffer.concat([root, Buffer.from("/gone\n\xff", "latin1")])] },
    { kind: "position", position: Buffer.from("42") },
  ] as const;
  let given = 0;
  return {
    name: "trial",
    capabilities: { frames: true, everyName: false, controls: new Set() },
    next: async () => changes[given++],
    stats: () => ({ ...NO_COUNTS, scanned: 1, handedOut: 1 }),
    control: () => undefined,
    progress: () => ({ directory: root, queued: 0, waitsFor: undefined }),
    stop: () => undefined,
    close: async () => undefined,
    commit: async (position) => kept(position),
  };
}

const FILE = {
  ...{ kind: EntryKind.REGULAR, flags: 0, error: 0, inoHash: 0n, nlink: 1, mode: 0o100644 },
  ...{ link: Buffer.alloc(0), content: Buffer.alloc(0), ino: 7n, dev: 1n, size: 0n, blocks: 0n },
  ...{ mtimeSeconds: 1n, atimeSeconds: 1n, ctimeSeconds: 1n, uid: 0, gid: 0, rdev: 0n },
  ...{ mtimeNanoseconds: 1, atimeNanoseconds: 1, ctimeNanoseconds: 1, blksize: 4096 },
};

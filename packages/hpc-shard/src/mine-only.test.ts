import { expect, test } from "@jest/globals";
import { RecordCursor, RecordType } from "@podheitor/hpc-walker";
import * as fc from "fast-check";
import { batchOf } from "../test/batch";
import { MineOnly } from "./mine-only";

function read(batch: Buffer): string[] {
  const cursor = new RecordCursor();
  const names: string[] = [];
  for (cursor.reset(batch); cursor.next(); ) {
    names.push(cursor.type === RecordType.ENTRY ? `${cursor.dir}/${cursor.name}` : `${cursor.dir}`);
  }
  return names;
}

test("what is mine stays with its directory and in its order, everything else is counted", () => {
  const entries = fc.array(fc.record({ dir: fc.constantFrom("/a", "/b"), mine: fc.boolean() }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 3 }), (batches) => {
      const filter = new MineOnly({
        mine: ({ inoHashLo, dir }) => marks.get(`${dir} ${inoHashLo}`) === true,
      });
      const marks = new Map<string, boolean>();
      let dropped = 0;
      for (const list of batches) {
        const batch = batchOf(list.map(({ dir }, i) => ({ dir, ino: BigInt(i) })));
        const cursor = new RecordCursor();
        const expected: string[] = [];
        let at = 0;
        for (cursor.reset(batch); cursor.next(); ) {
          if (cursor.type !== RecordType.ENTRY) {
            expected.push(`${cursor.dir}`);
            continue;
          }
          const mine = list[at++]?.mine === true;
          marks.set(`${cursor.dir} ${cursor.inoHashLo}`, mine);
          if (mine) expected.push(`${cursor.dir}/${cursor.name}`);
          else dropped++;
        }
        expect(read(filter.of(batch))).toEqual(expected);
      }
      expect(filter.dropped).toBe(dropped);
    }),
  );
});

test("a batch of mine is handed through", () => {
  const batch = batchOf([{ ino: 1n }]);
  expect(new MineOnly({ mine: () => true }).of(batch)).toBe(batch);
});

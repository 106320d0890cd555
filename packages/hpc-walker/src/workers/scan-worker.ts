/**
 * What a worker thread of the TypeScript engine runs. Started by workers-scanner.ts with a
 * WorkerSetup.
 */
import { workerData } from "node:worker_threads";
import { Excludes } from "../excludes/exclude";
import { Looker } from "./look";
import { signal, Word } from "./memory";
import type { WorkerSetup } from "./setup";
import { SlotWriter, Stopped } from "./slots";
import { WorkStack } from "./stack";
import { TreeWorker } from "./tree";

const setup = workerData as WorkerSetup;
const { control } = setup.memory;
const slots = new SlotWriter(setup.memory);
const looker = new Looker(setup, slots);
const tree = new TreeWorker(looker, new WorkStack(setup.memory), control, {
  serial: setup.serialDirectories,
  excludes: new Excludes(setup.excludes, setup.roots),
  markers: setup.markers.map((name) => Buffer.from(name)),
  oneFilesystem: setup.oneFilesystem ?? false,
});

try {
  tree.run(() => slots.flush());
  slots.flush();
} catch (error) {
  if (!(error instanceof Stopped)) throw error;
} finally {
  tree.close();
  Atomics.sub(control, Word.RUNNING, 1);
  signal(control, Word.FILLED);
}

import { type Frame, parseClassic } from "@podheitor/hpc-ptcomm";
import { RecordCursor, RecordType } from "@podheitor/hpc-walker";
import { runBackup } from "./backup-job";
import type { CheckBatch } from "./checks";
import { attributes, ClassicSink } from "./classic-sink";
import { fullName } from "./entry-sink";
import { sinceOf, unexpected } from "./hpc1-work";
import { Sums } from "./sums";
import type { BackupTask, Work } from "./work";

const NONE = Buffer.alloc(0);

/** Backup or estimate over the classic dialect. */
export class ClassicBackup implements Work {
  readonly #task: BackupTask;
  /** Who waits for the plugin's next answer, and the one after it … */
  readonly #waiting: { readonly answered: (frame: Frame) => void; readonly reject: (reason: unknown) => void }[] = [];
  readonly #cursor = new RecordCursor();

  constructor(task: BackupTask) {
    this.#task = task;
    task.signal.addEventListener("abort", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(task.signal.reason);
    });
  }

  async run(): Promise<void> {
    const { emitter, job, content, messages } = this.#task;
    const sums = new Sums();
    const since = sinceOf(job);
    const ask = job.accurate && since !== undefined ? this.#ask : undefined;
    const sink = new ClassicSink(emitter, { content, askFileIndex: this.#fileIndex });
    await runBackup({ ...this.#task, since, ask, sink, sums, jobName: job.name });
    if (sums.xattrsDropped > 0) {
      messages.say(
        "warning",
        `the classic dialect did not carry the extended attributes or ACLs of ${sums.xattrsDropped} entries`,
      );
    }
    messages.say(
      "info",
      `scanned ${sums.scanned}: ${sums.emitted} saved, ${sums.filtered} filtered, ${sums.vanished} vanished, ${sums.failed} failed`,
    );
    emitter.frames.signal("F");
  }

  /** Every frame of the plugin is the answer to the oldest question. */
  frame(frame: Frame): void {
    const next = this.#waiting.shift();
    if (frame.status !== "C" || next === undefined) throw unexpected(frame);
    next.answered(frame);
  }

  readonly #fileIndex = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const answered = (frame: Frame) => {
        const answer = parseClassic(frame.payload);
        if (answer.command === "number") resolve(Number(answer.value));
        else reject(unexpected(frame));
      };
      this.#waiting.push({ answered, reject });
    });

  /** One CHECK for each entry; they travel together, and so do the answers. */
  readonly #ask = (batch: CheckBatch): Promise<Uint8Array> => {
    const { frames } = this.#task.emitter;
    const wanted = new Uint8Array(Math.ceil(batch.count / 8));
    const cursor = this.#cursor;
    return new Promise((resolve, reject) => {
      let index = 0;
      for (cursor.reset(batch.records); cursor.next(); ) {
        if (cursor.type !== RecordType.ENTRY) continue;
        const { headStart, dir, name, link } = cursor;
        const entry = { bytes: batch.records, headStart, dir, name, link, flags: 0, group: 0, holes: NONE };
        for (const command of attributes(entry, fullName(dir, name), undefined, "CHECK")) frames.command(command);
        const at = index++;
        const answered = (frame: Frame) => {
          const answer = parseClassic(frame.payload);
          if (answer.command === "OK") wanted[at >> 3] = (wanted[at >> 3] ?? 0) | (1 << (at & 7));
          else if (answer.command !== "SEEN") reject(unexpected(frame));
          if (at === batch.count - 1) resolve(wanted);
        };
        this.#waiting.push({ answered, reject });
      }
      this.#task.emitter.flush();
    });
  };
}

import { WorkFile } from "../common/work-file";
import { digestOf } from "../common/xxh";
import { NAMES_PER_PASS } from "../limits";

/** u32 words: key lo, key hi, value. */
const WORDS = 3;
const RECORD = 4 * WORDS;
const BUFFER = RECORD * 65_536;

/**
 * Names with a number each, held as the 64 bits of their xxh3: written down in any number, and
 * looked up in passes of which each holds a part of them in memory:
 *
 *     for (const part of names.parts()) …scan…  if (part.holds(name)) part.valueOf(name)
 *
 * Two names of one tree of a billion collide with a probability of a few percent; then a name that
 * is not there seems to be.
 */
export class NameTable {
  readonly #directory: string;
  readonly #perPass: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER);
  #buffered = 0;
  #written = 0;
  #file: WorkFile | undefined;

  constructor(directory: string, perPass = NAMES_PER_PASS) {
    this.#directory = directory;
    this.#perPass = perPass;
  }

  /** Names so far. */
  get count(): number {
    return (this.#written + this.#buffered) / RECORD;
  }

  /** `value`: a u32. Of a name that comes twice, the first counts. Throws HPC_WORK_FILE. */
  add(name: Buffer, value: number): void {
    const { lo, hi } = keyOf(name);
    const at = this.#buffered;
    this.#buffer.writeUInt32LE(lo, at);
    this.#buffer.writeUInt32LE(hi, at + 4);
    this.#buffer.writeUInt32LE(value, at + 8);
    this.#buffered += RECORD;
    if (this.#buffered === BUFFER) this.#flush();
  }

  /** All names, in as many parts as memory asks for; each must be done with before the next. */
  *parts(): Generator<NamePart, void, undefined> {
    const passes = Math.max(1, Math.ceil(this.count / this.#perPass));
    for (let pass = 0; pass < passes; pass++) {
      const part = new NamePart(pass, passes, Math.ceil(this.count / passes));
      const block = Buffer.allocUnsafe(BUFFER);
      for (let at = 0; at < this.#written; at += BUFFER) {
        this.#file?.read(block, at);
        part.addAll(block);
      }
      part.addAll(this.#buffer.subarray(0, this.#buffered));
      yield part;
    }
  }

  close(): void {
    this.#file?.close();
  }

  #flush(): void {
    this.#file ??= new WorkFile(this.#directory);
    this.#file.write(this.#buffer, this.#written);
    this.#written += BUFFER;
    this.#buffered = 0;
  }
}

/** The names of one pass: those whose key leaves `pass` when it is divided by `passes`. */
export class NamePart {
  #slots: Uint32Array;
  #mask: number;
  #size = 0;

  constructor(
    private readonly pass: number,
    private readonly passes: number,
    expected: number,
  ) {
    let slots = 1024;
    while (slots < expected * 1.5) slots *= 2;
    this.#slots = new Uint32Array(slots * WORDS);
    this.#mask = slots - 1;
  }

  addAll(records: Buffer): void {
    for (let at = 0; at < records.length; at += RECORD) {
      const hi = records.readUInt32LE(at + 4);
      if (hi % this.passes === this.pass)
        this.#put(records.readUInt32LE(at), hi, records.readUInt32LE(at + 8));
    }
  }

  /** True when this pass is the one that knows of the name. */
  isFor(name: Buffer): boolean {
    return this.passes === 1 || keyOf(name).hi % this.passes === this.pass;
  }

  /** Its value; undefined: it was not added. Only of names that this part is for. */
  valueOf(name: Buffer): number | undefined {
    const { lo, hi } = keyOf(name);
    const at = this.#find(lo, hi);
    return this.#slots[at + 1] === 0 ? undefined : this.#slots[at + 2];
  }

  #put(lo: number, hi: number, value: number): void {
    const at = this.#find(lo, hi);
    if (this.#slots[at + 1] !== 0) return;
    this.#slots[at] = lo;
    this.#slots[at + 1] = hi;
    this.#slots[at + 2] = value;
    // The parts of an uneven division may be a little larger than expected.
    if (++this.#size * 5 > (this.#mask + 1) * 4) this.#grow();
  }

  #find(lo: number, hi: number): number {
    const slots = this.#slots;
    let slot = lo & this.#mask;
    for (let at = slot * WORDS; ; at = slot * WORDS) {
      if (slots[at + 1] === 0 || (slots[at] === lo && slots[at + 1] === hi)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Uint32Array((this.#mask + 1) * WORDS);
    this.#size = 0;
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 1] !== 0) this.#put(old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0);
    }
  }
}

/** The high word is never 0: that marks an empty slot. */
function keyOf(name: Buffer): { readonly lo: number; readonly hi: number } {
  const digest = digestOf(name);
  return { lo: Number(digest & 0xffff_ffffn), hi: Number(digest >> 32n) || 1 };
}

/**
 * Whether a name is in a sample of one in `every`: the same verdict wherever the name comes from.
 */
export function isSampled(name: Buffer, every: number): boolean {
  // Other bits than those that choose a slot or a pass would do as well; a second hash keeps all of
  // them independent.
  return every === 1 || Number(digestOf(Buffer.concat([SAMPLE, name])) % BigInt(every)) === 0;
}

const SAMPLE = Buffer.from("sample ");

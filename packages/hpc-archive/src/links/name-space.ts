import type { WorkFile } from "../common/work-file";

/** A free block holds the place of the next one of its size. */
const SMALLEST = 16;
const NONE = -1;

/**
 * Room for names in a file, given back and used again: the file grows with the most names held at
 * once, not with all that there ever were.
 * Blocks have sizes of powers of two, and the free ones of a size are a list in the file itself.
 */
export class NameSpace {
  readonly #file: WorkFile;
  readonly #free = new Map<number, number>();
  readonly #link = Buffer.alloc(8);
  #end = 0;

  constructor(file: WorkFile) {
    this.#file = file;
  }

  /** Bytes that the file has, at most. */
  get end(): number {
    return this.#end;
  }

  /** Writes a name, and returns where. Throws HPC_WORK_FILE, as every call does. */
  put(name: Buffer): number {
    if (name.length === 0) return 0;
    const at = this.#take(sizeFor(name.length));
    this.#file.write(name, at);
    return at;
  }

  get(at: number, length: number): Buffer {
    const name = Buffer.alloc(length);
    this.#file.read(name, at);
    return name;
  }

  /** What `put` returned, and the name's length. */
  release(at: number, length: number): void {
    if (length === 0) return;
    const size = sizeFor(length);
    this.#link.writeDoubleLE(this.#free.get(size) ?? NONE);
    this.#file.write(this.#link, at);
    this.#free.set(size, at);
  }

  #take(size: number): number {
    const at = this.#free.get(size) ?? NONE;
    if (at === NONE) {
      this.#end += size;
      return this.#end - size;
    }
    this.#file.read(this.#link, at);
    this.#free.set(size, this.#link.readDoubleLE());
    return at;
  }
}

function sizeFor(length: number): number {
  let size = SMALLEST;
  while (size < length) size *= 2;
  return size;
}

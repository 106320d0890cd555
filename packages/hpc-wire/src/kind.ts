import { EntryKind, ModeType, S_IFMT } from "./layout";

const BY_TYPE = new Map<number, EntryKind>();
const BY_KIND: number[] = [];
for (const name of Object.keys(EntryKind) as (keyof typeof EntryKind)[]) {
  BY_TYPE.set(ModeType[name], EntryKind[name]);
  BY_KIND[EntryKind[name]] = ModeType[name];
}

/** The kind that `st_mode` means; undefined for type bits that Linux does not have. */
export function kindOfMode(mode: number): EntryKind | undefined {
  return BY_TYPE.get(mode & S_IFMT);
}

/** The type bits of `st_mode` that an object of this kind has. */
export function modeType(kind: EntryKind): number {
  return BY_KIND[kind] ?? 0;
}

/** A device has an `st_rdev` that says which. */
export function isDevice(mode: number): boolean {
  const kind = kindOfMode(mode);
  return kind === EntryKind.CHARDEV || kind === EntryKind.BLOCKDEV;
}

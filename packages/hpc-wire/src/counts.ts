/** Reads a structure of 64-bit counts; exact to 2^53. `offsets`: one of the structures here. */
export function countsOf<Name extends string>(
  offsets: Readonly<Record<Name, number>>,
  bytes: Buffer,
): Readonly<Record<Name, number>> {
  const counts = Object.entries<number>(offsets).map(
    ([name, at]) => [name, Number(bytes.readBigUInt64LE(at))] as const,
  );
  return Object.fromEntries(counts) as Record<Name, number>;
}

/** Slips of the pen that a name may be away from what was meant. */
const SLIPS = 2;

/** The name that was probably meant: the one that the fewest changed letters lead to, 2 at most. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, slips: slipsBetween(given, name) }))
    .filter(({ name, slips }) => slips <= Math.min(SLIPS, name.length - 1))
    .sort((a, b) => a.slips - b.slips);
  return best?.name;
}

/** Letters to insert, remove or exchange (Levenshtein); at once for lengths that are far apart. */
function slipsBetween(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > SLIPS) return SLIPS + 1;
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let at = 1; at <= to.length; at++) {
      const exchanged = (above[at - 1] ?? 0) + (from[row - 1] === to[at - 1] ? 0 : 1);
      line.push(Math.min(exchanged, (above[at] ?? 0) + 1, (line[at - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

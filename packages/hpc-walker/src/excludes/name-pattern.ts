import {
  type Component,
  compileComponents,
  compileSet,
  componentMatches,
  Refused,
} from "./exclude";

/** What stands for more patterns than this is refused: `{a,b}` twenty times would be a million. */
const MAX_ALTERNATIVES = 1000;

const [SLASH, BACKSLASH, OPEN_SET, OPEN, COMMA, CLOSE] = Buffer.from(
  "/\\[{,}",
) as Iterable<number> as [number, number, number, number, number, number];

/**
 * A pattern that selects names: `*`, `?`, `[…]` and `**` mean what they mean in an exclude, byte
 * for byte, and `\` takes the meaning from what follows it. `{a,b}` is one of several, with slashes
 * in them or further braces; without a comma in it a brace is itself. A pattern that begins with
 * `/` is a whole name, any other one matches at every level; what lies below a match is selected,
 * too. Time is linear in the name and in the pattern, whatever they are.
 */
export class NamePattern {
  readonly #alternatives: readonly (readonly Component[])[];

  /** Throws an Error whose message is the end of a sentence about the pattern. */
  constructor(pattern: Uint8Array) {
    this.#alternatives = alternatives(Buffer.from(pattern)).map(compile);
  }

  /** @param name a whole name, from `/` on */
  selects(name: Buffer): boolean {
    return this.#alternatives.some((components) => selects(components, name));
  }
}

/** What is wrong with a pattern, as the end of a sentence; undefined: nothing. */
export function namePatternProblem(pattern: Uint8Array): string | undefined {
  try {
    new NamePattern(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function compile(pattern: Buffer): readonly Component[] {
  if (pattern.includes(0)) throw new Refused("holds a NUL");
  let end = pattern.length;
  while (end > 0 && pattern[end - 1] === SLASH) end--;
  if (end === 0 && pattern.length > 0) return []; // "/": all of it
  const whole = pattern[0] === SLASH;
  const components = compileComponents(pattern.subarray(whole ? 1 : 0, end), true);
  return whole ? components : ["**", ...components];
}

/** Backing up to the last `**` suffices, as it does to the last star within a component. */
function selects(components: readonly Component[], name: Buffer): boolean {
  let c = 0;
  let afterAny = -1;
  let from = 1;
  for (let at = 1; c < components.length; ) {
    const component = components[c] as Component;
    if (component === "**" && c + 1 < components.length) {
      afterAny = ++c;
      from = at;
      continue;
    }
    if (at >= name.length) return false;
    const end = endOf(name, at);
    if (component === "**" || componentMatches(component, name, at, end)) {
      c++;
      at = end + 1;
    } else if (afterAny >= 0) {
      c = afterAny;
      at = from = endOf(name, from) + 1;
    } else {
      return false;
    }
  }
  return true;
}

function endOf(name: Buffer, at: number): number {
  let end = at; // a call of indexOf costs more than a component's bytes
  while (end < name.length && name[end] !== SLASH) end++;
  return end;
}

/** The patterns that one with braces stands for. */
function alternatives(pattern: Buffer): Buffer[] {
  const done: Buffer[] = [];
  const pending = [pattern];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const group = firstGroup(next);
    if (group === undefined) {
      done.push(next);
      continue;
    }
    if (done.length + pending.length + group.length > MAX_ALTERNATIVES)
      throw new Refused(`stands for more than ${MAX_ALTERNATIVES} patterns`);
    const [head, tail] = [next.subarray(0, group[0]), next.subarray((group.at(-1) ?? 0) + 1)];
    for (let i = 0; i + 1 < group.length; i++)
      pending.push(Buffer.concat([head, next.subarray((group[i] ?? 0) + 1, group[i + 1]), tail]));
  }
  return done;
}

/** Where the first group that has a comma begins, its commas, and where it ends. */
function firstGroup(pattern: Buffer): readonly number[] | undefined {
  const open: number[][] = [];
  let first: readonly number[] | undefined;
  for (let at = 0; at < pattern.length; ) {
    const byte = pattern[at];
    if (byte === BACKSLASH) at++;
    else if (byte === OPEN) open.push([at]);
    else if (byte === COMMA) open.at(-1)?.push(at);
    else if (byte === CLOSE) {
      const group = open.pop();
      group?.push(at);
      if (
        group !== undefined &&
        group.length > 2 &&
        (group[0] ?? 0) < (first?.[0] ?? pattern.length)
      )
        first = group;
    }
    at = byte === OPEN_SET ? compileSet(pattern, at + 1).end : at + 1;
  }
  return first;
}

import { SCAN_MAX_COMPONENTS, SCAN_MAX_PATTERN } from "@podheitor/hpc-wire";

/**
 * Exclude patterns, as `shim-c/scan/hpc_scan.h` describes them; the TypeScript engine's half of
 * `shim-c/scan/walk/exclude.c`, and built the same way. Names are bytes. A test holds both against `git
 * check-ignore`.
 */

const [BANG, STAR, DASH, SLASH, COLON, QUESTION, OPEN, BACKSLASH, CLOSE, CARET] = Buffer.from(
  "!*-/:?[\\]^",
) as Iterable<number> as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** `"*"`: any run of bytes; otherwise the byte or the bytes that fit, one byte of the name. */
type Token = "*" | number | ReadonlySet<number>;
/** One component of a pattern; `"**"`: any number of them. */
export type Component = "**" | readonly Token[];

interface Pattern {
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
  readonly anchored: boolean;
  readonly components: readonly Component[];
}

/** Why a pattern is refused, as the end of a sentence. */
export class Refused extends Error {}

/** What the engines refuse in this pattern, as the end of a sentence; undefined: nothing. */
export function excludeProblem(pattern: Buffer): string | undefined {
  try {
    compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

/** What a marker's name may not be, as the end of a sentence; undefined: it is good. */
export function markerProblem(name: Buffer): string | undefined {
  if (name.length === 0 || name.length > 255) return "has no name, or one of more than 255 bytes";
  if (name.includes(SLASH) || name.includes(0)) return "holds a slash or a NUL";
  return name.equals(Buffer.from(".")) || name.equals(Buffer.from(".."))
    ? "is every directory's"
    : undefined;
}

/** Whether a name is left out; "depends": on whether it is a directory. */
export type Verdict = "kept" | "excluded" | "depends";
/** The patterns seen from one directory. `isDirectory` undefined: not known yet. */
export type DirectoryExcludes = (name: Buffer, isDirectory: boolean | undefined) => Verdict;

const KEEP_ALL: DirectoryExcludes = () => "kept";

/**
 * What a list of patterns leaves out of a scan. Whether a directory above a name is excluded is
 * another question.
 */
export class Excludes {
  readonly #patterns: readonly Pattern[];
  readonly #roots: readonly Buffer[];

  /**
   * `roots`: the scan's paths without trailing slashes. Patterns must have passed {@link
   * excludeProblem}.
   */
  constructor(patterns: readonly Uint8Array[], roots: readonly Uint8Array[]) {
    this.#patterns = patterns.map((pattern) => compile(Buffer.from(pattern)));
    this.#roots = roots.map((root) => Buffer.from(root));
  }

  /**
   * How far each pattern matches the path of `dir` is found out once, so that a name costs one
   * component of each that got there.
   */
  in(dir: Buffer): DirectoryExcludes {
    if (this.#patterns.length === 0) return KEEP_ALL;
    const path = this.#below(dir);
    const live = this.#patterns
      .map((pattern) => ({
        pattern,
        state: pattern.anchored ? path.reduce((s, n) => step(pattern, s, n), start(pattern)) : 1n,
      }))
      .filter(({ pattern, state }) => (state >> BigInt(pattern.components.length - 1)) & 1n)
      .map(({ pattern }) => pattern)
      .reverse();
    return (name, isDirectory) => {
      for (const pattern of live) {
        if (pattern.directoriesOnly && isDirectory === false) continue;
        const last = pattern.components.at(-1) as Component;
        if (last !== "**" && !componentMatches(last, name)) continue;
        if (pattern.directoriesOnly && isDirectory === undefined) return "depends";
        return pattern.negated ? "kept" : "excluded";
      }
      return "kept";
    };
  }

  /** The components of `dir` below the root that it belongs to; roots do not overlap. */
  #below(dir: Buffer): Buffer[] {
    const root = this.#roots.find(
      (r) =>
        dir.length >= r.length &&
        dir.compare(r, 0, r.length, 0, r.length) === 0 &&
        (r.length === 1 || dir.length === r.length || dir[r.length] === SLASH),
    );
    const names: Buffer[] = [];
    for (let at = (root?.length ?? 0) + (root?.length === 1 ? 0 : 1); at < dir.length; ) {
      const slash = dir.indexOf(SLASH, at);
      const end = slash < 0 ? dir.length : slash;
      names.push(dir.subarray(at, end));
      at = end + 1;
    }
    return names;
  }
}

/**
 * States are sets of positions, a bit for each component. Any number of components may be none, but
 * not at the end.
 */
function skipAnyDepth({ components }: Pattern, state: bigint): bigint {
  let result = state;
  for (let i = 0; i + 1 < components.length; i++) {
    if ((result >> BigInt(i)) & 1n && components[i] === "**") result |= 1n << BigInt(i + 1);
  }
  return result;
}

const start = (pattern: Pattern) => skipAnyDepth(pattern, 1n);

function step(pattern: Pattern, state: bigint, name: Buffer): bigint {
  const { components } = pattern;
  let next = 0n;
  for (let i = 0; i < components.length && state >> BigInt(i); i++) {
    const component = components[i] as Component;
    if (!((state >> BigInt(i)) & 1n)) continue;
    if (component === "**") next |= 1n << BigInt(i);
    else if (i + 1 < components.length && componentMatches(component, name))
      next |= 1n << BigInt(i + 1);
  }
  return skipAnyDepth(pattern, next);
}

/**
 * Whether the bytes of `name` from `start` to `end` fit. Backing up to the last star suffices: what
 * an earlier one could take, the last one can.
 */
export function componentMatches(
  tokens: readonly Token[],
  name: Buffer,
  start = 0,
  end = name.length,
): boolean {
  let t = 0;
  let afterStar = -1;
  let from = start;
  for (let i = start; i < end; ) {
    const token = tokens[t];
    if (token === "*") {
      afterStar = ++t;
      from = i;
    } else if (typeof token === "number" ? token === name[i] : token?.has(name[i] as number)) {
      t++;
      i++;
    } else if (afterStar >= 0) {
      t = afterStar;
      i = ++from;
    } else {
      return false;
    }
  }
  while (tokens[t] === "*") t++;
  return t === tokens.length;
}

const ANY: ReadonlySet<number> = new Set(Array.from({ length: 256 }, (_, i) => i));

function compile(pattern: Buffer): Pattern {
  if (pattern.length > SCAN_MAX_PATTERN)
    throw new Refused(`has more than ${SCAN_MAX_PATTERN} bytes`);
  if (pattern.includes(0)) throw new Refused("holds a NUL");
  const negated = pattern[0] === BANG;
  let at = negated ? 1 : 0;
  const directoriesOnly = pattern.length > at && pattern.at(-1) === SLASH;
  const bytes = pattern.subarray(0, pattern.length - (directoriesOnly ? 1 : 0));
  const anchored = bytes.includes(SLASH, at);
  if (bytes[at] === SLASH) at++;
  const components = compileComponents(bytes.subarray(at), anchored);
  if (components.length > SCAN_MAX_COMPONENTS)
    throw new Refused(`has more than ${SCAN_MAX_COMPONENTS} components`);
  return { negated, directoriesOnly, anchored, components };
}

/**
 * A pattern without what stands before and behind its components; `deep`: two stars are any number
 * of components. Throws {@link Refused}.
 */
export function compileComponents(bytes: Buffer, deep: boolean): readonly Component[] {
  const components: Component[] = [];
  let tokens: Token[] = [];
  const endComponent = () => {
    if (tokens.length === 0) throw new Refused("is empty, or has an empty component");
    const anyDepth = deep && tokens.length > 1 && tokens.every((token) => token === "*");
    components.push(anyDepth ? "**" : tokens);
    tokens = [];
  };
  for (let at = 0; at < bytes.length; ) {
    let byte = bytes[at++] as number;
    if (byte === OPEN) {
      const set = compileSet(bytes, at);
      tokens.push(set.members);
      at = set.end;
      continue;
    }
    const escaped = byte === BACKSLASH;
    if (escaped) byte = escapedByte(bytes, at++);
    if (byte === SLASH) endComponent();
    else if (!escaped && byte === STAR) tokens.push("*");
    else tokens.push(!escaped && byte === QUESTION ? ANY : byte);
  }
  endComponent();
  return components;
}

function escapedByte(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Refused("ends in a backslash");
  return byte;
}

/** A set, whose `[` stands before `from`. Throws {@link Refused}. */
export function compileSet(
  bytes: Buffer,
  from: number,
): { members: ReadonlySet<number>; end: number } {
  const negated = bytes[from] === BANG || bytes[from] === CARET;
  const members = new Set<number>();
  /** What a "-" would begin from. */
  let before: number | undefined;
  let at = from + (negated ? 1 : 0);
  for (let first = true; ; first = false) {
    let byte = bytes[at++];
    if (byte === undefined) throw new Refused('has a "[" without its "]"');
    if (byte === CLOSE && !first) break;
    if (byte === OPEN && bytes[at] === COLON) {
      const close = bytes.indexOf(CLOSE, at + 1);
      if (close < 0) throw new Refused('has a "[" without its "]"');
      if (close > at + 1 && bytes[close - 1] === COLON) {
        for (const member of classMembers(bytes.toString("latin1", at + 1, close - 1)))
          members.add(member);
        at = close + 1;
        before = undefined;
        continue;
      }
    }
    const next = bytes[at];
    if (byte === DASH && before !== undefined && next !== undefined && next !== CLOSE) {
      at++;
      const last = next === BACKSLASH ? escapedByte(bytes, at++) : next;
      for (let i = before; i <= last; i++) members.add(i);
      before = undefined;
      continue;
    }
    if (byte === BACKSLASH) byte = escapedByte(bytes, at++);
    members.add(byte);
    before = byte;
  }
  return {
    members: negated ? new Set([...ANY].filter((byte) => !members.has(byte))) : members,
    end: at,
  };
}

/**
 * The classes of POSIX in ASCII, whatever the locale: pairs of the first and last byte of each
 * range.
 */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "09AZaz",
  alpha: "AZaz",
  blank: "\t\t  ",
  cntrl: "\0\x1f\x7f\x7f",
  digit: "09",
  graph: "!~",
  lower: "az",
  print: " ~",
  punct: "!/:@[`{~",
  space: "\t\r  ",
  upper: "AZ",
  xdigit: "09AFaf",
};

function classMembers(name: string): number[] {
  const ranges = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (ranges === undefined) throw new Refused(`has an unknown class [:${name}:]`);
  const bytes = Buffer.from(ranges, "latin1");
  const isIn = (byte: number) =>
    bytes.some((first, i) => i % 2 === 0 && first <= byte && byte <= (bytes[i + 1] ?? 0));
  return [...ANY].filter(isIn);
}

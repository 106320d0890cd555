import { type GivenName, NamePattern, namePatternProblem } from "@podheitor/hpc-walker";
import { HpcError } from "../common/errors";
import { printable } from "../common/printable";

/** Says whether an archived name was asked for. */
export interface Selector {
  (name: Buffer): boolean;
  /** Patterns and names that nothing has matched so far: how many, and the first of them. */
  unmatched(): { readonly count: number; readonly first: readonly Buffer[] };
}

/** What is asked for; neither patterns nor names: everything. */
export interface Selection {
  /** As bytes, or as text that means its UTF-8; see `NamePattern` of hpc-walker. */
  readonly patterns?: readonly GivenName[];
  /**
   * Names in which nothing is special. One that begins with `/` is a whole name, any other one is
   * that at every level.
   */
  readonly names?: readonly GivenName[];
}

/** What lies below something selected is selected with it. Throws HPC_BAD_PATTERN. */
export function selector({ patterns = [], names = [] }: Selection): Selector {
  if (patterns.length + names.length === 0)
    return Object.assign(() => true, { unmatched: () => ({ count: 0, first: [] }) });
  const matchers = patterns.map(matcher);
  const listed = names.length > 0 ? new NameList(names) : undefined;
  /**
   * Places of the patterns that have matched nothing yet: these are asked of every name, also of
   * one that is wanted anyway.
   */
  let idle = matchers.map((_, place) => place);
  const select = (name: Buffer): boolean => {
    const before = idle.length;
    if (before > 0) idle = idle.filter((place) => matchers[place]?.selects(name) !== true);
    const hit = idle.length < before;
    return listed?.selects(name) || hit || matchers.some((one) => one.selects(name));
  };
  const unmatched = () => {
    const left = listed?.unmatched() ?? [];
    const first = [
      ...idle.slice(0, UNMATCHED_NAMED).map((place) => Buffer.from(patterns[place] ?? "")),
      ...left,
    ];
    return { count: idle.length + (listed?.idle ?? 0), first: first.slice(0, UNMATCHED_NAMED) };
  };
  return Object.assign(select, { unmatched });
}

/** So many of those that match nothing are named. */
const UNMATCHED_NAMED = 10;

function matcher(pattern: GivenName): NamePattern {
  const bytes = Buffer.from(pattern);
  if (bytes.length === 0)
    throw new HpcError("HPC_BAD_PATTERN", "an empty pattern", "Write a name, or leave it out.");
  const problem = namePatternProblem(bytes);
  if (problem !== undefined)
    throw new HpcError(
      "HPC_BAD_PATTERN",
      `the pattern "${printable(bytes)}" ${problem}`,
      "Write \\ before a character that is to be itself: * ? [ { or \\.",
    );
  return new NamePattern(bytes);
}

/**
 * A tree of names, so that a name of the archive costs one look-up for each of its components,
 * however many were listed.
 */
interface Node {
  /** By component, in latin1. */
  readonly below: Map<string, Node>;
  /** A listed name ends here, or one that the components up to here end with. */
  listed: boolean;
  /**
   * Of names that may begin anywhere: the longest other beginning of one that the components up to
   * here end with; undefined: the tree itself.
   */
  shorter: Node | undefined;
  /** A listed name of its own ends here, and nothing has matched it so far. */
  idle: boolean;
  /** Something has come here, and what is listed of `shorter` is known to be matched, too. */
  met: boolean;
}

const SLASH = 0x2f;
const node = (): Node => ({
  below: new Map(),
  listed: false,
  shorter: undefined,
  idle: false,
  met: false,
});

class NameList {
  readonly #whole = node();
  readonly #anywhere = node();
  readonly #names: readonly GivenName[];
  /** Listed names that nothing has matched so far; one that is listed twice is one. */
  idle = 0;

  constructor(names: readonly GivenName[]) {
    this.#names = names;
    for (const name of names.map((each) => Buffer.from(each))) {
      let at = name[0] === SLASH ? this.#whole : this.#anywhere;
      for (const component of components(name)) {
        const next = at.below.get(component) ?? node();
        at.below.set(component, next);
        at = next;
      }
      if (at === this.#anywhere) continue;
      if (!at.listed) this.idle++;
      at.idle = true;
      at.listed = true;
    }
    findShorter(this.#anywhere);
  }

  /** The first of those that nothing has matched, as they were given. */
  unmatched(): Buffer[] {
    const found = new Set<string>();
    for (const each of this.#names) {
      const name = Buffer.from(each);
      if (this.#endOf(name)?.idle) found.add(name.toString("latin1"));
      if (found.size === UNMATCHED_NAMED) break;
    }
    return [...found].map((name) => Buffer.from(name, "latin1"));
  }

  #endOf(name: Buffer): Node | undefined {
    let at: Node | undefined = name[0] === SLASH ? this.#whole : this.#anywhere;
    for (const component of components(name)) at = at?.below.get(component);
    return at;
  }

  /**
   * Whether a listed name ends at `at`; each node is told once of what ends there, so that this
   * costs no time of its own.
   */
  #hit(at: Node | undefined): boolean {
    if (at?.listed !== true) return false;
    for (let one: Node | undefined = at; one !== undefined && !one.met; one = one.shorter) {
      one.met = true;
      if (one.idle) this.idle--;
      one.idle = false;
    }
    return true;
  }

  selects(name: Buffer): boolean {
    let selected = this.#hit(this.#whole);
    const anywhere = this.#anywhere.below.size > 0;
    let whole: Node | undefined = this.#whole;
    let begun = this.#anywhere;
    for (const component of components(name)) {
      // A name is wanted with what is above it, and may itself be listed.
      if (selected && this.idle === 0) return true;
      whole = whole?.below.get(component);
      if (this.#hit(whole)) selected = true;
      if (anywhere) {
        begun = after(begun, component) ?? this.#anywhere;
        if (this.#hit(begun)) selected = true;
      } else if (whole === undefined) return selected;
    }
    return selected;
  }
}

/**
 * The node that `component` leads to from `at`, or from the next shorter beginning from which it
 * leads to one.
 */
function after(at: Node, component: string): Node | undefined {
  for (let from: Node | undefined = at; from !== undefined; from = from.shorter) {
    const next = from.below.get(component);
    if (next !== undefined) return next;
  }
  return undefined;
}

/**
 * As Aho and Corasick do, so that a name of the archive takes time by its length only, whatever it
 * repeats.
 */
function findShorter(tree: Node): void {
  const nodes = [tree];
  for (const from of nodes) {
    for (const [component, next] of from.below) {
      next.shorter =
        (from.shorter === undefined ? undefined : after(from.shorter, component)) ?? tree;
      next.listed ||= next.shorter.listed;
      nodes.push(next);
    }
  }
}

/** Slashes at the end and doubled ones stand for nothing. */
function* components(name: Buffer): Generator<string> {
  for (let at = 0; at < name.length; ) {
    let end = at;
    while (end < name.length && name[end] !== SLASH) end++;
    if (end > at) yield name.toString("latin1", at, end);
    at = end + 1;
  }
}

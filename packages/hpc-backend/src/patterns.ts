import { type GivenName, NamePattern, namePatternProblem } from "@podheitor/hpc-walker";
import { HpcError } from "./errors";
import { printable } from "./printable";

/** Says whether an archived name was asked for. */
export type Selector = (name: Buffer) => boolean;

/** What is asked for; neither patterns nor names: everything. */
export interface Selection {
  /** As bytes, or as text that means its UTF-8; see `NamePattern` of hpc-walker. */
  readonly patterns?: readonly GivenName[];
  /** Names in which nothing is special. One that begins with `/` is a whole name, any other one is that at every level. */
  readonly names?: readonly GivenName[];
}

/** What lies below something selected is selected with it. Throws HPC_BAD_PATTERN. */
export function selector({ patterns = [], names = [] }: Selection): Selector {
  if (patterns.length + names.length === 0) return () => true;
  const matchers = patterns.map(matcher);
  const listed = names.length > 0 ? new NameList(names) : undefined;
  return (name) => listed?.selects(name) || matchers.some((one) => one.selects(name));
}

function matcher(pattern: GivenName): NamePattern {
  const bytes = Buffer.from(pattern);
  if (bytes.length === 0) throw new HpcError("HPC_BAD_PATTERN", "an empty pattern", "Write a name, or leave it out.");
  const problem = namePatternProblem(bytes);
  if (problem !== undefined)
    throw new HpcError(
      "HPC_BAD_PATTERN",
      `the pattern "${printable(bytes)}" ${problem}`,
      "Write \\ before a character that is to be itself: * ? [ { or \\.",
    );
  return new NamePattern(bytes);
}

/** A tree of names, so that a name of the archive costs one look-up for each of its components, however many were listed. */
interface Node {
  /** By component, in latin1. */
  readonly below: Map<string, Node>;
  /** A listed name ends here, or one that the components up to here end with. */
  listed: boolean;
  /** Of names that may begin anywhere: the longest other beginning of one that the components up to here end with; undefined: the tree itself. */
  shorter: Node | undefined;
}

const SLASH = 0x2f;
const node = (): Node => ({ below: new Map(), listed: false, shorter: undefined });

class NameList {
  readonly #whole = node();
  readonly #anywhere = node();

  constructor(names: readonly GivenName[]) {
    for (const name of names.map((each) => Buffer.from(each))) {
      let at = name[0] === SLASH ? this.#whole : this.#anywhere;
      for (const component of components(name)) {
        const next = at.below.get(component) ?? node();
        at.below.set(component, next);
        at = next;
      }
      at.listed = at !== this.#anywhere;
    }
    findShorter(this.#anywhere);
  }

  selects(name: Buffer): boolean {
    if (this.#whole.listed) return true;
    const anywhere = this.#anywhere.below.size > 0;
    let whole: Node | undefined = this.#whole;
    let begun = this.#anywhere;
    for (const component of components(name)) {
      whole = whole?.below.get(component);
      if (whole?.listed) return true;
      if (anywhere) {
        begun = after(begun, component) ?? this.#anywhere;
        if (begun.listed) return true;
      } else if (whole === undefined) return false;
    }
    return false;
  }
}

/** The node that `component` leads to from `at`, or from the next shorter beginning from which it leads to one. */
function after(at: Node, component: string): Node | undefined {
  for (let from: Node | undefined = at; from !== undefined; from = from.shorter) {
    const next = from.below.get(component);
    if (next !== undefined) return next;
  }
  return undefined;
}

/** As Aho and Corasick do, so that a name of the archive takes time by its length only, whatever it repeats. */
function findShorter(tree: Node): void {
  const nodes = [tree];
  for (const from of nodes) {
    for (const [component, next] of from.below) {
      next.shorter = (from.shorter === undefined ? undefined : after(from.shorter, component)) ?? tree;
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

import picomatch from "picomatch";
import { HpcError } from "./errors";

/** Says whether an archived name was asked for. */
export type Selector = (name: Buffer) => boolean;

/**
 * Shell patterns over path bytes: `*` and `?` do not cross `/`, `**` does, `[…]` and `{a,b}` as in bash; `?` is one byte. A pattern that
 * begins with `/` means the full name, any other one matches at every component; what lies below a match is selected with it.
 * No patterns: everything. Throws HPC_BAD_PATTERN.
 */
export function selector(patterns: readonly string[]): Selector {
  if (patterns.length === 0) return () => true;
  const matchers = patterns.map(regex);
  return (name) => {
    const text = name.toString("latin1");
    return matchers.some((matcher) => matcher.test(text));
  };
}

function regex(pattern: string): RegExp {
  if (pattern === "") throw new HpcError("HPC_BAD_PATTERN", "an empty pattern", "Write a name, or leave it out.");
  // Bytes as Latin-1 characters: names need not be UTF-8, and the pattern's own bytes go the same way.
  const bytes = Buffer.from(pattern, "utf8").toString("latin1").replace(/\/+$/, "");
  if (bytes === "") return /^/; // "/": all of it
  // `contains` leaves the anchors out, which are set here.
  const output = picomatch.makeRe(bytes, { dot: true, nonegate: true, contains: true }).source;
  const before = bytes.startsWith("/") ? "" : "/(?:.*/)?";
  // The flag s: a newline in a name is a character like any other.
  return new RegExp(`^${before}(?:${output})(?:/.*)?$`, "s");
}

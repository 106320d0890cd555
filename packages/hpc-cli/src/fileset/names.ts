import { createHash } from "node:crypto";
import { usageError } from "../errors";

/** Bacula's names have at most 127 bytes, and a job that runs gets 24 more for its date. */
export const MAX_PREFIX = 64;

/**
 * A name for the resources of a tree: its path in letters, digits, `-`, `_` and `.`. Where that
 * loses anything, or the path is long, a digest of the path follows, so that two trees never share
 * a name.
 */
export function prefixOf(path: Buffer): string {
  const text = path.toString("latin1").replace(/^\/+/, "");
  const slug = text.replaceAll("/", "-").replace(/[^A-Za-z0-9._-]+/g, "_");
  const plain = slug === text.replaceAll("/", "-") && !text.includes("-");
  if (slug === "") return "root";
  if (plain && slug.length <= 40) return slug;
  return `${slug.slice(0, 40)}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`;
}

/** A prefix that the operator gave. */
export function checkPrefix(prefix: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(prefix) || prefix.length > MAX_PREFIX)
    throw usageError(
      `--job-prefix ${JSON.stringify(prefix)} cannot begin the name of a Bacula resource`,
      `Use up to ${MAX_PREFIX} letters, digits, '-', '_' and '.', beginning with a letter or digit.`,
    );
  return prefix;
}

/**
 * The name of everything that belongs to shard K of N: Job, FileSet, and the Pool where each shard
 * has its own.
 */
export function shardName(prefix: string, index: number, count: number): string {
  return `${prefix}-${index}-of-${count}`;
}

/** K and N of a name that {@link shardName} made. */
export function shardInName(
  name: string,
): { readonly prefix: string; readonly index: number; readonly count: number } | undefined {
  const match = /^(.+)-(\d{1,4})-of-(\d{1,4})$/.exec(name);
  if (match === null) return undefined;
  const [, prefix = "", index, count] = match;
  return { prefix, index: Number(index), count: Number(count) };
}

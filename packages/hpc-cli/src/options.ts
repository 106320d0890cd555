import type { Options } from "yargs";
import { usageError } from "./errors";

/** Options that several commands share, said once so that they mean the same everywhere. */

export const json = flag("print one JSON object per line on standard output");

export const archive = needed("read this archive; - is standard input");

export const pluginDir = value(
  "read filesystem-types in this directory",
  "the one that bacula-fd.conf names",
);

/**
 * An option that may be repeated; each takes one value. Not an array of yargs': that takes no `-`
 * as a value, and without `requiresArg` none at all.
 */
export function repeated(describe: string) {
  return {
    type: "string",
    requiresArg: true,
    coerce: asArray,
    describe,
    defaultDescription: "none",
  } as const satisfies Options;
}

const repeatedValues = new WeakSet<object>();

/** Whether this value is one of an option that may be repeated. */
export const mayRepeat = (values: object): boolean => repeatedValues.has(values);

function asArray(given: string | string[] | undefined): string[] {
  const values = given === undefined ? [] : [given].flat();
  repeatedValues.add(values);
  return values;
}

/** An option with a value. `otherwise`: what holds without it, in words. */
export function value(describe: string, otherwise = "none") {
  return {
    type: "string",
    requiresArg: true,
    describe,
    defaultDescription: otherwise,
  } as const satisfies Options;
}

/** An option that has a value always, if only this one. */
export function valueOr<D extends string>(otherwise: D, describe: string) {
  return { ...value(describe, otherwise), default: otherwise } as const satisfies Options;
}

/** An option that must be given. */
export function needed(describe: string) {
  return {
    type: "string",
    requiresArg: true,
    demandOption: true,
    describe,
  } as const satisfies Options;
}

/** An option without a value. */
export function flag(describe: string) {
  return { type: "boolean", default: false, describe } as const satisfies Options;
}

/** The number of an option that is given as text. Throws HpcError. */
export function whole(text: string, option: string, min = 1, max = 9_999_999_999): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max))
    throw usageError(
      `${option} ${text} is out of range`,
      `Give a whole number from ${min} to ${max}.`,
    );
  return number;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/**
 * The bytes of a size as Bacula writes it: `100G` is 100 x 2^30, `100 GB` 100 x 10^9, a bare number
 * is bytes. Throws HpcError.
 */
export function sizeOf(text: string, option: string): number {
  const [, digits = "", unit = ""] = /^(\d+) *([kmgt]?b?)$/i.exec(text) ?? [];
  const bytes =
    digits === "" ? Number.NaN : Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (!(bytes > 0 && Number.isSafeInteger(bytes)))
    throw usageError(
      `${option} ${JSON.stringify(text)} is no size`,
      `Write bytes, or a number with k, m, g or t (powers of 1024) or kb, mb, gb or tb (powers of 1000), as in ${option} 100G.`,
    );
  return bytes;
}

import type { Options } from "yargs";
import { UsageError } from "./errors";

/** Options that several commands share, said once so that they mean the same everywhere. */

export const json = {
  type: "boolean",
  default: false,
  describe: "one JSON object per line on standard output",
} as const satisfies Options;

export const archive = {
  type: "string",
  demandOption: true,
  requiresArg: true,
  describe: "archive file; - is standard input",
} as const satisfies Options;

/**
 * An option that may be repeated; each takes one value. Not an array of yargs': that takes no `-` as a value, and without `requiresArg`
 * none at all.
 */
export function repeated(describe: string) {
  return { type: "string", requiresArg: true, coerce: asArray, describe } as const satisfies Options;
}

const repeatedValues = new WeakSet<object>();

/** Whether this value is one of an option that may be repeated. */
export const mayRepeat = (values: object): boolean => repeatedValues.has(values);

function asArray(given: string | string[] | undefined): string[] {
  const values = given === undefined ? [] : [given].flat();
  repeatedValues.add(values);
  return values;
}

export function value(describe: string) {
  return { type: "string", requiresArg: true, describe } as const satisfies Options;
}

/** The number of an option that is given as text. Throws UsageError. */
export function whole(text: string, option: string, min = 1, max = 9_999_999_999): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max))
    throw new UsageError(`${option} ${text} is out of range`, `give a whole number from ${min} to ${max}`);
  return number;
}

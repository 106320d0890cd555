import { absolutePath, HpcError, printable } from "@podheitor/hpc-archive";
import type { Sentence } from "@podheitor/hpc-base";
import type { Filesystem } from "@podheitor/hpc-native";
import type { ScanOptions } from "@podheitor/hpc-walker";

/** Commands of podheitor-hpc that have keys of the plugin string as options. */
export type KeyCommand = "backup" | "estimate" | "shard-probe" | "gen-fileset";

/** What the effect of a key may know of the job. */
export interface ScanFacts {
  /** Of the paths, where they can be told. */
  readonly filesystems: readonly Pick<Filesystem, "type" | "isNetwork">[];
  /** Attributes and contents are wanted; false: an estimate. */
  readonly content: boolean;
  /**
   * The scan itself knows that an entry is this job's, so that it may read its content at once.
   */
  readonly knowsOwn: boolean;
  /** What suits the filesystems. */
  suitingThreads(): Promise<number>;
}

/** What a row says, whatever the key's type. */
interface Row<T> {
  /** What the key does: verb and object, no full stop. Range and default are added to it. */
  readonly help: string;
  /** Other names of it, in a plugin string and as an option, which help does not show. */
  readonly aliases?: readonly string[];
  /** The letter of its option. */
  readonly letter?: string;
  /** Commands that have it as an option. */
  readonly commands: readonly KeyCommand[];
  /** What holds where it is not given, if that is no value: "no limit". Default: "none". */
  readonly otherwise?: string;
  /** For the job log: a value that works, but hardly as it was meant. undefined: it is good. */
  warning?(value: T): string | undefined;
  /** What the scan is asked because of it. */
  effect?(value: T, facts: ScanFacts): Partial<ScanOptions> | Promise<Pick<ScanOptions, "threads">>;
}

/** How the bytes of a value are read. */
interface Form<T> {
  /** What it takes, in words: `1 to 512`, `absolute path`. */
  readonly values: string;
  /** The words that it takes, if it takes no others. */
  readonly choices?: readonly string[];
  /** Throws HpcError with the name by which the key was given. */
  read(value: Buffer, name: string): T;
}

/** A key of the plugin string; `T` is what a job gets of it. */
export interface Key<T> extends Row<T> {
  readonly form: Form<unknown>;
  /** Its values are paths. */
  readonly isPath: boolean;
  /** It may be given more than once: `T` is a list. */
  readonly repeatable: boolean;
  readonly default: T;
  readonly defaultText: string;
}

export type KeyTable = Readonly<Record<string, Key<unknown>>>;

/** The one place where keys are made known. */
export function defineKeys<T extends KeyTable>(table: T): T {
  return table;
}

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;
type FieldOf<Name extends string, T> = T extends readonly unknown[]
  ? `${Camel<Name>}s`
  : Camel<Name>;

/** What a job gets of all keys: of `metadata-ops` the field `metadataOps`, of `path` `paths`. */
export type Values<T extends KeyTable> = {
  readonly [Name in keyof T & string as FieldOf<Name, T[Name]["default"]>]: T[Name]["default"];
};

/** The field of a key's value. */
export function fieldOf(name: string, { repeatable }: Key<unknown>): string {
  const camel = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return repeatable ? `${camel}s` : camel;
}

export const ABSOLUTE_PATH: Form<Buffer> = { values: "absolute path", read: absolutePath };

type WithDefault<T, D> = Row<T | D> & { readonly default?: D };

/** Constructors of rows. Without a `default` the job gets undefined. */
export const key = { integer, choice, yesNo, of: single, listOf };

function integer<D extends number | undefined = undefined>({
  min,
  max,
  unit,
  ...row
}: WithDefault<number, D> & {
  readonly min: number;
  readonly max: number;
  /** Of the value: `MiB`. */
  readonly unit?: string;
}): Key<number | D> & { readonly range: { readonly min: number; readonly max: number } } {
  const remedy: Sentence = `Use a whole number from ${min} to ${max}; default: ${defaultText(row)}.`;
  const read = (value: Buffer, name: string) => {
    const text = value.toString("latin1");
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw badValue(name, `${name}=${printable(value)} is out of range`, remedy);
  };
  const values = `${min} to ${max}${unit === undefined ? "" : ` ${unit}`}`;
  return { ...single({ values, read }, row), range: { min, max } };
}

function choice<C extends string, D extends C | undefined = undefined>(
  choices: readonly C[],
  row: WithDefault<C, D>,
): Key<C | D> {
  return single(oneOf(choices, row), row);
}

function yesNo<D extends boolean | undefined = undefined>(
  row: WithDefault<boolean, D>,
): Key<boolean | D> {
  const form = oneOf(["yes", "no"], row);
  return single({ ...form, read: (value, name) => form.read(value, name) === "yes" }, row);
}

/** One value, of a form of its own. */
function single<T, D extends T | undefined = undefined>(
  form: Form<T>,
  row: WithDefault<T, D>,
): Key<T | D> {
  return {
    ...row,
    form,
    isPath: isPath(form),
    repeatable: false,
    default: row.default as D,
    defaultText: defaultText(row),
  };
}

/** Any number of values, in their order. */
function listOf<T>(form: Form<T>, row: Row<readonly T[]>): Key<readonly T[]> {
  return {
    ...row,
    form,
    isPath: isPath(form),
    repeatable: true,
    default: [],
    defaultText: defaultText(row),
  };
}

function isPath(form: Form<unknown>): boolean {
  return form === ABSOLUTE_PATH;
}

function oneOf<C extends string>(choices: readonly C[], row: WithDefault<unknown, unknown>) {
  const remedy: Sentence = `Use one of: ${choices.join(", ")}; default: ${defaultText(row)}.`;
  const read = (value: Buffer, name: string) => {
    const text = value.toString("latin1");
    const chosen = choices.find((candidate) => candidate === text);
    if (chosen !== undefined) return chosen;
    throw badValue(name, `${name}=${printable(value)} is not known`, remedy);
  };
  return { values: choices.join(", "), choices, read };
}

function defaultText({ default: value, otherwise = "none" }: WithDefault<unknown, unknown>) {
  if (value === undefined) return otherwise;
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

export function badValue(name: string, message: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_BAD_VALUE", message, remedy, { key: name });
}

import { existsSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { callFailed, HpcError } from "./errors";
import { TRUST_REMEDY, unfitForRoot } from "./trust";

/**
 * What an argument is: a safe integer, a signed 64-bit bigint, or the address of bytes (which C may
 * write to).
 */
export type ArgumentType = "i64" | "bigint" | "buffer";
/**
 * What comes back: an integer (exact to 2^53), a signed 64-bit bigint, or a *status*: an integer >=
 * 0, -errno becoming a thrown HpcError. There is no u64: ffi-rs returns it wrong from 2^63 on;
 * let C write it to a buffer.
 */
export type ResultType = "i64" | "bigint" | "status";

type Argument<T> = T extends "i64" ? number : T extends "bigint" ? bigint : Uint8Array;
type Arguments<A extends readonly ArgumentType[]> = { [K in keyof A]: Argument<A[K]> };
type Result<R extends ResultType> = R extends "bigint" ? bigint : number;

type Ffi = typeof import("ffi-rs");

const opened = new Map<string, Library>();
let ffi: Ffi | undefined;

/**
 * Loaded when first needed: a process that never calls C does not pay for it, and no worker thread
 * ever loads it.
 */
function loadFfi(library: string): Ffi {
  if (!isMainThread) {
    throw new HpcError(
      "HPC_NATIVE_THREAD",
      `${library}: native libraries are opened by the main thread only`,
      "Open it in the main thread: ffi-rs first loaded by a worker crashes the process at exit.",
    );
  }
  if (ffi) return ffi;
  try {
    ffi = require("ffi-rs") as Ffi;
    return ffi;
  } catch (cause) {
    const why = `${library}: ffi-rs cannot be loaded: ${messageOf(cause)}`;
    throw new HpcError("HPC_NATIVE_MISSING", why, "Install the dependencies with `npm ci`.", {
      cause,
    });
  }
}

/** A shared library that is open for the life of the process. Use it from the main thread. */
export class Library {
  constructor(
    readonly name: string,
    /** The candidate that was found. */
    readonly path: string,
    private readonly ffi: Ffi,
  ) {}

  /**
   * A function of the library. The symbol is looked up at the first call (a missing one throws
   * HPC_NATIVE_BROKEN). A call costs about 1 µs and 1.4 µs per argument, so let C do 100 µs of work
   * in each. The parameters object is reused: not re-entrant.
   *
   *     const next = library.bind("hpc_scan_next", ["i64", "buffer", "i64", "i64"], "i64");
   */
  bind<const A extends readonly ArgumentType[], R extends ResultType>(
    symbol: string,
    args: A,
    result: R,
  ): (...values: Arguments<A>) => Result<R> {
    const { ffi: f } = this;
    const call = this.call(symbol, args, result);
    return (...values: Arguments<A>) => {
      checkArguments(symbol, args, values);
      call.paramsValue = values as unknown[];
      let answer: unknown;
      try {
        answer = f.load(call);
      } catch (cause) {
        throw this.broken(`${symbol}: ${messageOf(cause)}`, cause);
      } finally {
        call.paramsValue = NOTHING; // do not keep the caller's buffers alive
      }
      return answered(symbol, result, answer);
    };
  }

  /**
   * As `bind`, for calls that wait: each runs in a thread of libuv's pool (four by default), about
   * 100 µs there and back, and leaves a third of a kilobyte behind, so let it do much. A call that
   * never returns keeps the process from exiting.
   */
  bindAsync<const A extends readonly ArgumentType[], R extends ResultType>(
    symbol: string,
    args: A,
    result: R,
  ): (...values: Arguments<A>) => Promise<Result<R>> {
    const { ffi: f } = this;
    const call = this.call(symbol, args, result);
    return async (...values: Arguments<A>) => {
      checkArguments(symbol, args, values);
      const paramsValue = values as unknown[];
      inUse.add(values);
      try {
        return answered(
          symbol,
          result,
          await f.load({ ...call, paramsValue, runInNewThread: true }),
        );
      } catch (cause) {
        throw cause instanceof HpcError
          ? cause
          : this.broken(`${symbol}: ${messageOf(cause)}`, cause);
      } finally {
        inUse.delete(values);
      }
    };
  }

  private call(symbol: string, args: readonly ArgumentType[], result: ResultType) {
    const { DataType } = this.ffi;
    const types = { i64: DataType.I64, bigint: DataType.BigInt, buffer: DataType.U8Array };
    return {
      library: this.path,
      funcName: symbol,
      retType: result === "bigint" ? DataType.BigInt : DataType.I64,
      paramsType: args.map((type) => types[type]),
      paramsValue: NOTHING,
    };
  }

  private broken(why: string, cause?: unknown): HpcError {
    return brokenLibrary(this.name, this.path, why, cause);
  }
}

const NOTHING: unknown[] = [];
/**
 * Arguments of calls that are under way in other threads: ffi-rs passes addresses and keeps nothing
 * alive.
 */
const inUse = new Set<readonly unknown[]>();

function answered<R extends ResultType>(symbol: string, result: R, answer: unknown): Result<R> {
  if (result === "status" && (answer as number) < 0) throw callFailed(symbol, answer as number);
  return answer as Result<R>;
}

/** ffi-rs answers a wrong argument with an empty message, so they are looked at first. */
function checkArguments(
  symbol: string,
  types: readonly ArgumentType[],
  values: readonly unknown[],
): void {
  if (values.length !== types.length) {
    throw new TypeError(`${symbol} takes ${types.length} arguments, not ${values.length}`);
  }
  for (let i = 0; i < types.length; i++) {
    const value = values[i];
    const type = types[i];
    const good =
      type === "i64"
        ? Number.isSafeInteger(value)
        : type === "bigint"
          ? typeof value === "bigint" && BigInt.asIntN(64, value) === value
          : value instanceof Uint8Array;
    if (!good) throw new TypeError(`${symbol}: argument ${i} is not ${type}: ${describe(value)}`);
  }
}

function describe(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
}

/** A function without arguments that tells the version of the library's interface. */
export interface VersionCheck {
  readonly symbol: string;
  readonly version: number;
}

/**
 * Opens the first candidate that exists. A candidate with a slash is a path; one without is looked
 * up by the system's loader. Only "not found" goes on to the next: a library that is there and
 * cannot be used is an error that says why. Opening the same file again gives the same object; it
 * is never closed (ffi-rs has one table of libraries per process).
 *
 * Throws HpcError: HPC_NATIVE_MISSING (with everything that was tried), HPC_NATIVE_BROKEN,
 * HPC_NATIVE_THREAD, and HPC_UNTRUSTED_FILE when root would load what others could change.
 */
export function openLibrary(
  name: string,
  candidates: readonly string[],
  check?: VersionCheck,
): Library {
  const f = loadFfi(name);
  for (const path of candidates) {
    const library = opened.get(path) ?? tryOpen(f, name, path);
    if (!library) continue;
    if (check) checkVersion(library, check); // also the first call into it, before any thread exists
    opened.set(path, library);
    return library;
  }
  const tried = candidates.length > 0 ? candidates.join(", ") : "no candidates";
  throw new HpcError(
    "HPC_NATIVE_MISSING",
    `${name} was not found (tried ${tried})`,
    "Build it with `npm run build`, which needs a C compiler and make.",
  );
}

function tryOpen(f: Ffi, name: string, path: string): Library | undefined {
  if (path.includes("/")) {
    if (!existsSync(path)) return undefined;
    const doubt = unfitForRoot(path, __filename);
    if (doubt !== undefined)
      throw new HpcError(
        "HPC_UNTRUSTED_FILE",
        `${name} is not loaded by root, as ${doubt}`,
        TRUST_REMEDY,
      );
  }
  try {
    f.open({ library: path, path });
  } catch (cause) {
    const why = messageOf(cause);
    // The loader names the file it misses: the candidate itself, or something that the candidate
    // needs.
    if (
      !path.includes("/") &&
      why.startsWith(`${path}: cannot open shared object file: No such file`)
    )
      return undefined;
    throw brokenLibrary(name, path, why, cause);
  }
  return new Library(name, path, f);
}

function checkVersion(library: Library, { symbol, version }: VersionCheck): void {
  const found = library.bind(symbol, [], "i64")();
  if (found !== version) {
    throw brokenLibrary(library.name, library.path, `${symbol}() says ${found}, wanted ${version}`);
  }
}

function brokenLibrary(name: string, path: string, why: string, cause?: unknown): HpcError {
  const remedy = "Build it again with `npm run build`, or install what the loader misses.";
  return new HpcError("HPC_NATIVE_BROKEN", `${name}: ${path} cannot be used: ${why}`, remedy, {
    cause,
  });
}

/** By shape, not `instanceof`: an addon's errors may come from another realm than ours. */
function messageOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "message" in cause
    ? String(cause.message)
    : String(cause);
}

import type { HpcError } from "@podheitor/hpc-base";
import { FRAME_MAX } from "@podheitor/hpc-wire";
import { protocolError } from "./errors";
import type { Pair, Params } from "./pairs";

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
const KEY_BYTE = /[A-Za-z0-9_-]/;
const [SEMICOLON, QUOTE, BACKSLASH, EQUALS, NEWLINE] = [0x3b, 0x22, 0x5c, 0x3d, 0x0a];
/** What a value without quotes cannot hold, or cannot begin or end with. */
const NEEDS_QUOTES = /[;"\n]|^[ \t\r]|[ \t\r]$/;

/**
 * `name:key=value;…`, with quotes where a value needs them. Throws HPC_PLUGIN_STRING for a bad key
 * or a NUL.
 */
export function formatPluginString(name: string, params: Params): Buffer {
  const pairs = params.map(([key, value]) => {
    if (!/^[A-Za-z0-9_-]+$/.test(key))
      throw protocolError("HPC_PLUGIN_STRING", `${JSON.stringify(key)} is no key`);
    if (value.includes(0))
      throw protocolError("HPC_PLUGIN_STRING", `the value of ${key} holds a NUL byte`);
    const text = value.toString("latin1");
    return `${key}=${NEEDS_QUOTES.test(text) ? `"${text.replace(/[\\"]/g, "\\$&")}"` : text}`;
  });
  return Buffer.concat([Buffer.from(`${name}:`), Buffer.from(pairs.join(";"), "latin1")]);
}

/**
 * Splits a plugin string as the shim's C splitter does (`shim-c/wire/hpc_params.h` has the
 * grammar), with the same messages.
 * Throws HPC_PLUGIN_STRING naming the byte (from 1) and the pair.
 */
export function parsePluginString(text: Buffer): Params {
  return new Parser(text).pairs();
}

class Parser {
  readonly #text: Buffer;
  readonly #pairs: Pair[] = [];
  #at: number;
  #pairAt = 0;

  constructor(text: Buffer) {
    this.#text = text;
    const colon = text.indexOf(0x3a);
    this.#at = colon < 0 ? text.length : colon + 1;
  }

  pairs(): Params {
    for (; this.#at < this.#text.length; this.#at++) {
      this.#skipBlanks();
      if (this.#at >= this.#text.length || this.#text[this.#at] === SEMICOLON) continue;
      this.#pairAt = this.#at;
      this.#pairs.push(this.#pair());
    }
    return this.#pairs;
  }

  #pair(): Pair {
    const text = this.#text;
    while (this.#at < text.length && KEY_BYTE.test(String.fromCharCode(text[this.#at] ?? 0)))
      this.#at++;
    const key = text.toString("latin1", this.#pairAt, this.#at);
    const next = text[this.#at];
    if (next !== EQUALS) {
      throw this.#bad(
        this.#at,
        next !== undefined && next !== SEMICOLON && !isBlank(next)
          ? "a key has letters, digits, '-' and '_' only, and '=' follows it"
          : "no '=': a pair is key=value, without blanks round the '='",
      );
    }
    if (key.length === 0) throw this.#bad(this.#at, "no key before '='");
    this.#at++;
    const value = text[this.#at] === QUOTE ? this.#quoted() : this.#bare();
    if (key.length + value.length + 2 > FRAME_MAX)
      throw this.#bad(this.#pairAt, "longer than 999,999 bytes");
    return [key, value];
  }

  #quoted(): Buffer {
    const text = this.#text;
    const open = this.#at++;
    const value: number[] = [];
    for (; this.#at < text.length && text[this.#at] !== QUOTE; this.#at++) {
      if (text[this.#at] === BACKSLASH) {
        if (this.#at + 1 >= text.length) break;
        const escaped = text[this.#at + 1];
        if (escaped !== QUOTE && escaped !== BACKSLASH) {
          throw this.#bad(this.#at, 'within quotes a \\ stands before " or \\ only');
        }
        this.#at++;
      }
      const byte = text[this.#at] ?? 0;
      if (byte === 0) throw this.#bad(this.#at, "a NUL byte");
      value.push(byte);
    }
    if (text[this.#at] !== QUOTE)
      throw this.#bad(open, "the quote that opens here is never closed");
    this.#at++;
    this.#skipBlanks();
    if (this.#at < text.length && text[this.#at] !== SEMICOLON) {
      throw this.#bad(this.#at, "text behind the closing quote: put a ';' between pairs");
    }
    return Buffer.from(value);
  }

  #bare(): Buffer {
    const text = this.#text;
    const start = this.#at;
    if (text[start] === 0x20 || text[start] === 0x09) {
      throw this.#bad(start, "a blank behind '=': remove it, or quote the value");
    }
    const semicolon = text.indexOf(SEMICOLON, start);
    this.#at = semicolon < 0 ? text.length : semicolon;
    let end = this.#at;
    while (end > start && isBlank(text[end - 1])) end--;
    for (let i = start; i < end; i++) {
      if (text[i] === 0) throw this.#bad(i, "a NUL byte");
      if (text[i] === NEWLINE) {
        throw this.#bad(
          i,
          "a newline within the value: put a ';' between pairs, or quote the value",
        );
      }
      if (text[i] === QUOTE) {
        throw this.#bad(
          i,
          'a quote within the value: quote the whole value, and write \\" for a quote',
        );
      }
    }
    return Buffer.from(text.subarray(start, end));
  }

  #skipBlanks(): void {
    while (isBlank(this.#text[this.#at])) this.#at++;
  }

  #bad(at: number, what: string): HpcError {
    const semicolon = this.#text.indexOf(SEMICOLON, this.#pairAt);
    const end = Math.min(semicolon < 0 ? this.#text.length : semicolon, this.#pairAt + 24);
    const excerpt = this.#text.toString("latin1", this.#pairAt, end).replace(/[^\x20-\x7e]/g, "?");
    return protocolError(
      "HPC_PLUGIN_STRING",
      `plugin string, byte ${at + 1}, pair ${this.#pairs.length + 1} ('${excerpt}'): ${what}`,
    );
  }
}

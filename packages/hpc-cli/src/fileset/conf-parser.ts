import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Sentence } from "@podheitor/hpc-base";
import { HpcError } from "../errors";

/** A directive: its name as Bacula compares it (lower case, no blanks), and where it stands. */
export interface Directive {
  readonly key: string;
  /** latin1, without its quotes. */
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

export interface Resource {
  readonly type: string;
  readonly file: string;
  readonly line: number;
  readonly directives: readonly Directive[];
}

/** What follows `@`: the text of that file. Throws what the caller likes. */
export type Include = (name: string, from: string, line: number) => string;

/** More files than this within each other include themselves. */
const MAX_DEPTH = 16;

/**
 * Reads a configuration file and what it includes. `@|command` is not run. @throws HpcError
 * HPC_CONFIGURATION
 */
export function readConfiguration(file: string): Resource[] {
  const read = (name: string, from = "") => {
    try {
      return readFileSync(name, "latin1");
    } catch (error) {
      throw new HpcError(
        "HPC_CONFIGURATION",
        `${from}${(error as Error).message}`,
        "Check the name and its permissions.",
      );
    }
  };
  // As Bacula does, a relative name is taken from the working directory.
  return parseConfiguration(read(resolve(file)), resolve(file), (name, from, line) => {
    if (name.startsWith("|"))
      throw bad(
        from,
        line,
        "what a program prints (@|) is not read",
        "Save its output in a file and include that.",
      );
    return read(resolve(name), `${from}:${line}: `);
  });
}

/**
 * The resources of a Bacula configuration, nested ones flattened into the one they stand in. Knows
 * comments, quotes, `;`, `@file` and names in any case with any blanks. @throws HpcError
 * HPC_CONFIGURATION with file and line
 */
export function parseConfiguration(text: string, file: string, include: Include): Resource[] {
  const resources: Resource[] = [];
  let open:
    | { type: string; file: string; line: number; directives: Directive[]; depth: number }
    | undefined;
  for (const token of expanded(text, file, include, 0)) {
    const { file, line } = token;
    if (token.kind === "open") {
      if (open === undefined) open = { type: token.text, file, line, directives: [], depth: 1 };
      else open.depth++;
    } else if (token.kind === "close") {
      if (open === undefined) throw bad(file, line, "a } without its {", "Count the braces.");
      if (--open.depth === 0) {
        const { depth, ...resource } = open;
        resources.push(resource);
        open = undefined;
      }
    } else if (open === undefined) {
      throw bad(file, line, `${token.key} = stands outside a resource`, "Put it within { }.");
    } else {
      open.directives.push({ key: token.key, value: token.text, file, line });
    }
  }
  if (open !== undefined)
    throw bad(
      open.file,
      open.line,
      `the ${open.type} resource is never closed`,
      "Count the braces.",
    );
  return resources;
}

/**
 * The statements of a file, those of included files in their place: an `@` may stand within a
 * resource, too.
 */
function* expanded(text: string, file: string, include: Include, depth: number): Generator<Placed> {
  for (const statement of statements(text, file)) {
    if (statement.kind !== "include") yield { ...statement, file };
    else if (depth >= MAX_DEPTH)
      throw bad(
        file,
        statement.line,
        `${MAX_DEPTH} files within each other`,
        "Check whether a file includes itself.",
      );
    else
      yield* expanded(
        include(statement.text, file, statement.line),
        statement.text,
        include,
        depth + 1,
      );
  }
}

type Statement =
  | { readonly kind: "include"; readonly text: string; readonly line: number }
  | { readonly kind: "open"; readonly text: string; readonly line: number }
  | { readonly kind: "close"; readonly line: number }
  | {
      readonly kind: "directive";
      readonly key: string;
      readonly text: string;
      readonly line: number;
    };

type Placed = Exclude<Statement, { kind: "include" }> & { readonly file: string };

/** Cuts the text into what stands between `{`, `}`, `;` and ends of lines. */
function* statements(text: string, file: string): Generator<Statement> {
  let line = 1;
  let word = "";
  let key: string | undefined;
  let start = 1;
  const finished = (): Statement | undefined => {
    const value = word.trim();
    const name = key;
    word = "";
    key = undefined;
    if (name !== undefined) return { kind: "directive", key: name, text: value, line: start };
    if (value.startsWith("@")) return { kind: "include", text: value.slice(1).trim(), line: start };
    return undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (word.trim() === "" && key === undefined) start = line;
    if (char === '"') {
      const opened = line;
      for (at++; at < text.length && text[at] !== '"'; at++) {
        if (text[at] === "\\") at++;
        if (text[at] === "\n") line++;
        word += text[at] ?? "";
      }
      if (at >= text.length) throw bad(file, opened, "a quote is never closed", "Close it.");
    } else if (char === "#") {
      while (at + 1 < text.length && text[at + 1] !== "\n") at++;
    } else if (char === "=" && key === undefined) {
      key = word.toLowerCase().replace(/\s+/g, "");
      word = "";
    } else if (char === "{") {
      const type = (key ?? word).toLowerCase().replace(/[\s=]+/g, "");
      word = "";
      key = undefined;
      yield { kind: "open", text: type, line: start };
    } else if (char === "}" || char === ";" || char === "\n") {
      // A resource's name and its brace may stand on two lines.
      const waits = char === "\n" && key === undefined && !word.trim().startsWith("@");
      const statement = waits ? undefined : finished();
      if (statement !== undefined) yield statement;
      if (char === "}") {
        word = "";
        yield { kind: "close", line };
      }
      if (char === "\n") line++;
    } else word += char;
  }
  const last = finished();
  if (last !== undefined) yield last;
}

function bad(file: string, line: number, what: string, remedy: Sentence): HpcError {
  return new HpcError("HPC_CONFIGURATION", `${file}:${line}: ${what}`, remedy);
}

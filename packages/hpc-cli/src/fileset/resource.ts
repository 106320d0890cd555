import { usageError } from "../errors";

/*
 * Bacula's configuration text. Paths are bytes, so text is kept as latin1 strings, one character to
 * a byte, and written as latin1.
 */

/**
 * A quoted value: a backslash takes the next byte as it is. Bacula drops newlines within quotes, so
 * that a value with one cannot be said.
 */
export function quoted(bytes: Buffer | string, what: string): string {
  const text =
    typeof bytes === "string" ? Buffer.from(bytes).toString("latin1") : bytes.toString("latin1");
  if (/[\n\r\0]/.test(text))
    throw usageError(
      `${what} holds a newline or a NUL, which Bacula's configuration cannot say`,
      "Name the directory above it.",
    );
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

/** `Type { … }` with its lines indented; a line may itself be a resource. */
export function resource(type: string, lines: readonly string[]): string {
  return `${type} {\n${lines.map((line) => line.replace(/^(?=.)/gm, "  ").trimEnd()).join("\n")}\n}\n`;
}

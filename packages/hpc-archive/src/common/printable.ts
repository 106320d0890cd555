import { isUtf8 } from "node:buffer";

/**
 * A name for a message: as it is when it is clean UTF-8, otherwise every byte outside printable
 * ASCII as `\xNN` (and a backslash as `\\`). Never contains a newline or an escape sequence, so a
 * log line stays one line.
 */
export function printable(name: Buffer): string {
  if (isUtf8(name)) {
    const text = name.toString("utf8");
    // \p{C}: control, format, surrogate and unassigned code points, which could disturb a terminal.
    if (!/[\p{C}\\]/u.test(text)) return text;
  }
  let text = "";
  for (const byte of name) {
    if (byte === 0x5c) text += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

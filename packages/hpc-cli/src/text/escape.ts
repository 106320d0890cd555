/**
 * Names are bytes and may hold anything but NUL: also the sequences that reprogram a terminal, or
 * the direction marks that make one name look like another.
 */

/** Controls, line separators and marks that change the direction of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u;

const SHORT: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\t": "\\t",
  "\r": "\\r",
  "\\": "\\\\",
};

/**
 * A name for a terminal: what is safe stays, the rest becomes `\n`, `\t`, `\r`, `\\`, or `\xNN` per
 * byte (bash reads it back as `$'…'`).
 */
export function escapeName(name: Buffer): string {
  let out = "";
  for (let at = 0; at < name.length; ) {
    const length = characterLength(name, at);
    const text = length > 0 ? name.toString("utf8", at, at + length) : "";
    const end = at + Math.max(length, 1);
    if (SHORT[text] !== undefined) out += SHORT[text];
    else if (length > 0 && !UNSAFE.test(text)) out += text;
    else for (; at < end; at++) out += `\\x${(name[at] ?? 0).toString(16).padStart(2, "0")}`;
    at = end;
  }
  return out;
}

/** Text that came from elsewhere (a job message), on one line and without control characters. */
export function escapeText(text: string): string {
  return text.replace(new RegExp(UNSAFE, "gu"), (c) => SHORT[c] ?? escapeName(Buffer.from(c)));
}

/** Bytes of the valid UTF-8 character at `at`, 0 if there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const length =
    first < 0x80
      ? 1
      : first < 0xc2
        ? 0
        : first < 0xe0
          ? 2
          : first < 0xf0
            ? 3
            : first < 0xf5
              ? 4
              : 0;
  if (length < 2) return length;
  const slice = bytes.subarray(at, at + length);
  // Overlong forms, surrogates and truncated characters all decode to something that encodes
  // differently.
  return slice.length === length && Buffer.from(slice.toString("utf8"), "utf8").equals(slice)
    ? length
    : 0;
}

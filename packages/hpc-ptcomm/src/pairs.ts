import { protocolError } from "./errors";

/** A key and its value, which is bytes: paths need not be text. */
export type Pair = readonly [key: string, value: Buffer];

/** The pairs of a plugin string, in their order; keys may repeat. */
export type Params = readonly Pair[];

const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** Cuts the one newline that ends a command. Throws HPC_COMMAND when it is not there. */
export function commandText(payload: Buffer): Buffer {
  if (payload.at(-1) !== NEWLINE)
    throw protocolError("HPC_COMMAND", `command ${show(payload)} does not end in a newline`);
  return payload.subarray(0, -1);
}

/** Text of a message frame; its newline may be missing. */
export function messageText(payload: Buffer): string {
  return (payload.at(-1) === NEWLINE ? payload.subarray(0, -1) : payload).toString();
}

/** `key=value`, split at the first '='. Throws HPC_COMMAND. */
export function parsePair(text: Buffer): Pair {
  const at = text.indexOf(EQUALS);
  if (at < 1) throw protocolError("HPC_COMMAND", `${show(text)} is not key=value`);
  return [text.toString("latin1", 0, at), text.subarray(at + 1)];
}

/** Bytes for an error message: printable, short. */
export function show(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1", 0, Math.min(bytes.length, 60)));
}

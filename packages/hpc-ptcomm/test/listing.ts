import {
  decodeAccounting,
  decodeCheck,
  decodeCheckAnswer,
  decodeDataEnd,
  decodeEntry,
  decodeXattrs,
  type Entry,
  type Frame,
  FrameDecoder,
} from "../src/index";

/** The frames of a stream. Throws HpcError like the decoder. */
export function framesOf(bytes: Buffer, piece = bytes.length): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    decoder.push(bytes.subarray(at, at + piece));
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  }
  decoder.end();
  return frames;
}

const text = (bytes: Buffer): string => JSON.stringify(bytes.toString("latin1"));

function entryText(entry: Entry): string {
  const { name, link, holes, ...rest } = entry;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${key === "mode" ? value.toString(8) : value}`,
  );
  const map = holes.map((hole) => ` hole=${hole.offset}+${hole.length}`).join("");
  return `${text(name)} link=${text(link)} ${fields.join(" ")}${map}`;
}

/** A stream of frames for people: one line each. `sender` tells the two forms of K apart. */
export function listing(bytes: Buffer, sender: "plugin" | "backend"): string {
  return framesOf(bytes)
    .map(({ status, payload }) =>
      `${status} ${String(payload.length).padStart(6, "0")} ${describe(status, payload, sender)}`.trimEnd(),
    )
    .join("\n")
    .concat("\n");
}

function describe(status: string, payload: Buffer, sender: "plugin" | "backend"): string {
  switch (status) {
    case "M":
      return entryText(decodeEntry(payload));
    case "B":
      return decodeXattrs(payload)
        .map(({ name, value }) => `${text(name)}=${value.toString("hex")}`)
        .join(" ");
    case "Z":
      return fields(decodeDataEnd(payload));
    case "U":
      return fields(decodeAccounting(payload));
    case "K":
      if (sender === "plugin") {
        const answer = decodeCheckAnswer(payload);
        return `batch=${answer.batch} count=${answer.count} wanted=${Buffer.from(answer.wanted).toString("hex")}`;
      }
      return `batch=${decodeCheck(payload).batch}${decodeCheck(payload)
        .entries.map((entry) => `\n  ${entryText(entry)}`)
        .join("")}`;
    default:
      return payload.length === 0 ? "" : text(payload);
  }
}

function fields(values: object): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

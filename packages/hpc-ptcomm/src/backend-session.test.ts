import { describe, expect, test } from "@jest/globals";
import { HpcError } from "@podheitor/hpc-base";
import fc from "fast-check";
import { framesOf } from "../test/listing";
import { hpc1Plugin, job, params } from "../test/samples";
import { type BackendEvent, BackendSession, HPC1_HELLO } from "./backend-session";
import { encodeFrame } from "./frame";
import { jobPairs, parseJob } from "./job";
import { MAX_PAIRS } from "./limits";
import { FrameWriter } from "./writer";

const command = (text: string) => ({ status: "C", payload: Buffer.from(`${text}\n`) }) as const;
const signal = (status: "F" | "T") => ({ status, payload: Buffer.alloc(0) }) as const;

/** A backend that agrees to everything. */
function drive(bytes: Buffer): { events: BackendEvent[]; said: string } {
  const out = new FrameWriter();
  const session = new BackendSession(out);
  const events: BackendEvent[] = [];
  for (const frame of framesOf(bytes)) {
    const event = session.receive(frame);
    if (!event) continue;
    events.push(event);
    if (ANSWERED.has(event.type)) session.accept();
  }
  return { events, said: out.takeBytes().toString() };
}

/** A session that has taken these frames so far, and agreed. */
function after(...frames: Parameters<BackendSession["receive"]>[0][]): BackendSession {
  const session = new BackendSession(new FrameWriter());
  for (const frame of frames) {
    const event = session.receive(frame);
    if (event !== undefined && ANSWERED.has(event.type)) session.accept();
  }
  return session;
}
const ANSWERED: ReadonlySet<string> = new Set(["configured", "start", "end"]);
const JOB = [command("Job"), command("Name=x"), command("JobID=1"), command("Type=B"), signal("F")];
const PARAMS = [command("Params"), command("path=/a"), signal("F")];

describe("a backup", () => {
  test("hpc/1: job and parameters arrive, every phase is answered", () => {
    const { events, said } = drive(hpc1Plugin());
    expect(events.map((event) => event.type)).toEqual([
      "configured",
      "start",
      "frame",
      "end",
      "terminate",
    ]);
    expect(events[0]).toEqual({ type: "configured", job, params });
    expect(said).toBe(`C000026\n${HPC1_HELLO}\n${"F000000\n".repeat(4)}`);
  });

  test("a parameter's value may hold anything but NUL", () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 1, maxLength: 30 }), (value) => {
        const pair = {
          status: "C",
          payload: Buffer.concat([Buffer.from("path="), value, Buffer.from("\n")]),
        } as const;
        const session = after(command(HPC1_HELLO), ...JOB, command("Params"), pair);
        const event = session.receive(signal("F"));
        expect(event?.type === "configured" && event.params).toEqual([
          ["path", Buffer.from(value)],
        ]);
      }),
    );
  });
});

describe("refusals", () => {
  test("the backend refuses with an abort message, and then takes nothing but T", () => {
    const out = new FrameWriter();
    const session = new BackendSession(out);
    for (const frame of [command(HPC1_HELLO), ...JOB, ...PARAMS]) session.receive(frame);
    session.refuse("unknown key pth: write path");
    expect(out.takeBytes().toString().endsWith("A000028\nunknown key pth: write path\n")).toBe(
      true,
    );
    expect(() => session.receive(command("BackupStart"))).toThrow(HpcError);
    expect(session.receive(signal("T"))).toEqual({ type: "terminate" });
  });

  test.each([
    ["a stock plugin's hello", () => after(command("Hello kubernetes 3"))],
    ["another version", () => after(command("Hello podheitor-hpc hpc/2"))],
    ["no hello", () => after(command("Job"))],
    ["data for a hello", () => after({ status: "D", payload: Buffer.from("x") })],
    [
      "a command without its newline",
      () => after({ status: "C", payload: Buffer.from(HPC1_HELLO) }),
    ],
    ["parameters before the job", () => after(command(HPC1_HELLO), ...PARAMS)],
    ["no key", () => after(command(HPC1_HELLO), command("Job"), command("=x"))],
    ["no '='", () => after(command(HPC1_HELLO), command("Job"), command("Name"))],
    ["end of a block that did not begin", () => after(command(HPC1_HELLO), signal("F"))],
    [
      "a start of another type",
      () => after(command(HPC1_HELLO), ...JOB, ...PARAMS, command("EstimateStart")),
    ],
    ["an unknown start", () => after(command(HPC1_HELLO), ...JOB, ...PARAMS, command("Start"))],
    [
      "a start before the answer",
      () => {
        const session = new BackendSession(new FrameWriter());
        for (const frame of [command(HPC1_HELLO), ...JOB, ...PARAMS, command("BackupStart")])
          session.receive(frame);
      },
    ],
    [
      "too many pairs",
      () =>
        after(
          command(HPC1_HELLO),
          command("Job"),
          ...Array.from({ length: MAX_PAIRS + 1 }, () => command("a=b")),
        ),
    ],
  ])("%s", (_, run) => {
    expect(run).toThrow(HpcError);
  });

  test("accept() where nothing was asked is a mistake of the backend", () => {
    expect(() => after(command(HPC1_HELLO)).accept()).toThrow(RangeError);
  });

  test("any frames in any order give events or an HpcError", () => {
    const texts = [
      HPC1_HELLO,
      "Hello x 3",
      "Job",
      "Params",
      "BackupStart",
      "RestoreStart",
      "END",
      "Name=a",
      "JobID=1",
      "Type=B",
      "",
    ];
    const frames = fc.oneof(
      fc.constantFrom(...texts).map(command),
      fc.constantFrom(signal("F"), signal("T"), { status: "K", payload: Buffer.alloc(3) } as const),
    );
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 25 }), (sequence) => {
        try {
          after(...sequence);
        } catch (error) {
          expect(error).toBeInstanceOf(HpcError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("an error of the plugin is passed on in any phase", () => {
    expect(after().receive({ status: "E", payload: Buffer.from("no\n") })).toEqual({
      type: "error",
      text: "no",
    });
  });
});

describe("job block", () => {
  test("round trip", () => {
    const full = {
      ...job,
      type: "E",
      other: [["Namespace", Buffer.from("n")]],
    } as const;
    expect(parseJob(jobPairs(full))).toEqual(full);
  });
  test.each([
    ["Type", "X"],
    ["Level", "Full"],
    ["JobID", "1e3"],
    ["Since", "yesterday"],
    ["Accurate", "yes"],
    ["Type", "R"],
  ])("%s=%s is refused by name", (key, value) => {
    const pairs = jobPairs(job).filter((pair) => pair[0] !== key);
    expect(() => parseJob([...pairs, [key, Buffer.from(value)]])).toThrow(`${key}="${value}"`);
  });
  test("missing and doubled keys are refused by name", () => {
    const pairs = jobPairs(job);
    expect(() => parseJob(pairs.slice(1))).toThrow("Name is missing");
    expect(() => parseJob([...pairs, ["Level", Buffer.from("F")]])).toThrow("Level is given twice");
  });
  test("frames of the sample are what encodeFrame makes", () => {
    expect(
      hpc1Plugin()
        .subarray(0, 34)
        .equals(encodeFrame("C", Buffer.from(`${HPC1_HELLO}\n`))),
    ).toBe(true);
  });
});

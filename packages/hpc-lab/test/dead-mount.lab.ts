import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { encodeFrame, FrameDecoder, type FrameStatus } from "@podheitor/hpc-ptcomm";
import { LabFs } from "../src/labfs";
import { until } from "../src/wait";
import { atCleanUp, cleanUp, repository, scratch } from "./support";

/* A filesystem that does not answer keeps a job waiting, and nothing else: heartbeats go on. */

/** Five seconds of silence, and some. */
const HEARTBEAT = 15_000;

let backend: ChildProcess | undefined;
afterEach(() => void backend?.kill("SIGKILL"));
afterAll(cleanUp);

const command = (text: string) => encodeFrame("C", Buffer.from(`${text}\n`));

test("the paths of a job lie on a filesystem that does not answer", async () => {
  const below = join(scratch(), "below");
  mkdirSync(join(below, "dir"), { recursive: true });
  const labFs = await LabFs.start(below, join(scratch(), "mount"));
  atCleanUp(() => labFs.stop());
  labFs.rule("getattr hang : /dir");
  atCleanUp(() => labFs.release());

  const child = spawn(
    process.execPath,
    [join(repository, "packages/hpc-backend/dist/podheitor-hpc-backend.cjs"), "backup"],
    { cwd: "/", stdio: ["pipe", "pipe", "inherit"] },
  );
  backend = child;
  const seen: FrameStatus[] = [];
  const decoder = new FrameDecoder();
  child.stdout.on("data", (chunk: Buffer) => {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame; frame = decoder.next()) seen.push(frame.status);
  });
  const acknowledged = (frames: number) =>
    until(
      () => `${frames} frames, but there are ${seen.join()}`,
      HEARTBEAT,
      () => seen.length >= frames,
    );
  child.stdin.write(command("Hello podheitor-hpc hpc/1"));
  await acknowledged(1);
  for (const text of ["Job", "Name=j", "JobID=1", "Type=B", "Level=F"])
    child.stdin.write(command(text));
  child.stdin.write(encodeFrame("F", Buffer.alloc(0)));
  await acknowledged(2);
  child.stdin.write(command("Params"));
  child.stdin.write(command(`path=${join(labFs.mount, "dir")}`));
  child.stdin.write(encodeFrame("F", Buffer.alloc(0)));
  await acknowledged(3);
  expect(seen).toEqual(["C", "F", "H"]);
  expect(labFs.state().hanging).toBeGreaterThan(0);

  // Through FUSE the kernel lets nobody go who waits for an answer, so that much is needed for an
  // end.
  labFs.release();
  await acknowledged(4);
  expect(seen.at(-1)).toBe("F");
  child.stdin.write(encodeFrame("T", Buffer.alloc(0)));
  await once(child, "exit");
}, 60_000);

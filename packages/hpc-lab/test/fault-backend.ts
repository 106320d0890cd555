import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signalProcess } from "../src/bacula/daemon";
import { until } from "../src/wait";
import { type Bench, cancelWhen, type Fault } from "./fault-bench";
import { backendName } from "./support";

const said = (bench: Bench, jobId: number, words: RegExp) =>
  until(`job ${jobId} says ${words}`, 20_000, async () =>
    words.test(await bench.lab.messages(jobId)),
  );

/** A scene of shim-c/fd-plugin/test/fake-backend.c fails the job with these words. */
function scene(name: string, what: string, says: RegExp, more: Partial<Fault> = {}): Fault {
  return {
    name: `fake-${name}`,
    what,
    keys: `path=/f;scene=${name}`, // its names lie below /f
    conf: (bench) => bench.fakeBackend,
    expect: { status: "failed", says: [says] },
    ...more,
  };
}

/** In the middle of a large file, the backend gets a signal. */
function struck(
  name: string,
  what: string,
  signal: NodeJS.Signals,
  says: RegExp,
  more: Partial<Fault> = {},
): Fault {
  return {
    name,
    what,
    rules: ["read hang : %/big"],
    act: async (bench, job) => {
      const { jobId, backend } = await bench.startWithBackend(job);
      await bench.hanging(2);
      signalProcess(backend, signal);
      // What sits in a system call that does not return cannot die: the job must not wait for that.
      const result = await bench.lab.wait(jobId, 30_000);
      return result;
    },
    expect: { status: "failed", says: [says] },
    ...more,
  };
}

const wrapper = (bench: Bench, name: string, before: string) =>
  bench.script(
    name,
    `${before}\nexec ${process.execPath} ${join(bench.programs, `${backendName}.cjs`)} "$@"`,
  );

/** The lines of a configuration for a copy of the backend, of which some files are left out. */
function copiedBundle(bench: Bench, folder: string, wanted: (name: string) => boolean): string[] {
  const bundle = join(bench.programs, folder);
  mkdirSync(bundle);
  for (const name of readdirSync(bench.programs).filter(
    (one) => /\.(cjs|cache|node|so)$/.test(one) && wanted(one),
  ))
    copyFileSync(join(bench.programs, name), join(bundle, name));
  return [`backend = ${join(bundle, `${backendName}.cjs`)}`, `node = ${process.execPath}`];
}

/** What happens to the backend, and what it does. */
export const backendFaults: readonly Fault[] = [
  {
    name: "killed",
    what: "the backend is killed (SIGKILL) while it waits for a slow filesystem",
    short: true,
    rules: ["read delay 300 : %/big"],
    act: async (bench, job) => {
      const { jobId, backend } = await bench.startWithBackend(job);
      await until("it reads", 20_000, () => (bench.fs.state().hits[1] ?? 0) > 0);
      signalProcess(backend, "SIGKILL");
      return bench.lab.wait(jobId);
    },
    expect: {
      status: "failed",
      says: [/backend was killed by signal 9 \(Killed\) before the job was complete/],
    },
  },
  struck(
    "killed-hung",
    "the backend is killed while a filesystem does not answer it",
    "SIGKILL",
    // A thread of it hangs in the kernel and keeps the pipe open: what can be seen is that nothing
    // comes.
    /backend is silent: not one byte for 7 seconds .*It hangs, perhaps on a filesystem that does not answer/,
    { conf: (bench) => [...bench.realBackend, "stall-limit = 7"] },
  ),
  {
    name: "terminated",
    what: "somebody sends the backend SIGTERM",
    rules: ["read delay 300 : %/big"],
    act: async (bench, job) => {
      const { jobId, backend } = await bench.startWithBackend(job);
      await until("it reads", 20_000, () => (bench.fs.state().hits[1] ?? 0) > 0);
      signalProcess(backend, "SIGTERM");
      return bench.lab.wait(jobId);
    },
    expect: {
      status: "failed",
      says: [
        /backend ended with exit code 1 before the job was complete; its last words: .*ended by SIGTERM/,
      ],
    },
  },
  {
    name: "stopped",
    what: "the backend is stopped (SIGSTOP); the stall limit notices",
    short: true,
    conf: (bench) => [...bench.realBackend, "stall-limit = 3"],
    rules: ["read delay 300 : %/big"],
    act: async (bench, job) => {
      const { jobId, backend } = await bench.startWithBackend(job);
      await until("it reads", 20_000, () => (bench.fs.state().hits[1] ?? 0) > 0);
      signalProcess(backend, "SIGSTOP");
      return bench.lab.wait(jobId, 20_000);
    },
    expect: {
      status: "failed",
      says: [/backend is silent: not one byte for 3 seconds \(stall-limit/],
    },
  },
  {
    name: "out-of-memory-start",
    what: "the backend has no memory to start",
    conf: (bench) => wrapper(bench, "poor", "ulimit -v 300000"),
    expect: {
      status: "failed",
      says: [/backend (was killed by signal|ended with exit code).*its last words/],
    },
  },
  {
    name: "out-of-memory-mid-job",
    what: "the backend's heap is exhausted in the middle of the job",
    short: true,
    conf: (bench) => {
      const hog = join(bench.programs, "hog.cjs");
      writeFileSync(
        hog,
        'process.on("SIGUSR2", () => { for (const all = []; ; ) all.push(new Array(1e6).fill(1)); });\n',
      );
      const backend = join(bench.programs, `${backendName}.cjs`);
      return bench.script(
        "hungry",
        `exec ${process.execPath} --max-old-space-size=64 -r ${hog} ${backend} "$@"`,
      );
    },
    rules: ["read delay 300 : %/big"],
    act: async (bench, job) => {
      const { jobId, backend } = await bench.startWithBackend(job);
      await until("it reads", 20_000, () => (bench.fs.state().hits[1] ?? 0) > 0);
      signalProcess(backend, "SIGUSR2");
      return bench.lab.wait(jobId);
    },
    expect: {
      status: "failed",
      says: [
        /backend was killed by signal \d+ .*before the job was complete; its last words/,
        /heap|JavaScript|v8/,
      ],
    },
  },
  scene(
    "garbage",
    "the backend writes bytes that are no frame",
    /backend broke the protocol: it sent bytes that are no frame/,
    {
      short: true,
    },
  ),
  scene(
    "cut",
    "the backend ends in the middle of a frame",
    /backend ended with exit code 0 before the job was complete/,
    {
      short: true,
    },
  ),
  scene("killed", "the backend dies in the middle of a file", /backend was killed by signal 9/),
  scene(
    "exit",
    "the backend ends at once, with a stack trace",
    /exit code 9 before the job was complete; its last words: Error: out of cheese/,
  ),
  scene(
    "closed",
    "the backend closes its output and goes on running",
    /backend closed its output and went on running/,
  ),
  scene("abort", "the backend gives up with a reason", /the tape is on fire; remedy: water/),
  scene("count", "the backend counts more entries than came", /1 entries came, it sent 2/),
  scene("no-sums", "the backend ends without its accounting", /it ended without its accounting/),
  scene(
    "short",
    "fewer bytes of a file came than were sent",
    /60 bytes of data came, 100 were sent/,
  ),
  scene("record", "a damaged entry record", /an entry record is damaged/),
  scene("order", "a frame where none is due", /a frame 'Z' came where an entry was due/),
  scene("inside", "an entry within another's data", /a frame 'M' came within the data of/),
  scene("grandchild", "the backend dies and leaves a child of its own", /killed by signal 9/),
  scene(
    "outside",
    "an entry that is not below a path of the job",
    /it named \/etc\/shadow, which is not below a path/,
    {
      short: true,
    },
  ),
  scene(
    "gone-outside",
    "a deleted name that is not below a path of the job",
    /it named \/etc\/shadow, which is not/,
  ),
  scene("flood", "thousands of messages, one of them of 900 kB", /./, {
    expect: { status: "ok", says: [/15001 more messages of the backend are not shown/] },
  }),
  scene(
    "silent",
    "the backend says nothing more",
    /backend is silent: not one byte for 2 seconds/,
    {
      conf: (bench) => [...bench.fakeBackend, "stall-limit = 2"],
    },
  ),
  scene("stubborn", "the job is cancelled, and the backend ignores SIGTERM", /./, {
    act: async (bench, job) => {
      const jobId = await bench.lab.start(job);
      await said(bench, jobId, /going quiet/);
      await bench.lab.cancel(jobId);
      return bench.lab.wait(jobId, 20_000);
    },
    expect: { status: "cancelled", says: [] },
  }),
  scene("endless", "the job is cancelled while a fast backend fills the pipe", /./, {
    act: cancelWhen(async () => undefined, 20_000),
    expect: { status: "cancelled", says: [] },
  }),
  scene("sums", "the backend's sums do not add up: an error in the job's log", /./, {
    expect: { status: "ok", says: [/entries may be missing from this backup/], unbalanced: true },
  }),
  scene("noisy", "the backend writes 300 KiB to stderr", /./, {
    short: true,
    expect: { status: "ok", says: [/backend wrote to stderr.*its last words:[\s\S]*last line/] },
  }),
  scene("slow", "the backend sends a few bytes at a time, each just within the stall limit", /./, {
    conf: (bench) => [...bench.fakeBackend, "stall-limit = 2"],
    expect: { status: "ok", says: [/scanned 1 entries: emitted 1/] },
  }),
  scene("bad-exit", "the backend ends badly after the job was complete", /./, {
    expect: { status: "ok", says: [/the job is complete, but its backend ended with exit code 7/] },
  }),
  scene("lone-link", "a hard link to a file that was never sent", /./, {
    expect: { status: "ok", says: [/not saved: \/f\/lone is a hard link/] },
  }),
  scene("read-error", "a file ends in an error", /./, {
    expect: { status: "ok", says: [/not read in full 3/] },
  }),
  {
    name: "wrong-version",
    what: "the backend speaks another protocol",
    short: true,
    conf: (bench) =>
      bench.script(
        "old",
        `PODHEITOR_HPC_WRONG_HELLO=1 exec ${join(bench.programs, "fake-backend")} "$@"`,
      ),
    expect: {
      status: "failed",
      says: [
        /it greeted with 'Hello Bacula' instead of 'Hello podheitor-hpc hpc\/1'.*same release/,
      ],
    },
  },
  {
    name: "exec-fails",
    what: "the backend is no program",
    short: true,
    conf: (bench) => {
      const path = join(bench.programs, "no-program");
      writeFileSync(path, "just text\n");
      chmodSync(path, 0o755);
      return [`backend = ${path}`];
    },
    expect: {
      status: "failed",
      says: [/cannot start the backend .*no-program: Exec format error; remedy/],
    },
  },
  {
    name: "backend-missing",
    what: "the backend's file is gone",
    conf: (bench) => [`backend = ${join(bench.programs, "nothing")}`],
    expect: { status: "failed", says: [/podheitor-hpc.*nothing.*No such file/] },
  },
  {
    name: "node-missing",
    what: "the interpreter is gone",
    conf: (bench) => [bench.realBackend[0] as string, `node = ${join(bench.programs, "no-node")}`],
    expect: { status: "failed", says: [/podheitor-hpc.*no-node.*No such file/] },
  },
  {
    name: "backend-untrusted",
    what: "somebody else could change the backend",
    conf: (bench) => {
      const lines = bench.script("loose", "exit 0");
      chmodSync(join(bench.programs, "loose"), 0o777);
      return lines;
    },
    expect: {
      status: "failed",
      says: [/lib\/loose can be changed by group or others \(mode 0777\); remedy: chmod go-w/],
    },
  },
  {
    name: "library-untrusted",
    what: "somebody else could change a library that the backend loads",
    short: true,
    conf: (bench) => {
      const lines = copiedBundle(bench, "loose-library", () => true);
      chmodSync(join(bench.programs, "loose-library/libhpcscan.so"), 0o666);
      return lines;
    },
    expect: {
      status: "failed",
      says: [
        /it does not run as root, as \S+\/libhpcscan\.so is writable by group or others \(mode 0666\)\. Run `chown root`.*HPC_UNTRUSTED_FILE/,
      ],
    },
  },
  {
    name: "conf-damaged",
    what: "the plugin's configuration file is garbage",
    conf: () => ["\u0001\u0002 what = is this"],
    expect: {
      status: "failed",
      says: [/podheitor-hpc-fd\.conf line 1: unknown key '.*what' \(known: backend, node/],
    },
  },
  {
    name: "bad-parameter",
    what: "a plugin string with a key that nobody knows",
    keys: "frobnicate=yes",
    expect: { status: "failed", says: [/frobnicate/] },
  },
  {
    name: "bundle-damaged",
    what: "a native addon of the backend is missing",
    conf: (bench) => copiedBundle(bench, "half", (name) => !name.startsWith("xxhash.")),
    expect: {
      status: "failed",
      says: [
        /before the handshake was complete; its last words: .*Cannot find .*xxhash.*remedy: install it again/,
      ],
    },
  },
  {
    name: "scan-library-missing",
    what: "the scan library is missing: no other engine takes its place",
    conf: (bench) => copiedBundle(bench, "no-scan", (name) => name !== "libhpcscan.so"),
    expect: { status: "failed", says: [/libhpcscan was not found/] },
  },
];

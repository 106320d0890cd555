import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { EntryFlag, ScanOp } from "@podheitor/hpc-wire";
import type { ScanOptions } from "../src/scanner";
import { ENAMETOOLONG } from "../src/system-error";
import { Bench, drain, find, makeChain, makeKinds, mounted, type Seen } from "./contract-bench";

/** The promises of createScanner(), kept by both engines. */
describe.each(["native", "workers"] as const)("createScanner() by the %s engine", (engine) => {
  const bench = new Bench(engine);
  afterAll(() => bench.remove());

  describe("agrees with find", () => agreesWithFind(bench));
  describe("leaves out what nobody wants", () => selects(bench));
  describe("takes roots and content", () => reads(bench));
  describe("runs", () => runs(bench));
  describe("refuses", () => refuses(bench));
});

/** Each entry is what GNU find prints of it. */
function agreesWithFind(bench: Bench): void {
  test.each([false, true])(
    "on every kind of entry and every kind of name (serial directories: %s)",
    async (serial) => {
      const path = bench.tree(`kinds-${serial}`);
      makeKinds(path);
      const { stats, entries } = await bench.expectSameAsFind(path, { serialDirectories: serial });
      expect(stats).toMatchObject({
        handedOut: entries.size,
        failed: 0,
        vanished: 0,
        dirsListed: 4,
      });
    },
  );

  test("on an empty directory, and on a file as root", async () => {
    const path = bench.tree("empty");
    expect((await bench.expectSameAsFind(path)).entries.size).toBe(1);
    const file = join(bench.tree("file"), "f");
    writeFileSync(file, "x");
    expect((await bench.expectSameAsFind(file)).entries.size).toBe(1);
  });

  test("on 5,000 files in one directory, whatever the threads", async () => {
    const path = bench.tree("flat");
    for (let i = 0; i < 5000; i++)
      writeFileSync(join(path, `file ${i} with a somewhat longer name`), "");
    for (const threads of [1, 4]) await bench.expectSameAsFind(path, { threads });
    await bench.expectSameAsFind(path, { ringEntries: 32, ringBytes: 64 << 10 });
  });

  test("on many directories side by side", async () => {
    const path = bench.tree("wide");
    execFileSync(
      "bash",
      ["-c", "mkdir d{1..700}; for i in {1..700}; do : > d$i/a; done; mkdir -p d7/e{1..200}"],
      {
        cwd: path,
      },
    );
    await bench.expectSameAsFind(path);
  });

  test("beyond PATH_MAX, or says of the first name there that it is too long", async () => {
    const path = bench.tree("deep");
    makeChain(path, 300);
    const scanner = bench.start(path);
    if (scanner.capabilities.longPaths) {
      await scanner.close();
      const { entries } = await bench.expectSameAsFind(path);
      expect(Math.max(...[...entries.keys()].map((p) => p.length))).toBeGreaterThan(9000);
    } else {
      const { errors, entries, stats } = await drain(scanner);
      expect(errors).toEqual([expect.objectContaining({ error: ENAMETOOLONG })]);
      expect(stats).toMatchObject({ failed: 1, handedOut: entries.size });
      expect(entries.size).toBeGreaterThan(100);
    }
  });
}

/** What is left out is not read, and counted. */
function selects(bench: Bench): void {
  test("shards: each entry in exactly one, directories are walked by all", async () => {
    const path = bench.tree("shards");
    execFileSync(
      "bash",
      ["-c", "mkdir -p {a..j}/{1..5}; touch {a..j}/{1..5}/{x,y,z}; ln a/1/x b/link"],
      {
        cwd: path,
      },
    );
    const seen: Seen[] = [];
    for (const index of [0, 1, 2])
      seen.push(await bench.scan(path, { shard: { index, count: 3 } }));
    const names = seen.flatMap((s) => [...s.entries.keys()]);
    expect(new Set(names).size).toBe(names.length);
    expect(new Map(seen.flatMap((s) => [...s.entries]))).toEqual(find(path));
    for (const { stats, entries } of seen) {
      expect(entries.size).toBeGreaterThan(30);
      expect(stats).toMatchObject({
        scanned: names.length,
        filteredShard: names.length - entries.size,
        dirsListed: 61,
      });
    }
    const inode = (name: string) => seen.findIndex((s) => s.entries.has(join(path, name)));
    expect(inode("a/1/x")).toBe(inode("b/link"));
  });

  test("since: older means both times; dropped, or kept and marked", async () => {
    const path = bench.tree("since");
    writeFileSync(join(path, "old"), "x");
    writeFileSync(join(path, "new"), "x");
    const since = BigInt(Math.floor(Date.now() / 1000) + 100);
    utimesSync(join(path, "new"), Number(since), Number(since));
    const dropped = await bench.scan(path, { since });
    expect([...dropped.entries.keys()]).toEqual([join(path, "new")]);
    expect(dropped.stats).toMatchObject({ scanned: 3, filteredOlder: 2 });
    const kept = await bench.scan(path, { since, keepOlder: true, inlineBytes: 10 });
    expect(kept.entries.size).toBe(3);
    expect([kept.flags.get(join(path, "old")), kept.flags.get(join(path, "new"))]).toEqual([
      EntryFlag.OLDER,
      0,
    ]);
    expect([kept.content.get(join(path, "old")), kept.content.get(join(path, "new"))]).toEqual([
      undefined,
      "x",
    ]);
  });

  test("leaves out what patterns exclude, each root for itself, and counts it", async () => {
    const path = bench.tree("excludes");
    execFileSync(
      "bash",
      ["-c", "mkdir -p a/{x,keep}/c b/x; touch a/x/f a/keep/{f.o,g.o,h} a/{f.o,f} b/x/f b/f"],
      {
        cwd: path,
      },
    );
    const excludes = ["*.o", "!g.o", "/x/"].map((text) => Buffer.from(text));
    const { entries, stats } = await bench.scan(path, {
      paths: [Buffer.from(`${path}/a/`), Buffer.from(`${path}/b`)],
      excludes,
    });
    const expected = ["a", "a/f", "a/keep", "a/keep/c", "a/keep/g.o", "a/keep/h", "b", "b/f"].map(
      (name) => join(path, name),
    );
    expect([...entries.keys()].sort()).toEqual(expected);
    expect(stats).toMatchObject({ scanned: 12, filteredExcluded: 4, dirsListed: 4 });
    // The same patterns leave the same in every shard, and the shards still add up to the whole.
    const shards = [];
    for (const index of [0, 1, 2])
      shards.push(await bench.scan(join(path, "a"), { excludes, shard: { index, count: 3 } }));
    expect(shards.flatMap((s) => [...s.entries.keys()]).sort()).toEqual(expected.slice(0, 6));
    for (const { stats } of shards) expect(stats.filteredExcluded).toBe(3);
  });

  test("takes paths, patterns and markers as text, too", async () => {
    const path = bench.tree("text");
    execFileSync("bash", ["-c", "mkdir a é; touch a/f a/f.o é/.skip é/g"], { cwd: path });
    const { entries } = await bench.scan(path, {
      paths: [path],
      excludes: ["*.o"],
      markers: [".skip"],
    });
    expect([...entries.keys()].sort()).toEqual(
      ["", "/a", "/a/f", "/é"].map((name) => Buffer.from(path + name).toString("latin1")).sort(),
    );
  });

  test("hands out a marked directory without what is in it", async () => {
    const path = bench.tree("markers");
    execFileSync(
      "bash",
      [
        "-c",
        "mkdir -p {cache,liar,link,kept}/sub; mkdir kept/sub/.nobackup; ln -s nowhere link/.nobackup",
      ],
      {
        cwd: path,
      },
    );
    writeFileSync(
      join(path, "cache/CACHEDIR.TAG"),
      "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n",
    );
    writeFileSync(join(path, "liar/CACHEDIR.TAG"), "Signature: none\n");
    const markers = [Buffer.from("CACHEDIR.TAG"), Buffer.from(".nobackup")];
    const { entries, stats } = await bench.scan(path, { markers });
    const names = [
      "",
      "/cache",
      "/kept",
      "/kept/sub",
      "/liar",
      "/liar/CACHEDIR.TAG",
      "/liar/sub",
      "/link",
    ];
    expect([...entries.keys()].sort()).toEqual(names.map((name) => path + name));
    expect(stats).toMatchObject({ dirsPrunedMarker: 3, dirsListed: 4, scanned: 8 });
    expect((await bench.scan(join(path, "cache"), { markers })).entries.size).toBe(1);
  });

  test("one filesystem: a mount point is handed out, what is mounted there is not", async () => {
    const path = bench.tree("mounts");
    execFileSync("bash", ["-c", "mkdir -p here there; touch here/f"], { cwd: path });
    if (!mounted(join(path, "there"))) return;
    try {
      writeFileSync(join(path, "there", "inside"), "x");
      expect((await bench.scan(path)).entries.size).toBe(5);
      const { entries, stats } = await bench.scan(path, { oneFilesystem: true });
      expect([...entries.keys()].sort()).toEqual(
        ["", "/here", "/here/f", "/there"].map((name) => path + name),
      );
      expect(stats).toMatchObject({ dirsPrunedFilesystem: 1, dirsListed: 2 });
    } finally {
      execFileSync("umount", [join(path, "there")]);
    }
  });

  test("never reads what it prunes: the access time of the directory stays", async () => {
    // O_NOATIME is for owners and root: as somebody else, listing a directory leaves a trace
    // (relatime: mtime is newer than atime).
    if (process.geteuid?.() !== 0) return;
    const path = bench.tree("untouched");
    execFileSync(
      "bash",
      ["-c", "mkdir -m 755 excluded below marked read; touch marked/.nobackup; mkdir below/sub"],
      {
        cwd: path,
      },
    );
    for (const dir of ["", "/marked", "/read", "/excluded", "/below"])
      utimesSync(path + dir, 1000, Date.now() / 1000);
    execFileSync("chmod", ["755", bench.scratch]);
    process.seteuid?.(65534);
    try {
      await bench.scan(path, {
        excludes: [Buffer.from("excluded/"), Buffer.from("/below")],
        markers: [Buffer.from(".nobackup")],
      });
    } finally {
      process.seteuid?.(0);
    }
    const read = (name: string) => statSync(join(path, name)).atimeMs !== 1000_000;
    expect(["read", "excluded", "below", "marked"].filter(read)).toEqual(["read"]);
  });
}

/** Roots, and what rides in the batches. */
function reads(bench: Bench): void {
  test("follows a root that is a symlink, and no other symlink", async () => {
    const path = bench.tree("symlinks");
    mkdirSync(join(path, "real"));
    writeFileSync(join(path, "real", "f"), "");
    symlinkSync("real", join(path, "to-real"));
    const whole = await bench.scan(path);
    expect([...whole.entries.keys()].filter((p) => p.startsWith(join(path, "to-real")))).toEqual([
      join(path, "to-real"),
    ]);
    const followed = await bench.scan(join(path, "to-real"));
    expect([...followed.entries.keys()].sort()).toEqual([
      join(path, "to-real"),
      join(path, "to-real", "f"),
    ]);
  });

  test("says which root is missing, and scans the others", async () => {
    const path = bench.tree("missing");
    const { errors, entries, stats } = await bench.scan(path, {
      paths: [Buffer.from(join(path, "none")), Buffer.from(path)],
    });
    expect(errors).toEqual([{ path: join(path, "none"), op: ScanOp.STAT, error: 2 }]);
    expect([...entries.keys()]).toEqual([path]);
    expect(stats).toMatchObject({ scanned: 2, handedOut: 1, failed: 1 });
  });

  test("reads the content of small files, whole, and of no others", async () => {
    const path = bench.tree("content");
    const bytes = Buffer.from(Array.from({ length: 65536 }, (_, i) => (i * 7) & 255)).toString(
      "latin1",
    );
    const files: Record<string, string> = { one: "1", full: bytes, over: `${bytes}!`, empty: "" };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(path, name), text, "latin1");
    linkSync(join(path, "one"), join(path, "second"));
    const { content, stats } = await bench.scan(path, { inlineBytes: 65536 });
    const at = (name: string) => content.get(join(path, name));
    expect([at("one"), at("second"), at("empty"), at("over")]).toEqual(["1", "1", "", undefined]);
    expect(at("full") === bytes).toBe(true);
    expect(stats.contentBytes).toBe(65538);
  });

  test("leaves the content of a file under a lease to the consumer, and does not call it an error", async () => {
    const path = bench.tree("lease");
    writeFileSync(join(path, "leased"), "x");
    const script =
      "import fcntl,os,signal,sys; signal.signal(signal.SIGIO, signal.SIG_IGN); f = os.open('leased', os.O_RDWR);" +
      "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK); print('ready', flush=True); sys.stdin.read()";
    const holder = spawn("python3", ["-c", script], {
      cwd: path,
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await once(holder.stdout, "data");
      const { entries, content, entryErrors } = await bench.scan(path, { inlineBytes: 100 });
      expect(entries.size).toBe(2);
      expect(entryErrors).toEqual([]);
      expect(content.get(join(path, "leased"))).toBeUndefined();
    } finally {
      const exit = once(holder, "exit");
      holder.stdin.end();
      await exit;
    }
  });
}

/** A scan beside the process that it runs in. */
function runs(bench: Bench): void {
  test("takes a tree that changes as ordinary input", async () => {
    const path = bench.tree("changing");
    for (let i = 0; i < 100; i++) writeFileSync(join(path, `stays${i}`), "x");
    const script =
      "while :; do mkdir d e; : > d/f; mv d/f e/g; rm -r d e; ln -s /etc d; rm d; echo x > h; mv h stays0; done 2>/dev/null";
    const changer = spawn("bash", ["-c", script], { cwd: path, stdio: "ignore" });
    try {
      for (let i = 0; i < 10; i++) {
        const { entries, errors } = await bench.scan(path, { inlineBytes: 100 });
        expect(errors).toEqual([]);
        expect(
          [...entries.keys()].filter((p) => p.includes("/stays")).length,
        ).toBeGreaterThanOrEqual(99);
        expect([...entries.keys()].filter((p) => p.includes("/d/passwd"))).toEqual([]);
      }
    } finally {
      changer.kill("SIGKILL");
      await new Promise((resolve) => changer.once("exit", resolve));
    }
  });

  test("stops in the middle, with the ring full, and closes at once", async () => {
    const path = bench.tree("stop");
    for (let i = 0; i < 2000; i++) writeFileSync(join(path, `f${i}`), "");
    const scanner = bench.start(path, { ringEntries: 8 });
    expect((await scanner.next())?.bytes.length).toBeGreaterThan(0);
    const begin = performance.now();
    const pending = scanner.next().then(
      async () => scanner.next(), // it may have had a batch at hand
      (error: unknown) => Promise.reject(error),
    );
    scanner.stop();
    scanner.stop();
    await expect(pending).rejects.toMatchObject({ code: "HPC_SCAN_STOPPED" });
    await scanner.close();
    await scanner.close();
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test("lets the event loop turn between its batches, however busy its consumer is", async () => {
    const path = bench.tree("turns");
    for (let i = 0; i < 200; i++) writeFileSync(join(path, `f${i}`), "");
    const scanner = bench.start(path, { ringEntries: 8 });
    let turns = 0;
    let seen = 0;
    // Not a timer: a turn may begin behind those, which then have theirs in the next one.
    let immediate = setImmediate(function turn() {
      turns++;
      immediate = setImmediate(turn);
    });
    try {
      let batches = 0;
      for (; await scanner.next(); batches++) {
        if (batches > 0) expect(turns).toBeGreaterThan(seen);
        seen = turns;
        for (const until = performance.now() + 6; performance.now() < until; );
      }
      expect(batches).toBeGreaterThan(2);
    } finally {
      clearImmediate(immediate);
      await scanner.close();
    }
  });

  test("keeps timers alive, and goes on saying that it has ended", async () => {
    const path = bench.tree("alive");
    for (let i = 0; i < 1000; i++) writeFileSync(join(path, `f${i}`), "");
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for (let scans = 0; ticks < 5 && scans < 1000; scans++) await bench.scan(path);
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(5);
    const scanner = bench.start(path);
    while (await scanner.next());
    expect(await scanner.next()).toBeUndefined();
    expect(scanner.stats()).toMatchObject({ scanned: 1001, handedOut: 1001 });
    await scanner.close();
    expect(scanner.stats().handedOut).toBe(1001);
  });
}

/** Both engines refuse the same options. */
function refuses(bench: Bench): void {
  test.each<[string, Partial<ScanOptions>]>([
    ["no path", { paths: [] }],
    ["an empty path", { paths: [Buffer.alloc(0)] }],
    ["a NUL in a path", { paths: [Buffer.from("/tmp\0x")] }],
    ["a relative path", { paths: [Buffer.from("tmp")] }],
    ["no threads", { threads: 0 }],
    ["too many threads", { threads: 513 }],
    ["half a thread", { threads: 1.5 }],
    ["threads that are no number", { threads: Number.NaN }],
    ["a shard that is not there", { shard: { index: 2, count: 2 } }],
    ["a part of a shard", { shard: { index: 0.5, count: 2 } }],
    ["a count of shards that is no integer", { shard: { index: 0, count: 2.5 } }],
    ["a negative shard", { shard: { index: -1, count: 2 } }],
    ["more content than a batch has room for", { inlineBytes: 512 * 1024 + 1 }],
    ["content of NaN bytes", { inlineBytes: Number.NaN }],
    ["a ring without room for entries", { ringEntries: 0 }],
    ["a ring without room for bytes", { ringBytes: 0 }],
    ["a ring beyond 32 bits", { ringBytes: 2 ** 32 }],
    ["a since beyond 64 bits", { since: 2n ** 63n }],
    ["a path beyond 256 KiB", { paths: [Buffer.alloc(256 * 1024 + 1, "/")] }],
    ["a pattern that can match nothing", { excludes: [Buffer.from("*.o"), Buffer.from("[a")] }],
    ["a marker that is a path", { markers: [Buffer.from("a/b")] }],
  ])("refuses %s", (_, options) => {
    // If it is not refused it has to be closed, or the process would never end.
    expect(() => void bench.start(bench.scratch, options).close()).toThrow(
      expect.objectContaining({ code: "HPC_SCAN_OPTIONS" }),
    );
  });
}

import { execFileSync, execSync, spawnSync } from "node:child_process";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { BaculaLab } from "./src/index";

const tree = "/tmp/shimlab/tree";
const P = `podheitor-hpc:path=${tree}`;
const release = (process.argv[2] ?? "9") as never;
const sh = (c: string) => execSync(c, { encoding: "utf8", shell: "/bin/bash" });
const rel = process.argv[2] === "15" ? "15.0.3" : "9.6.7";
const jobs = [
  { name: "Acc", plugins: [P], accurate: true },
  ...[0, 1, 2, 3].map((k) => ({ name: `S${k}`, plugins: [`${P};shard=${k}/4`] })),
  { name: "Big", plugins: ["podheitor-hpc:path=/usr"] },
  { name: "Big2", plugins: ["podheitor-hpc:path=/tmp/shimlab/tree"] },
];
console.log(JSON.stringify(jobs[0]));
const lab = await BaculaLab.start({ release: rel as never, jobs: jobs as never, pluginDir: "/tmp/shimlab/plug" });
try {
  const short = (r: any) =>
    `${r.jobId} ${r.status} ${r.letter} files=${r.files} errors=${r.errors}\n` +
    r.messages
      .split("\n")
      .filter((l: string) => /-fd JobId|Fatal|Error:/.test(l))
      .slice(0, 12)
      .join("\n");
  const run = async (j: string, l?: any) => lab.wait(await lab.start(j, l));
  console.log("full", short(await run("Acc", "Full")));
  sh(`cd ${tree}/many; rm -f added ../added; rm $(ls | head -1)`);
  writeFileSync(`${tree}/many/tmp`, "new content");
  renameSync(`${tree}/many/tmp`, `${tree}/many/xaaab`);
  writeFileSync(`${tree}/added`, "1");
  const inc = await run("Acc", "Incremental");
  console.log("inc", short(inc));
  console.log(
    sh(
      `sqlite3 ${lab.folder}/work/bacula.db "select FileIndex, p.Path || ${rel === "9.6.7" ? "fn.Name" : "f.Filename"} from File f join Path p using(PathId) ${rel === "9.6.7" ? "join Filename fn using(FilenameId)" : ""} where JobId=${inc.jobId}"`,
    ),
  );
  rmSync("/tmp/shimlab/r", { recursive: true, force: true });
  const rest: any = await lab.restore({ jobIds: [inc.jobId - 1, inc.jobId], where: "/tmp/shimlab/r" });
  console.log("restore", short(rest));
  sh(
    `cmpt() { (cd "$1" && find . -printf '%P\\0%y %m %U %G %T@ %n %l\\0' | LC_ALL=C sort -z); }; cmpt ${tree} >/tmp/shimlab/one; cmpt /tmp/shimlab/r${tree} >/tmp/shimlab/two`,
  );
  console.log(
    "cmp",
    spawnSync("cmp", ["/tmp/shimlab/one", "/tmp/shimlab/two"], { encoding: "utf8" }).stdout || "identical",
  );
  const ids = await Promise.all([0, 1, 2, 3].map((k) => lab.start(`S${k}`)));
  const shards = await Promise.all(ids.map((i) => lab.wait(i)));
  console.log(
    "shards",
    shards.map((r: any) => `${r.letter}${r.files}`).join(" "),
    "sum",
    shards.reduce((a: number, r: any) => a + r.files, 0),
    "find",
    sh(`find ${tree} | wc -l`).trim(),
  );
  // kill -9 in the middle while another job runs
  const children = () =>
    sh(`pgrep -P ${lab.fdPid} -f podheitor-hpc-backend || true`).trim().split("\n").filter(Boolean);
  const until = async (f: () => boolean, ms: number) => {
    const t = Date.now();
    while (!f()) {
      if (Date.now() - t > ms) return -1;
      await new Promise((r) => setTimeout(r, 20));
    }
    return Date.now() - t;
  };
  const big = await lab.start("Big");
  await until(() => children().length > 0, 20000);
  const victim = children()[0]!;
  const other = await lab.start("Big2");
  await until(() => children().length > 1, 10000);
  process.kill(Number(victim), "SIGKILL");
  console.log("killed", short(await lab.wait(big)));
  console.log("other", short(await lab.wait(other)), "fd alive", lab.fdAlive);
  const c = await lab.start("Big");
  await until(() => children().length > 0, 20000);
  await lab.console(`cancel jobid=${c} yes`);
  console.log("cancel: child gone after ms", await until(() => children().length === 0, 10000));
  console.log("cancelled", short(await lab.wait(c)));
  console.log("estimate", (await lab.console("estimate job=Acc")).split("\n").slice(-6).join("\n"));
} finally {
  await lab.stop();
}

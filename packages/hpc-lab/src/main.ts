import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { HpcError } from "@podheitor/hpc-base";
import { BaculaLab, type JobResult, type Level, labs, startBacula, sweep } from "./bacula/bacula";
import type { LabJob } from "./bacula/configuration";
import { ensureRelease, missingForRelease, releaseOf } from "./bacula/release";
import { labError } from "./errors";
import { limits } from "./limits";

const help = `A real Bacula (Director, Storage Daemon, File Daemon, catalog) on loopback.

  npm run lab -- bacula check|install --release 9|15
  npm run lab -- bacula up   --release 9|15 [--path DIR] [--plugin STRING] [--plugin-dir DIR] [--accurate]
  npm run lab -- bacula run  Tree|Plugin [--level Full|Incremental|Differential]
  npm run lab -- bacula restore --jobid N[,N…] --where DIR
  npm run lab -- bacula console 'status director'
  npm run lab -- bacula status
  npm run lab -- bacula down

check says what of a release is missing here (exit 1), install installs it (Debian, as root): packages for 9.6.7,
an unpacked Debian 13 in \${XDG_CACHE_HOME:-~/.cache}/podheitor-hpc for 15.0.3. up does that too.
up leaves the daemons running and prints their folder. Job "Tree" saves --path with the stock File Daemon, job
"Plugin" runs --plugin. run, restore and console use the lab that is up; with several up, choose by --release.
down ends all labs that are up, and clears away what crashed runs left behind.

Example:
  npm run lab -- bacula up --release 15 --path /usr/share/doc
  npm run lab -- bacula run Tree
  npm run lab -- bacula restore --jobid 1 --where /tmp/restored
  npm run lab -- bacula down
`;

const options = {
  release: { type: "string" },
  path: { type: "string", default: "/etc" },
  plugin: { type: "string", multiple: true },
  "plugin-dir": { type: "string" },
  accurate: { type: "boolean", default: false },
  level: { type: "string", default: "Full" },
  jobid: { type: "string" },
  where: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const usage = (text: string): HpcError =>
  labError("HPC_LAB_USAGE", text, "See `npm run lab -- --help`.");

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
  const [what, verb, argument] = positionals;
  if (values.help || what === undefined) {
    say(help);
    return values.help ? 0 : 2;
  }
  if (what !== "bacula") throw usage(`unknown lab ${what}`);
  switch (verb) {
    case "check": {
      const missing = await missingForRelease(releaseOf(values.release ?? "9"));
      say(
        missing.length === 0
          ? "ready"
          : `missing: ${missing.join(" ")}; as root: npm run lab -- bacula install`,
      );
      return missing.length === 0 ? 0 : 1;
    }
    case "install":
      await ensureRelease(releaseOf(values.release ?? "9"));
      return 0;
    case "up": {
      const jobs: LabJob[] = [
        { name: "Tree", files: [resolve(values.path)], accurate: values.accurate },
      ];
      if (values.plugin)
        jobs.push({ name: "Plugin", plugins: values.plugin, accurate: values.accurate });
      const pluginDir = values["plugin-dir"];
      const lab = await startBacula({
        release: releaseOf(values.release ?? "9"),
        jobs,
        detached: true,
        ...(pluginDir === undefined ? {} : { pluginDir: resolve(pluginDir) }),
      });
      say(
        `${lab.release} is up in ${lab.folder}; jobs: ${jobs.map((job) => job.name).join(", ")}; FD pid ${lab.fdPid}`,
      );
      return 0;
    }
    case "down": {
      for (const folder of sweep()) say(`${folder}: cleared away (its owner is gone)`);
      for (const { folder, detached } of labs()) {
        if (!detached) say(`${folder}: left alone, a living process uses it`);
        else {
          await (await BaculaLab.attach(folder)).stop();
          say(`${folder}: down`);
        }
      }
      return 0;
    }
    case "status":
      for (const lab of labs()) {
        say(
          `${lab.release} ${lab.folder} ${lab.running ? "running" : "dead"}${lab.detached ? "" : " (a test's)"}`,
        );
      }
      return 0;
    case "run":
      if (argument === undefined) throw usage("which job?");
      return report(await (await choose(values.release)).run(argument, levelOf(values.level)));
    case "restore": {
      if (values.jobid === undefined || values.where === undefined)
        throw usage("restore needs --jobid and --where");
      const jobIds = values.jobid.split(",").map(Number);
      const where = resolve(values.where);
      return report(
        await (await choose(values.release)).restore({ jobIds, where, limit: limits.job }),
      );
    }
    case "console":
      say(await (await choose(values.release)).console(argument ?? "status director"));
      return 0;
    default:
      throw usage(`unknown verb ${verb ?? ""}`);
  }
}

function levelOf(text: string): Level {
  const levels: readonly Level[] = ["Full", "Incremental", "Differential"];
  const found = levels.find((level) => level.toLowerCase() === text.toLowerCase());
  if (found) return found;
  throw usage(`unknown level ${text}`);
}

function report(result: JobResult): number {
  say(result.messages.trimEnd());
  return result.status === "ok" ? 0 : 1;
}

async function choose(release: string | undefined): Promise<BaculaLab> {
  const wanted = release === undefined ? undefined : releaseOf(release);
  const found = labs().filter(
    (lab) => lab.detached && lab.running && (wanted ?? lab.release) === lab.release,
  );
  if (found.length > 1)
    throw usage(
      `several labs are up: ${found.map((lab) => lab.release).join(", ")}; give --release`,
    );
  if (found[0] === undefined)
    throw labError("HPC_LAB_USAGE", "no lab is up", "Run `npm run lab -- bacula up`.");
  return BaculaLab.attach(found[0].folder);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof HpcError && error.code === "HPC_LAB_USAGE" ? 2 : 1;
  },
);

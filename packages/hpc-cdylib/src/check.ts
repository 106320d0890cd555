import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Sentence } from "@podheitor/hpc-base";
import { loadedBeside, TRUST_REMEDY, untrusted } from "@podheitor/hpc-native";
import { lastLines } from "./build";
import { isScript, nodeOf, type PluginConf, parseConf } from "./conf";
import { builtHost, CONF_NAME, PLUGIN_NAME } from "./locate";
import { greetBackend } from "./puller";
import { runProgram } from "./subprocess";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do; only when not ok. */
  readonly remedy?: Sentence;
}

export interface PluginCheck {
  readonly file: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** The host plays four releases in turn; each load takes milliseconds. */
const HOST_LIMIT_MS = 60_000;

/**
 * Looks at an installed (or just built) plugin as the File Daemon will: the file, loading it under
 * the interface versions 14, 21, 22 and 23, its configuration, and the backend that this names,
 * which is started and greeted. Never throws for what it finds.
 *
 * @param file path of podheitor-hpc-fd.so
 * @param options.host the program that loads it; the built one if not given
 * @param options.conf for a plugin that is not installed yet: what its configuration will say
 */
export async function checkPlugin(
  file: string,
  options: { readonly host?: string; readonly conf?: PluginConf } = {},
): Promise<PluginCheck> {
  const checks = checkFile(file);
  if (checks.every((check) => check.ok)) checks.push(await checkLoad(file, options.host));
  const confFile = join(dirname(file), CONF_NAME);
  const conf = options.conf ?? checkConf(confFile, checks);
  if (conf !== undefined) await checkBackend(conf, confFile, checks);
  return { file, ok: checks.every((check) => check.ok), checks };
}

function checkFile(file: string): Check[] {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined)
    return [
      {
        name: "file",
        ok: false,
        detail: `${file} does not exist`,
        remedy: "Run `podheitor-hpc plugin install --plugin-dir DIR`.",
      },
    ];
  const checks: Check[] = [
    stat.isFile()
      ? {
          name: "file",
          ok: true,
          detail: `${stat.size} bytes, mode ${(stat.mode & 0o7777).toString(8)}`,
        }
      : {
          name: "file",
          ok: false,
          detail: `${file} is not a regular file, and the File Daemon ignores anything else`,
          remedy: "Install it with `podheitor-hpc plugin install`, which copies it.",
        },
    basename(file) === PLUGIN_NAME
      ? { name: "name", ok: true, detail: PLUGIN_NAME }
      : {
          name: "name",
          ok: false,
          detail: `it is called ${basename(file)}, so that no FileSet line podheitor-hpc:… finds it`,
          remedy: `Name it ${PLUGIN_NAME}.`,
        },
  ];
  checks.push(trustCheck("permissions", file));
  return checks;
}

/** Whether root alone can change a file, and those that it loads. */
function trustCheck(name: string, file: string, loaded: readonly string[] = []): Check {
  const reasons = [file, ...loaded]
    .map((each) => untrusted(each))
    .filter((reason) => reason !== undefined);
  if (reasons.length > 0)
    return { name, ok: false, detail: [...new Set(reasons)].join("; "), remedy: TRUST_REMEDY };
  const beside = loaded.length > 0 ? ` and ${loaded.length} files that it loads` : "";
  return { name, ok: true, detail: `${file}${beside} can be changed by root alone` };
}

async function checkLoad(file: string, given: string | undefined): Promise<Check> {
  const name = "load";
  try {
    const host = given ?? builtHost();
    const doubt = existsSync(host) ? untrusted(host) : undefined;
    if (doubt !== undefined)
      return { name, ok: false, detail: `not tried, as ${doubt}`, remedy: TRUST_REMEDY };
    const { code, signal, stdout, stderr } = await runProgram(host, ["check", file], HOST_LIMIT_MS);
    if (code === 0)
      return { name, ok: true, detail: "loads under the interface versions 14, 21, 22 and 23" };
    return {
      name,
      ok: false,
      detail: `${signal ?? `exit ${code}`}: ${lastLines(stderr || stdout)}`,
      remedy: "Build it on this machine with `podheitor-hpc plugin build` and install it again.",
    };
  } catch (error) {
    return {
      name,
      ok: false,
      detail: (error as Error).message,
      remedy: "Run `podheitor-hpc plugin build`, which builds the program that loads it too.",
    };
  }
}

function checkConf(confFile: string, checks: Check[]): PluginConf | undefined {
  const remedy = existsSync(confFile)
    ? "Correct it, or remove the file and run `podheitor-hpc plugin install`, which keeps one that somebody changed."
    : "Run `podheitor-hpc plugin install`.";
  try {
    const conf = parseConf(readFileSync(confFile, "utf8"));
    checks.push(
      { name: "configuration", ok: true, detail: confFile },
      trustCheck("configuration permissions", confFile),
    );
    return conf;
  } catch (error) {
    checks.push({
      name: "configuration",
      ok: false,
      detail: `${confFile}: ${(error as Error).message}`,
      remedy,
    });
    return undefined;
  }
}

async function checkBackend(conf: PluginConf, confFile: string, checks: Check[]): Promise<void> {
  const before = checks.length;
  const programs = isScript(conf.backend)
    ? ([
        ["backend", conf.backend, false],
        ["node", nodeOf(conf), true],
      ] as const)
    : ([["backend", conf.backend, true]] as const);
  for (const [name, file, executed] of programs) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || (executed && (stat.mode & 0o111) === 0))
      checks.push({
        name,
        ok: false,
        detail: `${file} ${stat === undefined ? "does not exist" : "cannot be run"}`,
        remedy: `Mend the line "${name} = …" of ${confFile}.`,
      });
    else checks.push(trustCheck(name, file, executed ? [] : loadedBeside(file)));
  }
  if (!checks.slice(before).every((check) => check.ok)) return;
  const name = "handshake";
  try {
    await greetBackend(conf);
    checks.push({ name, ok: true, detail: "the backend starts and answers" });
  } catch (error) {
    const { message, remedy } = error as Error & { remedy?: Sentence };
    checks.push({
      name,
      ok: false,
      detail: message,
      remedy: remedy ?? "Run the backend by hand with --version.",
    });
  }
}

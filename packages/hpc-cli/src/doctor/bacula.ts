import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CONF_NAME, checkPlugin, PLUGIN_NAME } from "@podheitor/hpc-cdylib";
import { type Finding, failed, missing, ok } from "./finding";
import { outputOf } from "./program";

/**
 * Where packages of distributions and of the project itself put the daemons and their
 * configuration.
 */
const SBIN = ["/usr/sbin", "/usr/local/sbin", "/opt/bacula/bin", "/opt/bacula/sbin"];
export const FD_CONFIGS = [
  "/etc/bacula/bacula-fd.conf",
  "/opt/bacula/etc/bacula-fd.conf",
  "/usr/local/etc/bacula/bacula-fd.conf",
];

/** Releases whose plugin interface the plugin knows. */
const SUPPORTED = /^(9\.6|11|13|15)\./;

export async function daemon(
  name: "bacula-fd" | "bacula-dir",
  directories: readonly string[] = SBIN,
): Promise<Finding> {
  const file = directories
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
  if (file === undefined)
    return name === "bacula-dir"
      ? ok(name, "not on this machine (it need not be)")
      : missing(
          name,
          "not found",
          "Install the File Daemon (package bacula-fd) to back up with Bacula; archives work without it.",
        );
  const text = await outputOf(file, ["-?"]);
  const version = /Version:\s*(\d+\.\d+\S*)/.exec(text ?? "")?.[1];
  if (version === undefined)
    return missing(
      name,
      `${file} does not say its version`,
      `Run \`${file} -?\` and mend what it complains of.`,
    );
  if (SUPPORTED.test(`${version}.`)) return ok(name, `${version} (${file})`);
  return failed(
    name,
    `${version} (${file}) is not a release that the plugin knows`,
    "Use Bacula 9.6, 11, 13 or 15.",
  );
}

/**
 * The value of `Plugin Directory` in a File Daemon's configuration: keywords ignore case and
 * blanks.
 */
export function pluginDirectoryOf(text: string): string | undefined {
  const match = /^[^#\n]*?\bplugin *directory *= *(?:"([^"\n]*)"|([^\s";#}]+))/im.exec(text);
  return match?.[1] ?? match?.[2];
}

/** The plugin directory, and what is installed there. */
export async function installation(
  pluginDir: string | undefined,
  configs: readonly string[] = FD_CONFIGS,
): Promise<Finding[]> {
  const directory = pluginDir ?? fromConfig(configs);
  if (typeof directory !== "string") return [directory];
  const found = ok("plugin directory", directory);
  if (!existsSync(directory))
    return [
      failed(
        "plugin directory",
        `${directory} does not exist, the File Daemon will not start`,
        `Run \`mkdir -p ${directory}\`.`,
      ),
    ];
  if (!existsSync(join(directory, PLUGIN_NAME)))
    return [
      found,
      missing(
        "plugin",
        "not installed",
        `Run \`podheitor-hpc plugin install --plugin-dir ${directory}\`.`,
      ),
    ];
  const { checks } = await checkPlugin(join(directory, PLUGIN_NAME));
  const bad = checks.filter((check) => !check.ok);
  if (bad.length === 0)
    return [found, ok("plugin", `installed, with ${CONF_NAME}; loads, and its backend answers`)];
  return [
    found,
    ...bad.map((check) =>
      failed(
        `plugin ${check.name}`,
        check.detail,
        check.remedy ?? "Run `podheitor-hpc plugin check`.",
      ),
    ),
  ];
}

function fromConfig(configs: readonly string[]): string | Finding {
  const name = "plugin directory";
  const config = configs.find((path) => existsSync(path));
  if (config === undefined)
    return missing(
      name,
      "no bacula-fd.conf found",
      "Give --plugin-dir if the File Daemon is configured elsewhere.",
    );
  try {
    const directory = pluginDirectoryOf(readFileSync(config, "utf8"));
    if (directory !== undefined) return directory;
    return missing(
      name,
      `${config} has none`,
      "Add `Plugin Directory = /usr/lib/bacula` to its FileDaemon resource and restart the File Daemon.",
    );
  } catch (error) {
    return missing(name, (error as Error).message, "Run the doctor as root.");
  }
}

import { join, resolve } from "node:path";
import {
  buildPlugin,
  builtBackend,
  builtPlugin,
  type Check,
  checkPlugin,
  installPlugin,
  PLUGIN_NAME,
} from "@podheitor/hpc-cdylib";
import type { Argv, InferredOptionTypes } from "yargs";
import { addCommand, type Chosen, type Command } from "../command";
import { usageError } from "../errors";
import { Exit } from "../exit";
import { checkLine, type PluginLine, pluginLines } from "../fileset/check-line";
import { json, needed, value } from "../options";
import { Output } from "../output";
import { toBytes, toText } from "../text/bytes";

const buildOptions = { compiler: value("use this C compiler", "$CC, else cc"), json } as const;

const build: Command<InferredOptionTypes<typeof buildOptions>> = {
  usage: "build",
  describe: "build the File Daemon plugin from its C sources",
  options: (parser) =>
    parser.options(buildOptions).example("$0 plugin build", "needs a C compiler and make"),

  async run(args, io) {
    const output = new Output(io, args.json);
    const built = await buildPlugin(args.compiler === undefined ? {} : { compiler: args.compiler });
    output.object(built);
    output.line(built.plugin);
    return Exit.done;
  },
};

const installOptions = {
  "plugin-dir": needed("install into the `Plugin Directory` of the FileDaemon resource"),
  plugin: value("install this plugin file", "the built one"),
  backend: value("let the plugin start this backend", "the built one"),
  node: value("run the backend with this Node", "the one that runs this command"),
  "stall-limit": value("give a backend up after so many seconds of silence", "60"),
  json,
} as const;

const install: Command<InferredOptionTypes<typeof installOptions>> = {
  usage: "install",
  describe: "copy the plugin into the File Daemon's plugin directory and write its configuration",
  options: (parser) =>
    parser
      .options(installOptions)
      .example("$0 plugin install --plugin-dir /usr/lib/bacula", "and restart the File Daemon")
      .example(
        "$0 plugin install --plugin-dir /opt/bacula/plugins --backend /opt/podheitor/podheitor-hpc-backend.cjs",
        "a backend elsewhere",
      ),

  async run(args, io) {
    const output = new Output(io, args.json);
    const stall = args["stall-limit"];
    if (stall !== undefined && !/^[1-9][0-9]{0,4}$/.test(stall))
      throw usageError(`--stall-limit ${stall} is not a number of seconds`, "Give 1 to 86400.");
    const absolute = (option: "plugin-dir" | "plugin" | "backend" | "node") => {
      const given = args[option];
      return given === undefined ? undefined : resolve(toText(given, `--${option}`));
    };
    const [plugin, backend, node] = [absolute("plugin"), absolute("backend"), absolute("node")];
    const installed = installPlugin({
      pluginDir: absolute("plugin-dir") ?? "",
      ...(plugin === undefined ? {} : { plugin }),
      ...(backend === undefined ? {} : { backend }),
      ...(node === undefined ? {} : { node }),
      ...(stall === undefined ? {} : { stallLimit: Number(stall) }),
    });
    const { conf, newConf, untrustedConf, ...rest } = installed;
    output.object({
      ...rest,
      conf,
      ...(newConf === undefined ? {} : { new_conf: newConf }),
      restart_required: true,
    });
    output.line(`${installed.plugin} ${installed.replaced ? "replaced" : "installed"}`);
    output.line(newConf === undefined ? `${conf} is its configuration` : `${newConf} written`);
    if (newConf !== undefined)
      output.message(
        "warning",
        `${conf} was changed since it was installed, and is kept: compare it with ${newConf}`,
      );
    if (untrustedConf !== undefined)
      output.message(
        "warning",
        `${untrustedConf}: the plugin refuses it, so that every job fails: look at what it says, then \`chown root\` and \`chmod go-w\` it`,
      );
    output.line(
      "Plugins are loaded when the File Daemon starts: restart it (`systemctl restart bacula-fd`).",
    );
    return output.warnings > 0 ? Exit.warnings : Exit.done;
  },
};

const checkOptions = {
  "plugin-dir": value("check the plugin in this directory", "the built one"),
  "plugin-string": value("check the keys of this line of a FileSet, and no plugin"),
  fileset: value("check the lines in this configuration of a Director, and no plugin"),
  json,
} as const;

const check: Command<InferredOptionTypes<typeof checkOptions> & { file: string | undefined }> = {
  usage: "check [file]",
  describe:
    "load the plugin as every supported File Daemon does, and try its backend; or check lines of FileSets",
  options: (parser) =>
    parser
      .options(checkOptions)
      .positional("file", {
        type: "string",
        describe: `path of an installed ${PLUGIN_NAME}; the built one if not given`,
      })
      .conflicts({
        "plugin-dir": "file",
        "plugin-string": ["plugin-dir", "file", "fileset"],
        fileset: ["plugin-dir", "file"],
      })
      .example("$0 plugin check --plugin-dir /usr/lib/bacula", "the installed plugin")
      .example(
        "$0 plugin check --plugin-string 'podheitor-hpc:path=/data;shard=0/4'",
        "a line of a FileSet, on any machine",
      )
      .example("$0 plugin check --fileset /etc/bacula/bacula-dir.conf", "all lines of a Director"),

  async run(args, io) {
    const output = new Output(io, args.json);
    const lines = linesToCheck(args["plugin-string"], args.fileset);
    if (lines !== undefined) {
      const checks = (await Promise.all(lines.map(checkLine))).flat();
      const ok = checks.every((one) => one.ok);
      output.object({ ok, checks });
      printChecks(checks, output);
      return ok ? Exit.done : Exit.failed;
    }
    const file = fileToCheck(args["plugin-dir"], args.file);
    const result =
      file === undefined
        ? await checkPlugin(builtPlugin(), {
            conf: { backend: builtBackend(), node: process.execPath },
          })
        : await checkPlugin(file);
    output.object(result);
    printChecks(result.checks, output);
    return result.ok ? Exit.done : Exit.failed;
  },
};

/** undefined: the built plugin, with the backend beside it. */
function fileToCheck(pluginDir: string | undefined, file: string | undefined): string | undefined {
  if (pluginDir !== undefined) return join(resolve(toText(pluginDir, "--plugin-dir")), PLUGIN_NAME);
  return file === undefined ? undefined : resolve(toText(file, "file"));
}

/** undefined: none is asked for. */
function linesToCheck(
  line: string | undefined,
  fileset: string | undefined,
): PluginLine[] | undefined {
  if (line !== undefined) return [{ name: "plugin string", text: toBytes(line) }];
  return fileset === undefined ? undefined : pluginLines(resolve(toText(fileset, "--fileset")));
}

function printChecks(checks: readonly Check[], output: Output): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, ok, detail, remedy } of checks) {
    output.line(`${ok ? "ok     " : "FAILED "} ${name.padEnd(width)} ${detail}`);
    if (remedy !== undefined) output.line(`${" ".repeat(9 + width)}→ ${remedy}`);
  }
}

/** `plugin build|install|check`. */
export function plugin(parser: Argv, choose: (chosen: Chosen) => void): Argv {
  return parser.command(
    "plugin",
    "build, install and check the File Daemon plugin",
    (inner: Argv) => {
      addCommand(inner, build, choose);
      addCommand(inner, install, choose);
      return addCommand(inner, check, choose).demandCommand(
        1,
        "say what to do: plugin build, install or check",
      );
    },
  );
}

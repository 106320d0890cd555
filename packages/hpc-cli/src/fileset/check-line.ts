import type { Check } from "@podheitor/hpc-cdylib";
import { parsePluginString } from "@podheitor/hpc-ptcomm";
import { HpcError, reportOf } from "../errors";
import { escapeName } from "../text/escape";
import { readConfiguration } from "./conf-parser";

/** A `Plugin =` line of a FileSet. */
export interface PluginLine {
  /** Where it stands, for messages. */
  readonly name: string;
  readonly text: Buffer;
}

/** What is found of a line; `code` and `key` of what is wrong. */
export interface LineCheck extends Check {
  readonly code?: string;
  readonly key?: string;
}

const NAME = "podheitor-hpc";

/**
 * The lines for our plugin in a configuration and what it includes. Throws HPC_CONFIGURATION for
 * what cannot be read, and where there is none.
 */
export function pluginLines(file: string): PluginLine[] {
  const lines = readConfiguration(file)
    .filter(({ type }) => type === "fileset")
    .flatMap(({ directives }) => directives)
    .filter(({ key, value }) => key === "plugin" && value.startsWith(NAME))
    .map(({ file, line, value }) => ({
      name: `${file}:${line}`,
      text: Buffer.from(value, "latin1"),
    }));
  if (lines.length > 0) return lines;
  throw new HpcError(
    "HPC_CONFIGURATION",
    `${file} has no FileSet with a line Plugin = "${NAME}:…"`,
    "Name the file that has it.",
  );
}

/** All that is wrong with a line, or odd, as far as it can be told without the filesystems. */
export async function checkLine({ name, text }: PluginLine): Promise<LineCheck[]> {
  const { checkParams } = await import("@podheitor/hpc-backend");
  const colon = text.indexOf(":");
  const plugin = text.subarray(0, Math.max(colon, 0));
  if (plugin.toString("latin1") !== NAME) {
    const detail = `the line begins with "${escapeName(plugin)}:" and not with "${NAME}:"`;
    const remedy = `Write ${NAME}:path=/directory;key=value.` as const;
    return [{ name, ok: false, detail, remedy, code: "HPC_PLUGIN_STRING" }];
  }
  try {
    const pairs = parsePluginString(text);
    const { params, problems } = checkParams(pairs);
    if (params === undefined) return problems.map((problem) => failed(name, problem));
    const said = [...params.warnings, ...params.notes];
    const good = `${pairs.length} keys; the filesystems are not looked at`;
    return [good, ...said].map((detail) => ({ name, ok: true, detail }));
  } catch (error) {
    return [failed(name, error)];
  }
}

function failed(name: string, error: unknown): LineCheck {
  const { code, message, remedy } = reportOf(error);
  const { key } = error as { readonly key?: string };
  return { name, ok: false, detail: message, remedy, code, ...(key === undefined ? {} : { key }) };
}

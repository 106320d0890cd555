import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";

/*
 * podheitor-hpc-fd.conf, which lies beside the plugin and is the only place that names an
 * executable: lines `key = value`, comments from `#` at the start of a line; of a key that is given
 * twice the last line counts. The plugin reads it itself (shim-c/fd-plugin/backend/conf.c); this is the
 * same in TypeScript, for installing and checking.
 */

export interface PluginConf {
  /** Absolute path of the backend: a .cjs or .js file, run by `node`, or an executable. */
  readonly backend: string;
  /** Absolute path of the Node executable. */
  readonly node?: string;
  /** Seconds without a byte from the backend after which the job fails. */
  readonly stallLimit?: number;
  /** Whether the File Daemon gets the zeros of holes. Absent: as its release allows. */
  readonly holes?: "skip" | "send";
}

/** Where the plugin looks for node when its configuration names none (shim-c/fd-plugin/backend/conf.c). */
const USUAL_NODES = ["/usr/bin/node", "/usr/local/bin/node"] as const;

/** The program that runs a backend which is a script. */
export function nodeOf({ node }: PluginConf): string {
  const [first, second] = USUAL_NODES;
  if (node !== undefined) return node;
  try {
    accessSync(first, constants.X_OK);
    return first;
  } catch {
    return second;
  }
}

/**
 * A day, as in the plugin (shim-c/fd-plugin/limits.h): whoever wants more wants no limit at all,
 * and there is none.
 */
const MAX_STALL_SECONDS = 86_400;

/** A backend of this name is run by node, any other is executed itself. */
export function isScript(backend: string): boolean {
  return backend.endsWith(".cjs") || backend.endsWith(".js");
}

/** @throws SyntaxError naming the line */
export function parseConf(text: string): PluginConf {
  const values = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    const key = line.slice(0, Math.max(equals, 0)).trim();
    const value = line.slice(equals + 1).trim();
    if (equals < 0 || value === "") throw new SyntaxError(`line ${index + 1} is not "key = value"`);
    if (!["backend", "node", "stall-limit", "holes"].includes(key))
      throw new SyntaxError(`line ${index + 1}: unknown key "${key}"`);
    if (["backend", "node"].includes(key) && !value.startsWith("/"))
      throw new SyntaxError(`line ${index + 1}: ${key} is not an absolute path`);
    values.set(key, value);
  }
  const backend = values.get("backend");
  const node = values.get("node");
  const stall = values.get("stall-limit");
  if (backend === undefined) throw new SyntaxError('there is no line "backend = …"');
  if (
    stall !== undefined &&
    !(/^[0-9]{1,5}$/.test(stall) && Number(stall) >= 1 && Number(stall) <= MAX_STALL_SECONDS)
  )
    throw new SyntaxError(`stall-limit = ${stall} is not a number of seconds`);
  const holes = values.get("holes");
  if (holes !== undefined && holes !== "skip" && holes !== "send")
    throw new SyntaxError(`holes = ${holes} is neither skip nor send`);
  return {
    backend,
    ...(node === undefined ? {} : { node }),
    ...(stall === undefined ? {} : { stallLimit: Number(stall) }),
    ...(holes === undefined ? {} : { holes }),
  };
}

const HEAD =
  "# Written by `podheitor-hpc plugin install`. A running File Daemon reads it when a job starts.\n";

/** With a checksum, by which a later installation knows whether somebody changed it. */
export function formatConf(conf: PluginConf): string {
  const lines = [`backend = ${conf.backend}`];
  if (conf.node !== undefined) lines.push(`node = ${conf.node}`);
  if (conf.stallLimit !== undefined) lines.push(`stall-limit = ${conf.stallLimit}`);
  if (conf.holes !== undefined) lines.push(`holes = ${conf.holes}`);
  const body = `${lines.join("\n")}\n`;
  return `${HEAD}# checksum ${checksum(body)}\n${body}`;
}

/** Whether this is no text of `formatConf`, but somebody's who may have had a reason. */
export function isChanged(text: string): boolean {
  const [, sum, body = ""] =
    /^# checksum ([0-9a-f]{16})\n([\s\S]*)$/.exec(text.slice(HEAD.length)) ?? [];
  return !text.startsWith(HEAD) || sum !== checksum(body);
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

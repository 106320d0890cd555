import { HpcError } from "./errors";
import { builtHost, builtPlugin, sourceDir } from "./locate";
import { runProgram } from "./subprocess";

/** The plugin is some thousand lines of C; a machine that needs longer than this is stuck. */
const BUILD_LIMIT_MS = 300_000;

export interface BuiltPlugin {
  /** podheitor-hpc-fd.so */
  readonly plugin: string;
  /** The host program that `checkPlugin` loads it with. */
  readonly host: string;
}

/**
 * Builds the plugin from the C sources of the checkout with make and the system's C compiler.
 *
 * @throws HpcError HPC_NO_SOURCES, HPC_NO_COMPILER, HPC_PLUGIN_BUILD
 */
export async function buildPlugin(
  options: { readonly compiler?: string } = {},
): Promise<BuiltPlugin> {
  const dir = sourceDir();
  const compiler = options.compiler ?? process.env["CC"] ?? "cc";
  for (const tool of [compiler, "make"]) await requireTool(tool);
  const { code, signal, stderr } = await runProgram(
    "make",
    ["-s", "-C", dir, "all", `CC=${compiler}`],
    BUILD_LIMIT_MS,
  );
  if (code !== 0)
    throw new HpcError(
      "HPC_PLUGIN_BUILD",
      `building the plugin in ${dir} failed (${signal ?? `make exit ${code}`}): ${lastLines(stderr)}`,
      `Run \`make -C ${dir}\` and mend the first error that it shows.`,
    );
  return { plugin: builtPlugin(), host: builtHost() };
}

async function requireTool(tool: string): Promise<void> {
  const remedy =
    "Install them: `apt-get install gcc make libc6-dev` (Debian) or `dnf install gcc make glibc-devel`.";
  const ended = await runProgram(tool, ["--version"], 10_000).catch((cause: Error) => {
    throw new HpcError(
      "HPC_NO_COMPILER",
      `the plugin is built with a C compiler and make, and ${tool} cannot be run`,
      remedy,
      { cause },
    );
  });
  if (ended.code !== 0)
    throw new HpcError(
      "HPC_NO_COMPILER",
      `${tool} --version failed: ${lastLines(ended.stderr)}`,
      remedy,
    );
}

export function lastLines(text: string, count = 3): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-count).join("; ") || "it said nothing";
}

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { command } from "../../src/command";
import { labError } from "../../src/errors";
import { until } from "../../src/wait";
import { scratch } from "../support";

/** Two users that no machine has, and the group that they share. */
export const attacker = 64_201;
export const victim = 64_202;
export const shared = 64_200;

const limit = 20_000;
let built: Promise<string> | undefined;

function build(): Promise<string> {
  const program = join(scratch(), "attacker");
  return command(["cc", "-O2", "-Wall", "-o", program, join(__dirname, "attacker.c")]).then(
    () => program,
  );
}

/**
 * A running attacker.c: it became a user, and works against whatever root does until it is stopped.
 */
export class Enemy {
  #said = "";
  #complained = "";

  private constructor(private readonly child: ChildProcessByStdio<null, Readable, Readable>) {
    child.stdout.on("data", (text: Buffer) => {
      this.#said += text;
    });
    child.stderr.on("data", (text: Buffer) => {
      this.#complained += text;
    });
  }

  /** @param words as attacker.c has them, without the user */
  static async start(words: readonly string[]): Promise<Enemy> {
    built ??= build();
    const child = spawn(await built, [`${attacker}`, `${shared}`, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const enemy = new Enemy(child);
    await until(
      () => `the attacker is ready: ${enemy.#complained}`,
      limit,
      () => {
        if (child.exitCode !== null)
          throw labError("HPC_LAB_DAEMON", enemy.#complained, "See its words.");
        return enemy.#said.startsWith("ready");
      },
    );
    return enemy;
  }

  /** Ends it. How often it succeeded. */
  async stop(): Promise<number> {
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    await closed;
    const acted = /^acted (\d+)$/m.exec(this.#said)?.[1];
    if (acted === undefined)
      throw labError("HPC_LAB_COMMAND", `the attacker: ${this.#complained}`, "See its words.");
    return Number(acted);
  }
}

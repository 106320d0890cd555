import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { BaculaLab } from "../../src";
import { command } from "../../src/command";
import { repository, scratch } from "../support";
import type { Attack } from "./attacks";

/** What is attacked: it saves the attack's path, or puts back what it saved last. */
export interface Product {
  /** Everything that was kept, as bytes to be searched. */
  save(attack: Attack, path: string): Promise<Buffer>;
  /** What was said. */
  restore(attack: Attack, where: string): Promise<string>;
}

/** A path that is such a link is not saved; nothing else may have gone wrong. */
function refusedForLink(said: string): void {
  expect(said).toMatch(
    /cannot be used: (the|a) symbolic link .*on the way may lead where another user wants/,
  );
}

/** The command and its archives. HPC_LAB_COMMAND names that of another build. */
export class Archives implements Product {
  readonly #program =
    process.env["HPC_LAB_COMMAND"] ?? join(repository, "packages/hpc-cli/bin/podheitor-hpc.cjs");
  readonly #folder = scratch();

  async save(attack: Attack, path: string): Promise<Buffer> {
    const archive = this.#archiveOf(attack);
    const keys = Object.entries(attack.keys ?? {}).flatMap(([key, value]) => [
      `--${key}`,
      `${value}`,
    ]);
    const accept = attack.refusable ? [0, 1, 2, 3] : [0, 3];
    const said = await this.#run(accept, "backup", "--path", path, "--archive", archive, ...keys);
    if (said.includes("HPC_")) refusedForLink(said);
    return readFileSync(archive);
  }

  restore(attack: Attack, where: string): Promise<string> {
    return this.#run([0, 1, 3], "restore", "--archive", this.#archiveOf(attack), "--where", where);
  }

  /** The names of the archive, in the order in which they will be restored. */
  async names(attack: Attack): Promise<string[]> {
    return (await this.#run([0], "list", "--archive", this.#archiveOf(attack), "-0")).split("\0");
  }

  #archiveOf(attack: Attack): string {
    return join(this.#folder, `${attack.name}.hpc`);
  }

  async #run(accept: readonly number[], ...words: readonly string[]): Promise<string> {
    const { stdout, stderr } = await command([process.execPath, this.#program, ...words], {
      accept,
    });
    return `${stdout}${stderr}`;
  }
}

/** A real Bacula with one job for each attack, named like it. */
export class Jobs implements Product {
  readonly #last = new Map<string, number>();

  constructor(private readonly lab: BaculaLab) {}

  async save(attack: Attack): Promise<Buffer> {
    const { jobId, messages, status } = await this.lab.run(attack.name);
    if (status !== "ok" && !attack.refusable) throw new Error(messages);
    if (status !== "ok") refusedForLink(messages);
    this.#last.set(attack.name, jobId);
    const volumes = await this.lab.volumes(jobId);
    return Buffer.concat(volumes.map((name) => readFileSync(join(this.lab.folder, "vol", name))));
  }

  async restore(attack: Attack, where: string): Promise<string> {
    return (await this.lab.restore({ jobIds: [this.#last.get(attack.name) ?? 0], where })).messages;
  }
}

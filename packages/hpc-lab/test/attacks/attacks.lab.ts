import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob } from "../support";
import { type Attack, attacks, onGround } from "./attacks";
import { Enemy } from "./enemy";
import { type Ground, inodeOf, newGround, secret } from "./ground";
import { Archives, Jobs, type Product } from "./product";

// Users of a tree against root, who saves or restores it meanwhile. A round counts when the
// attacker succeeded in what he does; too few of them are a failure. PODHEITOR_HPC_LONG=1 plays a
// thousand rounds of each with the command, and fifty with Bacula.
const long = process.env["PODHEITOR_HPC_LONG"] === "1";
const rounds = long ? { archives: 1000, jobs: 50 } : { archives: 5, jobs: 1 };
const limit = long ? 7_200_000 : 120_000;

let ground: Ground;
const archives = new Archives();
const names = new Map<string, readonly string[]>();
/** What the writers of {@link listenToFifos} said in this round. */
let woken = "";

beforeAll(async () => {
  ground = await newGround();
  for (const attack of attacks) {
    ground.directory(attack.name, 0);
    await attack.lay(ground, attack.name);
    await archives.save(attack, ground.path(join(attack.name, attack.path)));
    names.set(attack.name, onGround(ground, await archives.names(attack)));
  }
});
afterAll(cleanUp);

/**
 * Writers of root's at every fifo of a folder: each says so if somebody opens the other end.
 * Returns what ends them.
 */
function listenToFifos(folder: string): () => void {
  woken = "";
  const fifos = readdirSync(folder).map((name) => join(folder, name));
  const each = 'for f in "$@"; do (exec 3>"$f"; echo "$f was opened") & done; wait';
  const child: ChildProcess = spawn("sh", ["-c", each, "sh", ...fifos], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  child.stdout?.on("data", (text: Buffer) => {
    woken += text;
  });
  return () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
}

/** One round. How often the attacker succeeded in it. */
async function play(attack: Attack, product: Product): Promise<number> {
  const { words, victims } = await attack.arm(ground, attack.name, names.get(attack.name) ?? []);
  const inodes = victims.map(inodeOf);
  const before = await ground.portrait(inodes);
  const stopListening =
    attack.fifos === undefined
      ? () => {}
      : listenToFifos(ground.path(join(attack.name, attack.fifos)));
  const enemy = await Enemy.start(words);
  let kept: Buffer | undefined;
  let acted = 0;
  try {
    if (attack.during === "save")
      kept = await product.save(attack, ground.path(join(attack.name, attack.path)));
    else
      await product.restore(
        attack,
        attack.where === undefined ? "/" : ground.path(join(attack.name, attack.where)),
      );
  } finally {
    acted = await enemy.stop();
    stopListening();
  }
  expect(await ground.portrait(inodes)).toEqual(before);
  if (kept !== undefined) {
    if (!attack.refusable) expect(kept.includes(attack.name)).toBe(true); // it can be searched
    expect(kept.includes(secret)).toBe(false);
  }
  await attack.check?.(ground, attack.name);
  if (attack.fifos !== undefined) expect(woken).toBe("");
  return acted;
}

async function playAll(attack: Attack, product: Product, count: number): Promise<void> {
  let counted = 0;
  const enough = () => counted >= count / 2;
  // A few rounds more where the attacker was too slow for the first ones.
  for (let round = 0; round < count || (!enough() && round < count + 10); round++)
    counted += (await play(attack, product)) > 0 ? 1 : 0;
  expect(enough()).toBe(true);
}

const table = attacks.map((attack) => [attack.name, attack] as const);

describe("archives", () => {
  test.each(table)("%s", (_, attack) => playAll(attack, archives, rounds.archives), limit);
});

describe.each(long ? chosenReleases : chosenReleases.slice(0, 1))(
  "jobs on Bacula %s",
  (release) => {
    let jobs: Jobs;
    beforeAll(async () => {
      const all = attacks.map(({ name, path, keys = {} }) => {
        const words = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
        return pluginJob(name, ground.path(join(name, path)), words.join(";"));
      });
      jobs = new Jobs(await labWith(release, all, { pluginDir: installedPlugin() }));
    });
    test.each(table)(
      "%s",
      async (_, attack) => {
        if (attack.during === "restore") {
          ground.remove(attack.name);
          ground.directory(attack.name, 0);
          await attack.lay(ground, attack.name);
          await jobs.save(attack);
        }
        await playAll(attack, jobs, rounds.jobs);
      },
      limit,
    );
  },
);

import { lstatSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "@jest/globals";
import { command } from "../../src/command";
import { attacker, shared, victim } from "./enemy";
import { type Ground, secret } from "./ground";

export interface Arms {
  /** The attacker's words (attacker.c). */
  readonly words: readonly string[];
  /** What must be after the round what it was before, with all that is below. */
  readonly victims: readonly string[];
}

export interface Attack {
  /** Also its folder on the ground, and its job's name. */
  readonly name: string;
  readonly what: string;
  /** What root does meanwhile. */
  readonly during: "save" | "restore";
  /** The save itself may fail, because of what the attacker does to the path. */
  readonly refusable?: true;
  /** Keys of the plugin string, and options of the command, for the save. */
  readonly keys?: Readonly<Record<string, number>>;
  /** Below the attack's folder, one of fifos that nobody may open. */
  readonly fifos?: string;
  /** The path that is saved, below the attack's folder. */
  readonly path: string;
  /** Below the folder, where it is restored. Default: in place. */
  readonly where?: string;
  /** What is saved, or will be restored. */
  readonly lay: (ground: Ground, folder: string) => Promise<void>;
  /**
   * Before each round. @param names what is saved, in the order in which it will be restored: below
   * the folder
   */
  readonly arm: (ground: Ground, folder: string, names: readonly string[]) => Promise<Arms>;
  /** What else must hold after a round. */
  readonly check?: (ground: Ground, folder: string) => Promise<void>;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const few = range(4);

/**
 * Four directories of the attacker's, and for each a link to the folder `secret`, where the same
 * names stand.
 */
async function beside(
  ground: Ground,
  folder: string,
  fill: (directory: string, theirs: boolean) => Promise<unknown>,
): Promise<void> {
  ground.directory(`${folder}/data`, attacker);
  ground.directory(`${folder}/secret`, 0, 0o700);
  await fill(`${folder}/secret`, true);
  for (const i of few) {
    await fill(ground.directory(`${folder}/data/d${i}`).slice(ground.root.length + 1), false);
    ground.link(`${folder}/data/l${i}`, ground.path(`${folder}/secret`));
  }
}

const pairs = (ground: Ground, folder: string, a: string, b: string) =>
  few.flatMap((i) => [ground.path(`${folder}/${a}${i}`), ground.path(`${folder}/${b}${i}`)]);

/** Each of `names` that the archive has, in its order, with one of the victim's things. */
function ambush(
  ground: Ground,
  names: readonly string[],
  wanted: RegExp,
  mine: readonly string[],
): string[] {
  const places = names.filter((name) => wanted.test(name)).slice(0, mine.length);
  expect(places.length).toBeGreaterThan(0);
  return ["ambush", ...places.flatMap((name, i) => [ground.path(name), mine[i] ?? ""])];
}

/** A directory that both users may write to, and that a restore finds there. */
const shop = (ground: Ground, folder: string) =>
  ground.directory(`${folder}/data/shop`, 0, 0o2770, shared);

const below = (ground: Ground, path: string) => path.slice(ground.root.length + 1);

/**
 * While `home/data` is saved or restored, one directory on its way is exchanged with a link to a
 * directory that looks the same.
 */
function pathExchange(
  name: string,
  what: string,
  exchanged: "data" | "home" | "out",
  during: Attack["during"] = "restore",
): Attack {
  const theirOwn = (ground: Ground, folder: string) => {
    ground.directory(`${folder}/home/data/sub`, attacker, 0o777);
    ground.directory(`${folder}/home/data`, attacker, 0o777);
    for (const name of ["file", "sub/file"])
      ground.file(`${folder}/home/data/${name}`, attacker, 0o666, "mine\n");
  };
  const at = (folder: string, last: string) =>
    exchanged === "home" ? `${folder}/${last}` : `${folder}/home/${last}`;
  return {
    name,
    what,
    during,
    ...(during === "save" ? { refusable: true } : {}),
    path: "home/data",
    lay: async (ground, folder) => {
      ground.directory(folder);
      ground.directory(`${folder}/home`);
      theirOwn(ground, folder);
    },
    arm: async (ground, folder) => {
      ground.remove(`${folder}/home`, `${folder}/link`, `${folder}/theirs`);
      ground.directory(`${folder}/home`);
      ground.directory(at(folder, exchanged));
      if (during === "save") theirOwn(ground, folder);
      for (const name of ["theirs", "theirs/data", "theirs/sub", "theirs/data/sub"])
        ground.directory(`${folder}/${name}`, 0);
      for (const name of ["theirs/file", "theirs/data/file"])
        ground.file(`${folder}/${name}`, 0, 0o600, `${secret}\n`);
      const link = ground.link(at(folder, "link"), ground.path(`${folder}/theirs`));
      return {
        words: ["exchange", ground.path(at(folder, exchanged)), link],
        victims: [ground.path(`${folder}/theirs`)],
      };
    },
  };
}

export const attacks: readonly Attack[] = [
  {
    name: "open-below-link",
    what: "directories become links to a folder of root's fifos while large and sparse files in them are opened",
    during: "save",
    fifos: "secret",
    path: "data",
    lay: (ground, folder) =>
      beside(ground, folder, async (directory, theirs) => {
        for (const i of few) {
          if (theirs) await ground.node(`${directory}/file${i}`, 0, 0o600, "p");
          else ground.sparse(`${directory}/file${i}`, 2 ** 20);
        }
      }),
    arm: async (ground, folder) => ({
      words: ["exchange", ...pairs(ground, folder, "data/d", "data/l")],
      victims: [ground.path(`${folder}/secret`)],
    }),
  },
  {
    name: "inode-reuse",
    what: "a file's inode becomes that of a file of root's, and its directory a link to that one's, before it is opened",
    during: "save",
    keys: { bandwidth: 60, threads: 1 },
    path: "data",
    lay: async (ground, folder) => {
      ground.directory(folder, attacker);
      ground.directory(`${folder}/fill`);
      ground.directory(`${folder}/secret`, 0, 0o711);
      ground.file(`${folder}/secret/file`, 0, 0o600, secret.padEnd(4096));
      ground.directory(`${folder}/data`);
      ground.file(`${folder}/data/first`, attacker, 0o644, Buffer.alloc(4 * 2 ** 20, "x"));
    },
    arm: async (ground, folder) => {
      const [data, fill] = [`${folder}/data`, `${folder}/fill`];
      ground.remove(`${data}/z`, `${data}/link`, fill);
      ground.directory(fill);
      ground.directory(`${data}/z`);
      ground.sparse(`${data}/z/file`, 2 ** 20);
      // The next files may be open already while the first one is read.
      for (const i of range(40)) ground.sparse(`${data}/z/next${i}`, 2 ** 20);
      ground.link(`${data}/link`, ground.path(`${folder}/secret`));
      return { words: ["reuse", ground.path(`${folder}/secret`), ground.path(data)], victims: [] };
    },
  },
  {
    name: "directory-exchange",
    what: "directories become links to a folder that only root may enter while small files in them are read",
    during: "save",
    path: "data",
    lay: (ground, folder) =>
      beside(ground, folder, async (directory, theirs) => {
        for (const i of range(20)) {
          ground.file(
            `${directory}/file${i}`,
            theirs ? 0 : attacker,
            0o600,
            theirs ? `${secret} ${i}\n` : "mine\n",
          );
        }
      }),
    arm: async (ground, folder) => ({
      words: ["exchange", ...pairs(ground, folder, "data/d", "data/l")],
      victims: [ground.path(`${folder}/secret`)],
    }),
  },
  {
    name: "directories-given-away",
    what: "another user's private directory gets the name of a directory that was just restored",
    during: "restore",
    path: "data",
    lay: async (ground, folder) => {
      shop(ground, folder);
      for (const i of few) {
        ground.directory(`${folder}/data/shop/mine${i}/sub`, attacker, 0o777);
        ground.directory(`${folder}/data/shop/mine${i}`, attacker, 0o777);
        for (const name of ["key", "sub/key"]) {
          ground.file(`${folder}/data/shop/mine${i}/${name}`, attacker, 0o666, "mine\n");
        }
      }
    },
    arm: async (ground, folder, names) => {
      ground.remove(`${folder}/data/shop`);
      const at = shop(ground, folder);
      const theirs = few.map((i) => {
        const name = below(ground, at);
        ground.directory(`${name}/vic${i}/sub`, victim, 0o700);
        ground.directory(`${name}/vic${i}`, victim, 0o700);
        ground.file(`${name}/vic${i}/key`, victim, 0o600, `${secret}\n`);
        ground.file(`${name}/vic${i}/sub/key`, victim, 0o600, `${secret}\n`);
        return ground.path(`${name}/vic${i}`);
      });
      return { words: ambush(ground, names, /\/mine\d$/, theirs), victims: theirs };
    },
  },
  {
    name: "nodes-given-away",
    what: "another user's private file gets the name of a fifo, device, link or socket that was just restored",
    during: "restore",
    path: "data",
    lay: async (ground, folder) => {
      shop(ground, folder);
      for (const i of few) {
        await ground.node(`${folder}/data/shop/fifo${i}`, attacker, 0o666, "p");
        await ground.node(`${folder}/data/shop/null${i}`, attacker, 0o666, "c", "1", "3");
        await command([
          "chown",
          "-h",
          `${attacker}`,
          ground.link(`${folder}/data/shop/link${i}`, "nowhere"),
        ]);
      }
    },
    arm: async (ground, folder, names) => {
      ground.remove(`${folder}/data/shop`);
      const theirs = ground.victims(below(ground, shop(ground, folder)), 12);
      return { words: ambush(ground, names, /\/shop\/.*\d$/, theirs), victims: theirs };
    },
  },
  {
    name: "temporary-names",
    what: "another user's private file gets whatever name appears while files and nodes that are there are replaced",
    during: "restore",
    path: "data",
    lay: async (ground, folder) => {
      shop(ground, folder);
      for (const i of few) {
        ground.file(`${folder}/data/shop/file${i}`, attacker, 0o666, "mine\n");
        await ground.node(`${folder}/data/shop/fifo${i}`, attacker, 0o666, "p");
      }
    },
    arm: async (ground, folder) => {
      ground.remove(`${folder}/data/shop`);
      const at = shop(ground, folder);
      for (const i of few) {
        ground.file(`${folder}/data/shop/file${i}`, attacker, 0o644, "old\n");
        ground.file(`${folder}/data/shop/fifo${i}`, attacker, 0o644, "old\n");
      }
      const theirs = ground.victims(below(ground, at), 8);
      return { words: ["steal", at, ...theirs], victims: theirs };
    },
  },
  {
    name: "inherited-acl",
    what: "a default ACL appears on a directory and goes while another user's files are restored into it",
    during: "restore",
    path: "data",
    lay: async (ground, folder) => {
      ground.directory(`${folder}/data/open`);
      for (const i of few) {
        ground.directory(`${folder}/data/open/sub${i}`, victim, 0o750);
        await ground.node(`${folder}/data/open/fifo${i}`, victim, 0o640, "p");
      }
      for (const i of range(100))
        ground.file(`${folder}/data/open/file${i}`, victim, 0o640, `${secret}\n`);
    },
    arm: async (ground, folder) => {
      ground.remove(`${folder}/data/open`);
      return {
        words: ["inherit", ground.directory(`${folder}/data/open`), `${attacker}`],
        victims: [],
      };
    },
    check: async (ground, folder) => {
      const open = ground.path(`${folder}/data/open`);
      const found = readdirSync(open).filter((name) => !name.startsWith("."));
      expect(found.length).toBe(108);
      for (const name of found) {
        const { mode, uid } = lstatSync(join(open, name));
        expect([name, uid, mode & 0o7777]).toEqual([
          name,
          victim,
          name.startsWith("sub") ? 0o750 : 0o640,
        ]);
      }
      const acls = await command([
        "getfattr",
        "-R",
        "-P",
        "-h",
        "--absolute-names",
        "-m",
        "posix_acl",
        open,
      ]);
      expect(acls.stdout.toString()).not.toMatch(/# file: .*\/open\//);
    },
  },
  {
    name: "leader-exchanged",
    what: "another user's private file gets the first name of a file before its other names are linked to it",
    during: "restore",
    path: "data",
    lay: async (ground, folder) => {
      shop(ground, folder);
      for (const i of few) ground.file(`${folder}/data/shop/a${i}`, attacker, 0o666, "mine\n");
      ground.directory(`${folder}/data/shop/sub`, attacker, 0o777);
      for (const i of few) {
        const names = [`${folder}/data/shop/a${i}`, `${folder}/data/shop/sub/b${i}`];
        await command(["ln", ...names.map((name) => ground.path(name))]);
      }
    },
    arm: async (ground, folder, names) => {
      ground.remove(`${folder}/data/shop`);
      const at = shop(ground, folder);
      const theirs = ground.victims(below(ground, at), 4);
      return { words: ambush(ground, names, /\/a\d$/, theirs), victims: theirs };
    },
  },
  pathExchange(
    "path-exchange",
    "the path that is saved becomes a link to a directory of root's",
    "data",
    "save",
  ),
  pathExchange(
    "parent-exchange",
    "a directory above the path that is saved becomes such a link",
    "home",
    "save",
  ),
  pathExchange(
    "path-exchange-restore",
    "the path that is restored in place becomes a link to a directory of root's",
    "data",
  ),
  pathExchange(
    "parent-exchange-restore",
    "a directory above the path that is restored becomes such a link",
    "home",
  ),
  {
    ...pathExchange(
      "target-exchange",
      "the directory that a restore is told to fill becomes such a link",
      "out",
    ),
    where: "home/out",
  },
];

/** Of a name in an archive: below the ground. */
export function onGround(ground: Ground, names: readonly string[]): string[] {
  return names
    .filter((name) => name.startsWith(`${ground.root}/`))
    .map((name) => join(below(ground, dirname(name)), basename(name)));
}

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { command } from "../../src/command";
import { type Observed, observe } from "../../src/trees/observe";
import { atCleanUp, scratch } from "../support";
import { attacker, shared, victim } from "./enemy";

/** In files that only root or the victim may read. It must never be found in what was saved. */
export const secret = "what no user's backup may hold";

/**
 * A small filesystem of its own: freed inode numbers are used again at once. Its users may enter
 * it.
 */
export async function newGround(): Promise<Ground> {
  const folder = scratch();
  const image = join(folder, "image");
  writeFileSync(image, "");
  truncateSync(image, 48 * 2 ** 20);
  await command(["mkfs.ext4", "-q", "-F", "-I", "256", "-N", "4096", image]);
  const root = join(folder, "fs");
  mkdirSync(root);
  await command(["mount", "-o", "loop", image, root]);
  atCleanUp(async () => {
    await command(["umount", "-l", root]);
  });
  for (const path of [folder, root]) chmodSync(path, 0o755);
  return new Ground(root);
}

export class Ground {
  constructor(readonly root: string) {}

  path(name: string): string {
    return join(this.root, name);
  }

  directory(name: string, uid = attacker, mode = 0o755, gid = uid === 0 ? 0 : shared): string {
    mkdirSync(this.path(name), { recursive: true });
    return this.#own(name, uid, mode, gid);
  }

  file(name: string, uid: number, mode: number, content: string | Buffer = `${name}\n`): string {
    writeFileSync(this.path(name), content);
    return this.#own(name, uid, mode);
  }

  /** Of holes only. */
  sparse(name: string, size: number): string {
    this.file(name, attacker, 0o644, "");
    truncateSync(this.path(name), size);
    return this.path(name);
  }

  link(name: string, target: string): string {
    symlinkSync(target, this.path(name));
    return this.path(name);
  }

  /** @param words type and numbers, as mknod(1) has them */
  async node(
    name: string,
    uid: number,
    mode: number,
    ...words: readonly string[]
  ): Promise<string> {
    await command(["mknod", this.path(name), ...words]);
    return this.#own(name, uid, mode);
  }

  /** 0600 files of the victim. */
  victims(folder: string, count: number): string[] {
    return Array.from({ length: count }, (_, i) =>
      this.file(join(folder, `vic${i}`), victim, 0o600, `${secret} ${i}\n`),
    );
  }

  remove(...names: readonly string[]): void {
    for (const name of names) rmSync(this.path(name), { recursive: true, force: true });
  }

  /**
   * Everything that can be said of these things and of what is below them, wherever somebody moved
   * them by then: all but the names of the first ones and what a rename or a reader changes.
   */
  async portrait(inodes: readonly bigint[]): Promise<Record<string, object>> {
    const found = await observe(this.root, await this.#plain());
    const places = new Map(
      [...found.keys()].map((path) => [lstatSync(this.path(path), { bigint: true }).ino, path]),
    );
    const portrait: Record<string, object> = {};
    for (const [i, inode] of inodes.entries()) {
      const at = places.get(inode);
      if (at === undefined) portrait[`${i}`] = { gone: true };
      for (const [path, seen] of at === undefined ? [] : found) {
        if (path === at || path.startsWith(`${at}/`))
          portrait[`${i}${path.slice(at?.length)}`] = lasting(seen);
      }
    }
    return portrait;
  }

  async #plain(): Promise<string[]> {
    const { stdout } = await command(["find", this.root, "-not", "-type", "l", "-printf", "%P\\0"]);
    return stdout.toString("latin1").split("\0").slice(0, -1);
  }

  #own(name: string, uid: number, mode: number, gid = uid === 0 ? 0 : shared): string {
    const path = this.path(name);
    chownSync(path, uid, gid);
    chmodSync(path, mode); // behind chown, which takes the setgid bit away
    return path;
  }
}

/** Without its access time, and with the number of its names only. */
function lasting({ atime: _, links, ...rest }: Observed): object {
  return { ...rest, links: links.split("\0", 1)[0] };
}

export function inodeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).ino;
}

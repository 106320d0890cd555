import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { command } from "../src/command";
import { makeTree } from "../src/trees/tree";
import { chosenReleases, cleanUp, installedPlugin, labWith, pluginJob, scratch } from "./support";

describe.each(chosenReleases)("a volume of Bacula %s without our plugin", (release) => {
  afterAll(cleanUp);

  test("bextract gives plain file contents", async () => {
    const tree = join(scratch(), "tree");
    const { files } = makeTree({ root: tree, entries: 1000 });
    const lab = await labWith(release, [pluginJob("Plugin", tree)], {
      pluginDir: installedPlugin(),
    });
    const job = await lab.run("Plugin");
    expect(job.status).toBe("ok");
    const [volume = ""] = await lab.volumes(job.jobId);
    const where = join(scratch(), "extracted");
    mkdirSync(where);
    await lab.bextract(volume, where);
    for (const path of files)
      expect([path, readFileSync(join(where, path)).equals(readFileSync(path))]).toEqual([
        path,
        true,
      ]);
    for (const size of [1, 65_535, 65_536, 65_537, 1_048_576]) {
      const path = join(tree, `peculiar/size-${size}`);
      await command(["cmp", path, join(where, path)]);
    }
  });
});

import { expect, test } from "@jest/globals";
import { configurationFiles } from "./configuration";

test("quotes and backslashes of a plugin string survive Bacula's quoting", () => {
  const files = configurationFiles({
    folder: "/d",
    ports: { director: 1, file: 2, storage: 3 },
    pluginDir: "/p",
    jobs: [{ name: "J", plugins: ['podheitor-hpc:path="/a;b\\\\c"'], accurate: true }],
  });
  expect(files["bacula-dir.conf"]).toContain('Plugin = "podheitor-hpc:path=\\"/a;b\\\\\\\\c\\""');
  expect(files["bacula-dir.conf"]).toContain("Accurate = yes");
  expect(Object.keys(files).sort()).toEqual([
    "bacula-dir.conf",
    "bacula-fd.conf",
    "bacula-sd.conf",
    "bconsole.conf",
  ]);
});

/**
 * The notices that go with a bundle: nobody's are missing, and what may not be shipped stops the
 * build.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "hpc-notices-"));
  write(
    "package.json",
    JSON.stringify({ name: "ours", version: "1.0.0", dependencies: { used: "*", unused: "*" } }),
  );
  write("src/main.ts", "");
  installed(
    "used",
    "MIT",
    { LICENSE: "MIT License\nCopyright (c) Ada" },
    { optionalDependencies: { "@used/linux": "1" } },
  );
  installed("unused", "MIT", { LICENSE: "Copyright (c) Nobody" });
  installed("@used/linux", "MIT", { "README.md": "# `@used/linux`", "a.node": RUST });
});
afterEach(() => rmSync(tree, { recursive: true }));

const RUST =
  "\0/cargo/registry/src/index.crates.io-1/once_cell-1.21.3/src/lib.rs\0/registry/src/x-2/libffi-5.1.0/a.rs/rust/deps/miniz_oxide-0.8.8/b.rs";

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

function installed(
  name: string,
  license: string,
  files: Record<string, string>,
  more: object = {},
): void {
  write(
    `node_modules/${name}/package.json`,
    JSON.stringify({ name, version: "2.3.4", license, ...more }),
  );
  for (const [file, text] of Object.entries({ "index.js": "", ...files }))
    write(`node_modules/${name}/${file}`, text);
}

/** What `notices` says for these files, or the message of its error. */
function notices(files: string[], addons: string[] = []): string {
  const script = `import { notices } from ${JSON.stringify(resolve(__dirname, "notices.mjs"))};
    const [root, files, addons] = JSON.parse(process.argv[1]);
    notices(root, files, addons).then((text) => process.stdout.write(text), (error) => process.stdout.write(error.message));`;
  const whole = (paths: string[]) => paths.map((path) => join(tree, path));
  const given = JSON.stringify([tree, whole(files), whole(addons)]);
  const ran = spawnSync(process.execPath, ["--input-type=module", "-e", script, given], {
    encoding: "utf8",
  });
  expect(ran.stderr).toBe("");
  return ran.stdout;
}

test("what is in the bundle, with its text, and nothing else; addons with the text of what they are a part of, and of what is in them", () => {
  const text = notices(
    ["src/main.ts", "node_modules/used/index.js"],
    ["node_modules/@used/linux/a.node"],
  );
  expect(text.match(/^.*@2\.3\.4: MIT$/gm)).toEqual(["@used/linux@2.3.4: MIT", "used@2.3.4: MIT"]);
  expect(text.match(/Copyright \(c\) Ada/g)).toHaveLength(2);
  expect(text).toContain(
    "Compiled into a.node, and what these bring along: libffi 5.1.0, miniz_oxide 0.8.8, once_cell 1.21.3.",
  );
  expect(text.match(/^Crates: .*$/gm)).toEqual([
    "Crates: adler2",
    "Crates: libffi libffi-sys",
    "Crates: miniz_oxide",
    "Crates: once_cell",
  ]);
  expect(text).toContain(
    "libffi - Copyright (c) 1996-2024  Anthony Green, Red Hat, Inc and others.",
  );
});

test.each([
  [
    "a crate of a registry",
    "/registry/src/x-2/unheard-of-1.0.0-rc.1/a.rs",
    "unheard-of 1.0.0-rc.1",
  ],
  [
    "a crate of a repository",
    "/git/checkouts/unheard-of-0123456789abcdef/a1/a.rs",
    "unheard-of 0123456789abcdef",
  ],
  ["a crate of Rust's own library", "/rust/deps/unheard-of-1.0.0/a.rs", "unheard-of 1.0.0"],
])("an addon with %s that has no notice stops the build", (_what, path, crate) => {
  write("node_modules/@used/linux/a.node", `${RUST}\0${path}`);
  const said = notices(["node_modules/used/index.js"], ["node_modules/@used/linux/a.node"]);
  expect(said).toBe(`a.node contains ${crate}: put the notice of each into scripts/licences`);
});

test("an addon that does not tell what it is compiled from stops the build", () => {
  write("node_modules/@used/linux/a.node", "\0ELF");
  const said = notices(["node_modules/used/index.js"], ["node_modules/@used/linux/a.node"]);
  expect(said).toBe("a.node does not tell what it is compiled from: its notices are unknown");
});

test("each notice in the repository has a licence, a source, a copyright line or a word why not, and a text", () => {
  const folder = join(__dirname, "licences");
  for (const file of readdirSync(folder)) {
    const whole = readFileSync(join(folder, file), "utf8");
    expect(whole).toMatch(
      /^(Crates|With): .*\n(With: .*\n)?Licence: .+\nSource: https:.+\n(Note: .+\n)?\n/,
    );
    expect(whole).toMatch(
      /^(libffi - )?Copyright\b.*\d{4}|^Copyright \(C\) |^Note: .*copyright line/m,
    );
    expect(whole).toMatch(/THE (DATA FILES AND )?SOFTWARE (IS|ARE) PROVIDED/);
  }
});

test.each([
  [
    "a licence that asks for more",
    "GPL-3.0",
    { LICENSE: "Copyright" },
    /^used@2\.3\.4 is under GPL-3\.0, which/,
  ],
  ["no text", "MIT", {}, /^used@2\.3\.4 comes without the text of its licence/],
])("a package with %s stops the build", (_what, license, files, message) => {
  rmSync(join(tree, "node_modules/used"), { recursive: true });
  installed("used", license, files as Record<string, string>);
  expect(notices(["node_modules/used/index.js"])).toMatch(message);
});

test.each(["hpc-backend", "hpc-cli"])(
  "the bundle of %s that was built has the notices of all that it depends on",
  (name) => {
    const root = resolve(__dirname, "..");
    const json = (folder: string) =>
      JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const text = readFileSync(join(root, "packages", name, "dist/THIRD_PARTY_NOTICES"), "utf8");
    const ours = (each: string): string[] => {
      const names = Object.keys(json(`packages/${each}`).dependencies ?? {});
      return names.flatMap((one) =>
        one.startsWith("@podheitor/") ? ours(one.replace("@podheitor/", "")) : [one],
      );
    };
    const depends = new Set(ours(name));
    expect(depends.size).toBeGreaterThan(1);
    for (const part of ["napi", "libffi", "mimalloc", "std"])
      expect(text).toMatch(new RegExp(`^Crates: ${part}\\b`, "m"));
    for (const one of depends) {
      expect(text).toContain(`\n${one}@${json(`node_modules/${one}`).version}: `);
      expect(text).toContain(
        readFileSync(join(root, "node_modules", one, "LICENSE"), "utf8").trim(),
      );
    }
  },
);

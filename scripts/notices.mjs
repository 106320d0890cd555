// What the licences of the packages within a bundle ask to be shipped with it: their names,
// copyright notices and texts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { init } from "license-checker-rseidelsohn";

/** Licences that allow what we do if their notices are shipped. */
const ALLOWED =
  /^(MIT|ISC|0BSD|BSD-2-Clause|BSD-3-Clause|BSL-1\.0|Apache-2\.0|BlueOak-1\.0\.0|Unicode-3\.0|Unlicense|CC0-1\.0)$/;

/** How the licence of a package is called: a README tells only its name. */
const IS_TEXT = /^(licen[cs]e|copying|notice)/i;

/** The packages that these files belong to; ours belong to none. @param files absolute paths */
function packagesOf(files) {
  const folders = files.map((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

const packageJson = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/**
 * The notices of what addons are compiled from, one a file: lines `Name: value`, an empty line, the
 * copyright lines and the licence's text. `Crates` are those that it covers; `With` are those that
 * bring it along where nothing names it.
 */
const LICENCES = join(dirname(fileURLToPath(import.meta.url)), "licences");

function crateNotices() {
  return readdirSync(LICENCES)
    .sort()
    .map((file) => {
      const text = readFileSync(join(LICENCES, file), "utf8").trim();
      const value = (name) =>
        new RegExp(`^${name}: (.*)$`, "m").exec(text.split("\n\n", 1)[0])?.[1] ?? "";
      const licences = value("Licence").split(" AND ");
      const bad = licences.find((licence) => !ALLOWED.test(licence));
      if (bad !== undefined)
        throw new Error(`${file} is under ${bad}, which scripts/notices.mjs does not allow`);
      return { text, crates: value("Crates").split(" "), brings: value("With").split(" ") };
    });
}

/**
 * How an addon's messages name the sources of crates: those of a registry, of a repository, and of
 * Rust's own library.
 */
const CRATES = [
  /registry\/src\/[^/\0]+\/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[^/\0]*)\//g,
  /git\/checkouts\/([A-Za-z0-9_-]+)-([0-9a-f]{16})\//g,
  /\/rust\/deps\/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[^/\0]*)\//g,
];

/** What is known by other strings than such a path. */
const OTHERS = { std: "library/std/src/", mimalloc: "mimalloc_" };

/** What an addon says that it is compiled from, `name version` each. */
function cratesIn(addon) {
  const content = readFileSync(addon, "latin1");
  const named = CRATES.flatMap((path) =>
    [...content.matchAll(path)].map(([, name, version]) => `${name} ${version}`),
  );
  const others = Object.keys(OTHERS).filter((name) => content.includes(OTHERS[name]));
  return [...new Set([...named, ...others])].sort();
}

/** The part of an addon's notices that its package does not carry. Throws where one is missing. */
function noticesWithin(addon) {
  const crates = cratesIn(addon);
  const file = basename(addon);
  if (crates.length === 0)
    throw new Error(`${file} does not tell what it is compiled from: its notices are unknown`);
  const all = crateNotices();
  const missing = crates.filter(
    (crate) => !all.some((notice) => notice.crates.includes(crate.split(" ")[0])),
  );
  if (missing.length > 0)
    throw new Error(
      `${file} contains ${missing.join(", ")}: put the notice of each into scripts/licences`,
    );
  const names = [file.split(".")[0], ...crates.map((crate) => crate.split(" ")[0])];
  const texts = all
    .filter((notice) =>
      names.some((name) => notice.crates.includes(name) || notice.brings.includes(name)),
    )
    .map(({ text }) => text);
  return [
    `Compiled into ${file}, and what these bring along: ${crates.join(", ")}.`,
    ...texts,
  ].join("\n\n- - -\n\n");
}

/**
 * The notices of a bundle. Throws where one is missing, or where a licence is none that we may
 * ship.
 *
 * @param root the folder whose node_modules holds the packages
 * @param files those whose code is in the bundle, absolute
 * @param addons those that lie beside it, absolute; their packages carry no text of their own, but
 * are optional parts of one that is in the bundle; what they are compiled from has its notices in
 * scripts/licences
 */
export async function notices(root, files, addons) {
  const installed = await promisify(init)({ start: root, customFormat: { licenseText: "" } });
  // By name and version: one that is installed at two places is listed with one of them.
  const factsOf = (folder) => {
    const { name, version } = packageJson(folder);
    return { id: `${name}@${version}`, ...installed[`${name}@${version}`] };
  };
  const textOf = ({ licenseFile, licenseText }) =>
    licenseFile !== undefined && IS_TEXT.test(basename(licenseFile))
      ? licenseText.trim()
      : undefined;
  const folders = packagesOf([...files, ...addons]);
  const sections = folders.map((folder) => {
    const fact = factsOf(folder);
    if (fact.licenses === undefined)
      throw new Error(`${fact.id} is in the bundle and not installed below ${root}`);
    if (!ALLOWED.test(fact.licenses))
      throw new Error(
        `${fact.id} is under ${fact.licenses}, which scripts/notices.mjs does not allow`,
      );
    const owner = folders.find(
      (other) => packageJson(other).optionalDependencies?.[packageJson(folder).name],
    );
    const text = textOf(fact) ?? (owner === undefined ? undefined : textOf(factsOf(owner)));
    if (text === undefined)
      throw new Error(`${fact.id} comes without the text of its licence (${fact.licenses})`);
    const within = addons.filter((addon) => dirname(addon) === folder).map(noticesWithin);
    return [
      `${fact.id}: ${fact.licenses}${fact.repository === undefined ? "" : `, ${fact.repository}`}`,
      text,
      ...within,
    ].join("\n\n");
  });
  const head =
    "Parts of the programs in this folder are the work of others, under the licences below.";
  return `${[head, ...sections].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/**
 * The files whose code esbuild put into a bundle. @param root what the paths of its metafile are
 * relative to
 */
export function filesIn(metafile, root) {
  const outputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return outputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => join(root, file))
    .filter(existsSync);
}

// What the licences of the packages within a bundle ask to be shipped with it: their names, copyright notices and texts.
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { init } from "license-checker-rseidelsohn";

/** Licences that allow what we do if their notices are shipped. */
const ALLOWED = /^(MIT|ISC|0BSD|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|CC0-1\.0)$/;

/** How the licence of a package is called: a README tells only its name. */
const IS_TEXT = /^(licen[cs]e|copying|notice)/i;

/** The packages that these files belong to; ours belong to none. @param files absolute paths */
function packagesOf(files) {
  const folders = files.map((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

const packageJson = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** Crates whose sources an addon names in its messages. It says no more of them. */
function cratesIn(addon) {
  const found = readFileSync(addon, "latin1").matchAll(
    /registry\/src\/[^/\0]+\/([A-Za-z0-9_-]+?-\d+\.\d+\.\d+[^/\0]*)\//g,
  );
  return [...new Set([...found].map(([, crate]) => crate))].sort();
}

/**
 * The notices of a bundle. Throws where one is missing, or where a licence is none that we may ship.
 *
 * @param root the folder whose node_modules holds the packages
 * @param files those whose code is in the bundle, absolute
 * @param addons those that lie beside it, absolute; their packages carry no text of their own, but are optional parts of one that is in the bundle
 */
export async function notices(root, files, addons) {
  const installed = await promisify(init)({ start: root, customFormat: { licenseText: "" } });
  // By name and version: one that is installed at two places is listed with one of them.
  const factsOf = (folder) => {
    const { name, version } = packageJson(folder);
    return { id: `${name}@${version}`, ...installed[`${name}@${version}`] };
  };
  const textOf = ({ licenseFile, licenseText }) =>
    licenseFile !== undefined && IS_TEXT.test(basename(licenseFile)) ? licenseText.trim() : undefined;
  const folders = packagesOf([...files, ...addons]);
  const sections = folders.map((folder) => {
    const fact = factsOf(folder);
    if (fact.licenses === undefined) throw new Error(`${fact.id} is in the bundle and not installed below ${root}`);
    if (!ALLOWED.test(fact.licenses))
      throw new Error(`${fact.id} is under ${fact.licenses}, which scripts/notices.mjs does not allow`);
    const owner = folders.find((other) => packageJson(other).optionalDependencies?.[packageJson(folder).name]);
    const text = textOf(fact) ?? (owner === undefined ? undefined : textOf(factsOf(owner)));
    if (text === undefined) throw new Error(`${fact.id} comes without the text of its licence (${fact.licenses})`);
    const crates = addons.filter((addon) => dirname(addon) === folder).flatMap(cratesIn);
    return [
      `${fact.id}: ${fact.licenses}${fact.repository === undefined ? "" : `, ${fact.repository}`}`,
      ...(crates.length > 0
        ? [
            `It is compiled from Rust, also from these crates (https://crates.io/crates/NAME), whose notices it does not carry: ${crates.join(", ")}.`,
          ]
        : []),
      text,
    ].join("\n\n");
  });
  const head = "Parts of the programs in this folder are the work of others, under the licences below.";
  return `${[head, ...sections].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** The files whose code esbuild put into a bundle. @param root what the paths of its metafile are relative to */
export function filesIn(metafile, root) {
  const outputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return outputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => join(root, file))
    .filter(existsSync);
}

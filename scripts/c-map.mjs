// npm run c-map [-- --draw] [FOLDER]: which file of shim-c calls which. No two files, and no two
// folders, may call each other, be it by way of others; a folder has a bounded number of sources;
// a global is called after its file. --draw prints the map.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { root, say, stop } from "./steps.mjs";

/** Sources in a folder: more than one takes in at a glance. */
const MOST = 22;
/** Programs with a `main`, and what stands in for a function of the C library. */
const PROGRAMS = new Set(["build", "corpus", "fuzz", "labfs", "latency", "test", "tools"]);
/** What a File Daemon looks for in a plugin. */
const FOREIGN = new Set(["loadPlugin", "unloadPlugin"]);

const words = process.argv.slice(2);
const draw = words.includes("--draw");
const top = words.find((word) => !word.startsWith("-")) ?? join(root, "shim-c");
const wrong = [];

/** Folders below `folder`, itself among them; of sources that are generated there are none. */
function folders(folder) {
  const inner = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !["build", "corpus"].includes(entry.name),
  );
  return [folder, ...inner.flatMap((entry) => folders(join(folder, entry.name)))];
}

/** A source without its comments, strings and directives. */
function bare(file) {
  return readFileSync(file, "utf8")
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, " ")
    .replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""')
    .replace(/^[ \t]*#[ \t]*include.*$/gm, "");
}

/** Functions that a source defines: they begin a line, and so does the brace of their body. */
function defined(text) {
  const found = [];
  for (const [, before, name] of text.matchAll(
    /^((?:[A-Za-z_]\w*[\s*]+)+)([A-Za-z_]\w*)\([^;{}]*\)\n\{/gm,
  ))
    found.push({ name, inFile: /\bstatic\b/.test(before) });
  return found;
}

/** Of a header only what is inline: to declare a function is not to call it. */
function bodies(text) {
  return text.match(/^[A-Za-z_][^;{}]*\)\n\{\n[\s\S]*?^\}\n/gm)?.join("") ?? "";
}

const all = folders(top);
for (const folder of all) {
  const sources = readdirSync(folder).filter((name) => name.endsWith(".c")).length;
  if (sources > MOST)
    wrong.push(
      `${relative(top, folder)} has ${sources} sources, and ${MOST} are the most: give it rooms`,
    );
}

/** By the path of the .c file: its text and its header's, what it defines, whom it calls. */
const modules = new Map();
const owners = new Map();
for (const folder of all) {
  const path = relative(top, folder);
  if (path.split("/").some((part) => PROGRAMS.has(part))) continue;
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".c"))) {
    const file = join(folder, name);
    const header = file.replace(/\.c$/, ".h");
    const functions = defined(bare(file));
    const inline = existsSync(header) ? bodies(bare(header)) : "";
    const text = bare(file) + inline;
    const own = new Set(defined(text).map((one) => one.name));
    modules.set(join(path, name), { text, own, calls: new Map() });
    for (const one of functions.filter((each) => !each.inFile)) {
      owners.set(one.name, join(path, name));
      const prefix = `${basename(name, ".c").replaceAll("-", "_")}_`;
      if (!one.name.startsWith("hpc_") && !one.name.startsWith(prefix) && !FOREIGN.has(one.name))
        wrong.push(`${join(path, name)} has ${one.name}(): call it ${prefix}…, or make it static`);
    }
  }
}
if (modules.size === 0) stop(`no C sources below ${top}`, "run it in a clone of the repository");

const between = new Map();
for (const [path, { text, own, calls }] of modules) {
  for (const [, name] of text.matchAll(/(?<![\w.>]|(?:enum|struct) )([A-Za-z_]\w*)\b/g)) {
    const owner = owners.get(name);
    if (!owner || owner === path || own.has(name)) continue;
    calls.set(owner, name);
    if (dirname(owner) === dirname(path)) continue;
    const rooms = between.get(dirname(path)) ?? new Map();
    between.set(dirname(path), rooms.set(dirname(owner), name));
  }
}

/** The circles of a map, each once: by depth first, a way that comes back to where it has been. */
function circles(map) {
  const done = new Set();
  const found = [];
  const visit = (one, way) => {
    const at = way.indexOf(one);
    if (at >= 0) found.push([...way.slice(at), one]);
    if (at >= 0 || done.has(one)) return;
    for (const next of map(one).keys()) visit(next, [...way, one]);
    done.add(one);
  };
  return { visit, found };
}

for (const [what, names, map] of [
  ["files", modules.keys(), (path) => modules.get(path).calls],
  ["folders", between.keys(), (path) => between.get(path) ?? new Map()],
]) {
  const { visit, found } = circles(map);
  for (const name of names) visit(name, []);
  for (const way of found) {
    const steps = way.slice(1).map((one, i) => `${map(way[i]).get(one)}() of ${one}`);
    wrong.push(`a circle of ${what}: ${way[0]} calls ${steps.join(", which calls ")}`);
  }
}

if (draw)
  for (const [path, { calls }] of [...modules].sort())
    say(`${path} → ${[...calls.keys()].sort().join(", ") || "nobody"}`);
for (const line of wrong) say(line);
say(`${modules.size} C modules, ${wrong.length} findings`);
process.exit(wrong.length === 0 ? 0 : 1);

import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Version of this package, which all packages of a release share. Its package.json is one folder up
 * from src, dist and bundle alike.
 */
export const version: string = (
  JSON.parse(readFileSync(join(__dirname, "..", "package.json"), "utf8")) as { version: string }
).version;

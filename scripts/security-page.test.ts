import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

// docs/security.md puts a test beside each promise: it must be there, and bear the name that the
// page gives it.
const root = join(__dirname, "..");
const page = readFileSync(join(root, "docs/security.md"), "utf8");
const [promises = ""] = page.split("## What is not promised");
const items = promises.split(/^- /m).slice(1);

/** A path in backquotes, and the names in quotes that follow it. */
const named = [
  ...promises.matchAll(/`((?:packages|shim-c|scripts)\/[^`]+)`((?:,?\s+"[^"]+")*)/g),
].flatMap(([, path = "", names = ""]) => {
  const quoted = [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) =>
    name.replace(/\s+/g, " "),
  );
  return quoted.length === 0 ? [[path, ""] as const] : quoted.map((name) => [path, name] as const);
});

test("there are promises, and each has a test", () => {
  expect(items.length).toBeGreaterThan(20);
  for (const item of items) expect(item).toMatch(/\n {2}Tests?: `/);
});

test.each(named)("%s has %j", (path, name) => {
  const file = join(root, path);
  expect(existsSync(file)).toBe(true);
  const text = readFileSync(file, "utf8");
  expect(
    text.includes(`"${name}`) ||
      text.includes(`void ${name}(void)`) ||
      text.includes(`pathExchange("${name}"`) ||
      name === "",
  ).toBe(true);
});

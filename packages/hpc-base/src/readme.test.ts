import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";

const readme = readFileSync(join(__dirname, "..", "README.md"), "utf8");
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""]) => text);

test.each(examples)("an example in the README gives the line that it shows: %#", (example) => {
  const { outputText } = transpileModule(example, {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
  });
  const line: unknown = new Function("require", "exports", `${outputText}; return line;`)(
    require,
    {},
  );
  expect(line).toBe(/^\/\/ (.*)$/m.exec(example)?.[1]);
});

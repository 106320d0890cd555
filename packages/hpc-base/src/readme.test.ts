import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ModuleKind, transpileModule } from "typescript";

test("the example in the README gives the line that it shows", () => {
  const readme = readFileSync(join(__dirname, "..", "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const { outputText } = transpileModule(example, {
    compilerOptions: { module: ModuleKind.CommonJS },
  });
  const line: unknown = new Function("require", "exports", `${outputText}; return line;`)(
    require,
    {},
  );
  expect(line).toBe(/^\/\/ (.*)$/m.exec(example)?.[1]);
});

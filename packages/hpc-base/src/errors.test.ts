import { statSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { causeOf, errnoName, errnoOf, errnoRemedy, errnoText, errorLine, HpcError } from "./index";

const refused = new HpcError("HPC_X", "archive a cannot be opened", "Check its name.", {
  cause: "why",
  errno: 2,
});

function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an error has a code, a remedy and a cause, and is one line", () => {
  expect(refused).toMatchObject({ name: "HpcError", code: "HPC_X", cause: "why", errno: 2 });
  expect(errorLine(refused)).toBe("archive a cannot be opened. Check its name. [HPC_X]");
  expect("cause" in new HpcError("HPC_X", "a", "Do it.")).toBe(false);
});

test("the cause of a failed call is its errno's name, of others their words", () => {
  const system = thrown(() => statSync("/no/such/file"));
  expect(causeOf(system)).toBe("ENOENT");
  expect(errnoOf(system)).toBe(2);
  expect(causeOf(refused)).toBe("ENOENT");
  expect(causeOf(new HpcError("HPC_X", "its words", "Do it."))).toBe("its words");
  expect(causeOf(new Error("its words"))).toBe("its words");
  expect(causeOf(undefined)).toBe("undefined");
});

test("what is no failed call is thrown again", () => {
  const defect = new TypeError("a defect");
  expect(thrown(() => errnoOf(defect))).toBe(defect);
});

test("errnos have names, and remedies where the name does not say it", () => {
  expect(errnoName(117)).toBe("EUCLEAN");
  expect(errnoName(4095)).toBe("errno 4095");
  expect(errnoText(2)).toBe("ENOENT");
  expect(errnoText(108)).toMatch(/^ESHUTDOWN \(the client has given up its server: /);
  expect(errnoRemedy("ENOENT")).toBeUndefined();
  expect(errnoRemedy("ENOTCONN")).toMatch(/^The client has no connection.*\.$/);
});

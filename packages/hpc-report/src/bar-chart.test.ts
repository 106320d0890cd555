import { expect, test } from "@jest/globals";
import { barChart } from "./bar-chart";

test("bars are in proportion, and text is text", () => {
  const svg = barChart("a < b & c", [
    { label: "one", value: 2, text: "2 s" },
    { label: "two", value: 1, text: "1 s" },
  ]);
  const lengths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="(\d+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(lengths[0]).toBe((lengths[1] ?? 0) * 2);
  expect(svg).toContain("a &lt; b &amp; c");
  expect(svg).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/);
});

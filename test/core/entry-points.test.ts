import { expect, test } from "vitest";
import { parseEntryPoints, renderEntryPoint } from "../../src/core/locks/entry-points.ts";

test("console scripts alone are read", () => {
  const text =
    "[console_scripts]\nblack = black:patched_main\n blackd= blackd:patched_main [d]\n# a = b:c\n\n[gui_scripts]\nx = y:z\n[console_scripts]\nobj = a.b:C.run\n";
  expect([...parseEntryPoints(text)]).toEqual([
    ["black", { module: "black", attribute: "patched_main" }],
    ["blackd", { module: "blackd", attribute: "patched_main" }],
    ["obj", { module: "a.b", attribute: "C.run" }],
  ]);
});

test.each([
  "a = os;system('x'):main",
  "a = os:main()",
  "a = os:main\\nimport",
  'a = os:__import__("os")',
  "a = os",
  "a = :main",
  "a = 1os:main",
  "a = os.:main",
])("%s becomes no Python", (line) => {
  expect(parseEntryPoints(`[console_scripts]\n${line}\n`).size).toBe(0);
});

test("an attribute of an object is called through its first name", () => {
  const text = renderEntryPoint({ module: "a.b", attribute: "C.run" });
  expect(text).toContain("    from a.b import C\n");
  expect(text).toContain("sys.exit(C.run())");
});

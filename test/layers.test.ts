import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/** Arrows point down only. A floor may import from its own and from lower ones. */
const floors: [folder: string, mayImport: string[]][] = [
  ["core", ["core"]],
  ["io", ["io", "core"]],
  ["net", ["net", "io", "core"]],
  ["unpack", ["unpack", "io", "core"]],
  ["sources", ["sources", "net", "unpack", "io", "core"]],
  ["report", ["report", "core"]],
  ["run", ["run", "report", "sources", "net", "io", "core"]],
  ["commands", ["commands", "run", "report", "net", "io", "core"]],
  [".", ["commands", "run", "report", "core"]],
];
/** What is pure in the platform: no file, network, process or clock. */
const pureModules = new Set(["node:crypto", "node:path"]);

const source = join(import.meta.dirname, "..", "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);
const floorOf = (file: string): string => dirname(file);

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

test("there are files to look at", () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(files)("%s imports downwards only", (file) => {
  const may = floors.find(([folder]) => folder === floorOf(file))?.[1];
  expect(may, `${file} lies on no known floor`).toBeDefined();
  for (const imported of importsOf(file)) {
    if (imported.startsWith(".")) {
      const target = relative(source, join(source, dirname(file), imported));
      expect(may, `${file} imports ${target}`).toContain(floorOf(target));
    } else if (floorOf(file) === "core" && imported.startsWith("node:")) {
      expect(pureModules, `${file} imports ${imported}`).toContain(imported);
    }
  }
});

const top = new Set(["start.ts", "main.ts"]);

test.each(files.filter((file) => !top.has(file)))("%s does not name the process", (file) => {
  expect(readFileSync(join(source, file), "utf8")).not.toMatch(/\bprocess\.\w/);
});

test.each(files)("%s lists directories by lstat, not by the types of a listing", (file) => {
  expect(readFileSync(join(source, file), "utf8")).not.toMatch(/\bwithFileTypes: true/);
});

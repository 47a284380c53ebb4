import { expect, test } from "vitest";
import type { Catalogue, Recipe } from "../../src/core/recipe.ts";
import { nearestName, searchRecipes } from "../../src/core/search.ts";

function recipe(name: string, description: string, bins: string[], aliases?: string[]): Recipe {
  return {
    name,
    description,
    homepage: "https://example.test",
    license: "MIT",
    version: "1.0.0",
    bins: Object.fromEntries(bins.map((bin) => [bin, `bin/${bin}`])),
    ...(aliases && { aliases }),
    test: [],
    needs: [],
    artifacts: {},
    origin: "bundled",
  };
}

const all = [
  recipe("fd", "Finds files", ["fd"]),
  recipe("imagemagick", "Edits pictures", ["convert", "identify"]),
  recipe("jq", "Command-line JSON processor", ["jq"]),
  recipe("nano-pdf", "Edits pages", ["nano-pdf"]),
  recipe("poppler", "Reads PDF files", ["pdftotext"]),
  recipe("rg", "Searches files", ["rg"], ["ripgrep"]),
  recipe("yq", "jq for YAML", ["yq"]),
];
const catalogue: Catalogue = {
  recipes: new Map(all.map((one) => [one.name, one])),
  providers: new Map(),
};

test.each([
  [["ripgrep"], ["rg"]], // an alias
  [["CONVERT"], ["imagemagick"]], // a program, in any case
  [["jq"], ["jq", "yq"]], // a whole name goes before a description
  [["pdf"], ["nano-pdf", "poppler"]], // the beginning of a part of a name
  [["totext"], ["poppler"]], // a part of a name
  [["files", "finds"], ["fd"]], // every word
  [["files finds"], ["fd"]], // words that were quoted together
  [["files", "pictures"], []],
  [["cobol"], []],
])("%j finds %j", (words, names) => {
  expect(searchRecipes(words, catalogue).map(({ name }) => name)).toEqual(names);
});

test.each([
  ["rigprep", "ripgrep"],
  ["covnert", "convert"],
  ["popler", "poppler"],
  ["cobol", undefined],
])("%s is near to the name %s", (word, near) => {
  expect(nearestName(word, catalogue)).toBe(near);
});

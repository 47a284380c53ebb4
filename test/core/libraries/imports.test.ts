import { expect, it } from "vitest";
import { foreignImports } from "../../../src/core/libraries/imports.ts";

const importsOf = (text: string, modules: readonly string[] = []): string[] =>
  foreignImports({
    plainScripts: new Map([["scripts/x.py", Buffer.from(text)]]),
    modules: new Set(modules),
  });

it("names what neither Python nor the skill has", () => {
  const text = `"""Text from the web import nothing, and
import the rest of it.
"""
import os, json as j, requests
import yaml.nodes  # a comment
from bs4 import BeautifulSoup
from . import near
from helpers.words import word
try:
    import rich as r
except ImportError:
    import tomllib
`;
  expect(importsOf(text, ["helpers"])).toEqual(["bs4", "requests", "rich", "yaml"]);
  expect(importsOf("import sys\n")).toEqual([]);
});

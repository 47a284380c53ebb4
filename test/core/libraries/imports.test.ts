import { isBuiltin } from "node:module";
import { expect, it } from "vitest";
import { foreignImports, importedPackages } from "../../../src/core/libraries/imports.ts";

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

it("names the npm packages of Node scripts: of modules, of CommonJS, and of TypeScript", () => {
  const text = `#!/usr/bin/env node
/* Import words from "nowhere".
 * const a = require("in-a-comment");
 */
import fs, { readFileSync } from "fs";
import "side-effect/register";
import {
  one,
  two as second,
} from "@scope/several/lines";
import * as all from 'star';
import type { Only } from "only-types";
export { three } from "re-export";
import near from "./near.js";
import alias from "@/alias";
import internal from "#internal";
import far from "https://example.test/x.js";
import npm from "npm:deno";
// require("commented-out")
const { x } = require("left-pad"), y = 1;
if (y) module.exports = await import("later");
const builtin = require("node:child_process"), promises = require("fs/promises");
console.log('import it from "prose"', "we import a lot from here");
`;
  expect(importedPackages([Buffer.from(text)], isBuiltin)).toEqual([
    ...["@scope/several", "later", "left-pad", "re-export", "side-effect", "star"],
  ]);
  expect(importedPackages([Buffer.from('import os from "node:os";')], isBuiltin)).toEqual([]);
});

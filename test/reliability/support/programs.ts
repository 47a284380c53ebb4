/**
 * Programs that can tell whether all of them is there: each prints the digest of the files that it
 * came with, so that half a tree, or files of two versions, give another output than the right one.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  archive,
  type Content,
  describe,
  link,
  npmTarball,
  type Tree,
} from "../../support/archives.ts";
import type { Loopback } from "../../support/loopback.ts";

/** One version of a tool, as a server offers it. */
export interface Offer {
  readonly tool: string;
  readonly version: string;
  /** Program to what it prints. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Every path of its tree, directories included. */
  readonly paths: ReadonlySet<string>;
  /** Of the server, for counting requests. */
  readonly downloads: readonly string[];
  /** Where an archive lies, and its digest. */
  readonly pinned?: { readonly url: string; readonly sha256: string };
  /** Writes the recipe into a directory. */
  write(recipes: string): void;
}

export interface Make {
  readonly server: Loopback;
  readonly tool: string;
  readonly version: string;
  /** Of what it comes with, about. */
  readonly bytes: number;
}

/** A program that is packed in a tar.gz or zip, with parts, links of both kinds and a directory of its own. */
export function offerArchive(
  { server, tool, version, bytes }: Make,
  { format, bins = [tool] }: { format: "tar.gz" | "zip"; bins?: readonly string[] },
): Offer {
  const parts = [0.5, 0.3, 0.2].map((share) => randomBytes(Math.ceil(bytes * share)));
  const sum = createHash("sha256").update(Buffer.concat(parts)).digest("hex").slice(0, 12);
  const tree: Record<string, Content> = { "share/latest": link("../lib/part-0") };
  parts.forEach((body, i) => {
    tree[`lib/part-${i}`] = { body };
  });
  tree["lib/same"] = { same: "lib/part-1" };
  for (const bin of bins) {
    const body = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/..
cmp "$here/lib/same" "$here/lib/part-1" || exit
echo "${bin} ${version} $(cat "$here"/lib/part-* | sha256sum | cut -c1-12) $(head -c 1 "$here/share/latest" | wc -c)"
`;
    tree[`bin/${bin}`] = { body, mode: 0o755 };
  }
  const packed = archive(format, tree, { top: "top" });
  const file = `${tool}-${version}.${format}`;
  const source = { url: server.serve(`/${file}`, packed), ...pins(packed), strip: 1 };
  return {
    tool,
    version,
    outputs: Object.fromEntries(bins.map((bin) => [bin, `${bin} ${version} ${sum} 1\n`])),
    paths: pathsOf(tree),
    downloads: [`/${file}`],
    pinned: source,
    write: (recipes) =>
      writeRecipe(recipes, {
        name: tool,
        version,
        bins: Object.fromEntries(bins.map((bin) => [bin, `bin/${bin}`])),
        test: [bins[0], "--version"],
        artifacts: { "linux-x64": source },
      }),
  };
}

/** What starts JavaScript programs: it hands everything to the Node that runs this. */
export function offerNode({ server, version, bytes }: Omit<Make, "tool">): Offer {
  const body = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;
  const tree = { "bin/node": { body, mode: 0o755 }, "lib/heap": { body: randomBytes(bytes) } };
  const packed = archive("tar.gz", tree, { top: "top" });
  const file = `node-${version}.tar.gz`;
  const source = { url: server.serve(`/${file}`, packed), ...pins(packed), strip: 1 };
  return {
    tool: "node",
    version,
    outputs: {},
    paths: pathsOf(tree),
    downloads: [`/${file}`],
    write: (recipes) =>
      writeRecipe(recipes, {
        name: "node",
        version,
        bins: { node: "bin/node" },
        test: ["node", "--version"],
        artifacts: { "linux-x64": source },
      }),
  };
}

/**
 * A JavaScript program of three packages, one of which it asks for only after a while (`--slow`: a
 * third of a second): an exchange of its tree in between must not show.
 */
export function offerClosure({ server, tool, version, bytes }: Make): Offer {
  const heavy = randomBytes(Math.ceil(bytes / 3))
    .toString("hex")
    .slice(0, Math.ceil(bytes / 3));
  const sum = createHash("sha256").update(heavy).digest("hex").slice(0, 12);
  const cli = `#!/usr/bin/env node
const first = require("${tool}-word");
setTimeout(() => {
  const { text } = require("./late.js");
  const last = require("${tool}-heavy");
  const sum = require("node:crypto").createHash("sha256").update(last).digest("hex").slice(0, 12);
  console.log(first, text, sum);
}, process.argv.includes("--slow") ? 333 : 1);
`;
  const trees: Record<string, Tree> = {
    [tool]: { "cli.js": cli, "late.js": `exports.text = ${JSON.stringify(version)};\n` },
    [`${tool}-word`]: { "index.js": `module.exports = "${tool}";\n` },
    [`${tool}-heavy`]: { "index.js": `module.exports = "${heavy}";\n` },
  };
  const paths = new Set(["node_modules"]);
  const downloads: string[] = [];
  const locked: Record<string, unknown> = { "": { dependencies: { [tool]: version } } };
  for (const [name, tree] of Object.entries(trees)) {
    const packed = npmTarball(name, version, tree);
    server.publish(name, version, packed);
    downloads.push(`/registry/${name}/-/${name}-${version}.tgz`);
    locked[`node_modules/${name}`] = { version, integrity: describe(packed).integrity };
    paths.add(`node_modules/${name}`);
    for (const path of ["package.json", ...Object.keys(tree)]) {
      paths.add(`node_modules/${name}/${path}`);
    }
  }
  return {
    tool,
    version,
    outputs: { [tool]: `${tool} ${version} ${sum}\n` },
    paths,
    downloads,
    write: (recipes) =>
      writeRecipe(
        recipes,
        {
          name: tool,
          version,
          bins: { [tool]: `node_modules/${tool}/cli.js` },
          needs: ["node"],
          test: [tool, "--version"],
          artifacts: { any: { npm: `${tool}@${version}`, lock: `${tool}.lock.json` } },
        },
        { lockfileVersion: 3, packages: locked },
      ),
  };
}

/** Writes SKILL.md files, each of which requires one of the programs. */
export function writeSkills(dir: string, bins: readonly string[]): void {
  for (const bin of bins) {
    const metadata = JSON.stringify({ openclaw: { requires: { bins: [bin] } } });
    mkdirSync(join(dir, bin), { recursive: true });
    const head = `---\nname: ${bin}\ndescription: Uses ${bin}.\nmetadata: ${metadata}\n---\n`;
    writeFileSync(join(dir, bin, "SKILL.md"), `${head}\n# ${bin}\n`);
  }
}

function writeRecipe(
  recipes: string,
  over: { name: string; [key: string]: unknown },
  lock?: object,
): void {
  const document = {
    description: "A program of a test",
    homepage: "https://example.test",
    license: "MIT",
    provenance: "made by a test",
    ...over,
  };
  mkdirSync(recipes, { recursive: true });
  writeFileSync(
    join(recipes, `${over.name}.yaml`),
    stringify(document, { aliasDuplicateObjects: false }),
  );
  if (lock) writeFileSync(join(recipes, `${over.name}.lock.json`), JSON.stringify(lock));
}

function pins(bytes: Buffer): { sha256: string; size: number } {
  const { sha256, size } = describe(bytes);
  return { sha256, size };
}

function pathsOf(tree: Tree): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const path of Object.keys(tree)) {
    const parts = path.split("/");
    parts.forEach((_, i) => {
      paths.add(parts.slice(0, i + 1).join("/"));
    });
  }
  return paths;
}

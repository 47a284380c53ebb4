/**
 * Builds dist/: the starter and the program, those of `policy`, OpenClaw's plugin, the compiled catalogue, the
 * texts of `--help` and `--version` (the sh script prints them without Node), the words that do not change what
 * is installed and the start of the status skill (for that script), the man page, shell completions, and the
 * licences of bundled packages.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { buildProgram } from "./.build-program.ts";
import { wordLists } from "./src/commands/freshness-words.ts";
import { buildFile, isPartOfCommand } from "./src/core/package-files.ts";
import { indexPrograms } from "./src/core/plan/program-index.ts";
import { statusHead } from "./src/core/status-skill.ts";
import { loadCatalogue } from "./src/io/inputs/catalogue.ts";
import { manifestFiles } from "./src/plugin/manifest.ts";
import { completionFiles, type Shell } from "./src/usage/completion-files.ts";
import { renderCompletion } from "./src/usage/completions.ts";
import { manPageFile, renderManPage } from "./src/usage/man-page.ts";

/** Becomes dist/ in one step at the end: what runs meanwhile keeps the former build. */
const out = `dist.new.${process.pid}`;
const start = `${out}/openclaw-install-skill-deps.cjs`;
const common: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none", // complete licence texts are written to a file
  logLevel: "warning",
};

// An older Node must be able to report that it is too old.
await build({ ...common, entryPoints: ["src/start.ts"], outfile: start, target: "node16" });
// Small, for a quick start; it loads a piece of the program only where it must.
await build({
  ...common,
  entryPoints: ["src/policy.ts"],
  outfile: `${out}/policy.cjs`,
  target: "node16",
  supported: { "dynamic-import": false },
});
const yaml = "./node_modules/yaml/browser/index.js";
const { metafile, texts } = await buildProgram({ ...common, alias: { yaml } });
for (const [name, text] of Object.entries(texts)) writeFileSync(`${out}/${name}.cjs`, text);
const plugin = await build({
  ...common,
  format: "esm",
  entryPoints: ["src/plugin/index.ts"],
  outfile: `${out}/plugin/index.js`,
  metafile: true,
});
const bundled = { ...metafile.inputs, ...plugin.metafile.inputs };
writeFileSync(`${out}/THIRD-PARTY-LICENSES.txt`, licencesOf(bundled));
run("recipe", "compile", "recipes", `${out}/catalogue.json`);
for (const word of ["help", "version"]) writeFileSync(`${out}/${word}.txt`, run(`--${word}`));
writeFileSync(`${out}/words.txt`, wordLists());
writeFileSync(`${out}/status-skill.txt`, statusHead);
for (const [name, value] of Object.entries(manifestFiles(run("--version").trim()))) {
  writeFileSync(`${out}/plugin/${name}`, `${JSON.stringify(value, null, 2)}\n`);
}
writeFileSync(`${out}/${manPageFile}`, renderManPage(run("--version").trim()));
mkdirSync(`${out}/completions`);
const { catalogue } = await loadCatalogue({ dirs: [], compiled: `${out}/catalogue.json` });
writeFileSync(`${out}/programs.json`, JSON.stringify(indexPrograms(catalogue)));
const names = toolNames();
for (const [shell, file] of Object.entries(completionFiles)) {
  writeFileSync(`${out}/${file}`, renderCompletion(shell as Shell, names));
}

const digest = buildDigest(out);
writeFileSync(`${out}/${basename(buildFile)}`, `${digest}\n`);
// Another build of the same sources may have ended, and be in use.
const isBuilt = existsSync(buildFile) && readFileSync(buildFile, "utf8") === `${digest}\n`;
if (!isBuilt || buildDigest("dist") !== digest) {
  if (existsSync("dist")) renameSync("dist", `${out}.old`);
  renameSync(out, "dist");
}
for (const dir of [out, `${out}.old`]) rmSync(dir, { recursive: true, force: true });

/** Two builds of one version differ in it where they differ in anything that the volume's command has. */
function buildDigest(dist: string): string {
  const list = (dir: string, name: string): [name: string, path: string][] =>
    readdirSync(dir, { recursive: true, encoding: "utf8" })
      .sort()
      .map((file) => [`${name}/${file}`, join(dir, file)]);
  const files = [
    ["package.json", "package.json"] as const,
    ...list(dist, "dist"),
    ...list("entrypoint", "entrypoint"),
  ];
  const hash = createHash("sha256");
  for (const [name, path] of files) {
    if (name === buildFile || !isPartOfCommand(name) || !statSync(path).isFile()) continue;
    hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

function run(...args: string[]): string {
  const maxBuffer = 64 * 1024 ** 2; // the catalogue as JSON exceeds the default
  const env = { ...process.env, OPENCLAW_SKILL_CATALOGUE: "" };
  return execFileSync(process.execPath, [start, ...args], { encoding: "utf8", maxBuffer, env });
}

/** The names of the catalogue's tools and of their programs. */
function toolNames(): string[] {
  const recipes = [...catalogue.recipes.values()];
  return [...new Set(recipes.flatMap(({ name, bins }) => [name, ...Object.keys(bins)]))].sort();
}

/** Name, version, licence and licence texts of every package with files in the bundle. */
function licencesOf(inputs: Metafile["inputs"]): string {
  const packages = Object.keys(inputs).flatMap(
    (file) => /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? [],
  );
  const notices = [...new Set(packages)].sort().map((directory) => {
    const { name, version, license, author, homepage } = JSON.parse(
      readFileSync(join(directory, "package.json"), "utf8"),
    );
    const id = license?.type ?? license;
    if (typeof id !== "string") throw new Error(`${directory}/package.json names no license`);
    const by = author?.name ?? author;
    const facts = [`${name} ${version}`, `License: ${id}`];
    if (by) facts.push(`Author: ${by}`);
    if (homepage) facts.push(homepage);
    return [facts.join("\n"), ...textsIn(directory, id)].join("\n\n");
  });
  const head =
    "dist/program.cjs, install.cjs, rest.cjs, signatures.cjs and plugin/index.js hold code of these packages, under their own licenses.";
  return `${[head, ...notices].join(`\n\n${"-".repeat(80)}\n`)}\n`;
}

/** A package's own license texts; else those in its readme; else the standard text of its license. */
function textsIn(directory: string, id: string): string[] {
  const text = (name: string): string => readFileSync(join(directory, name), "utf8").trim();
  const names = readdirSync(directory);
  const own = names.filter((name) => /^(licen[cs]e|copying|notice)\b/i.test(name));
  if (own.length > 0) return own.sort().map(text);
  const readme = names.filter((name) => /^readme/i.test(name)).map(text);
  const said = readme.flatMap((it) => /^#+ licen[cs]e\b[\s\S]*/im.exec(it) ?? []);
  if (said.length > 0) return said;
  const file = new URL(`licenses/${id}.json`, import.meta.resolve("spdx-license-list"));
  const { licenseText } = JSON.parse(readFileSync(file, "utf8")) as { licenseText: string };
  return [
    `The package has no license text of its own. The standard text:\n\n${licenseText.trim()}`,
  ];
}

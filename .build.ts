/**
 * Makes dist/: what starts the program, the program, the compiled catalogue, what `--help` and `--version`
 * print (the sh script shows it without Node), which words that script may pass over, the man page, the
 * shells' completions, and the licences of what is bundled.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { wordLists } from "./src/commands/freshness-words.ts";
import { completionFiles, type Shell } from "./src/usage/completion-files.ts";
import { renderCompletion } from "./src/usage/completions.ts";
import { manPageFile, renderManPage } from "./src/usage/man-page.ts";

const start = "dist/openclaw-install-skill-deps.cjs";
const common: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none", // the texts of the licences are written as a whole
  logLevel: "warning",
};

rmSync("dist", { recursive: true, force: true });
// An older Node has to get as far as saying that it is too old.
await build({ ...common, entryPoints: ["src/start.ts"], outfile: start, target: "node16" });
const { metafile } = await build({
  ...common,
  entryPoints: ["src/main.ts"],
  outfile: "dist/program.cjs",
  metafile: true,
  alias: { yaml: "./node_modules/yaml/browser/index.js" },
  // undici looks whether Node has Headers too, for cookies, and Node then loads an undici of its own:
  // a tenth of the processor time of a small installation.
  define: { "globalThis.Headers": "undefined" },
  logOverride: { "assign-to-define": "silent" },
  // A function of what Node gives to a module: src/start.ts calls it.
  banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
  footer: { js: "})" },
});
writeFileSync("dist/THIRD-PARTY-LICENSES.txt", licencesOf(metafile));
run("recipe", "compile", "recipes", "dist/catalogue.json");
for (const word of ["help", "version"]) writeFileSync(`dist/${word}.txt`, run(`--${word}`));
writeFileSync("dist/words.txt", wordLists());
writeFileSync(`dist/${manPageFile}`, renderManPage(run("--version").trim()));
mkdirSync("dist/completions");
for (const [shell, file] of Object.entries(completionFiles)) {
  writeFileSync(`dist/${file}`, renderCompletion(shell as Shell, toolNames()));
}

function run(...args: string[]): string {
  const maxBuffer = 64 * 1024 ** 2; // the catalogue as JSON is larger than the default
  return execFileSync(process.execPath, [start, ...args], { encoding: "utf8", maxBuffer });
}

/** The tools of the catalogue, by what a person may call them: their own names and their programs'. */
function toolNames(): string[] {
  const { recipes } = JSON.parse(run("recipe", "list", "--json")) as {
    recipes: { name: string; bins: Record<string, string> }[];
  };
  return [...new Set(recipes.flatMap(({ name, bins }) => [name, ...Object.keys(bins)]))].sort();
}

/** Name, version and licence of every package that the bundle has files of, with its own texts. */
function licencesOf({ inputs }: Metafile): string {
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
  const head = "dist/program.cjs holds code of these packages, under their own licenses.";
  return `${[head, ...notices].join(`\n\n${"-".repeat(80)}\n`)}\n`;
}

/** A package's own license texts; else what its readme says; else the standard text of its license. */
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

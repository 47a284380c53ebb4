/** Skills with the dependency files of a list, and a script in each that imports everything they declare. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";

export interface TriedSkill {
  readonly name: string;
  /** Where the files come from; absent if they are made up. */
  readonly repository?: string;
  readonly path?: string;
  readonly commit?: string;
  /** Texts by their paths in the skill. */
  readonly files: Readonly<Record<string, string>>;
}

/** A set that a skill declares, and how it is tried. */
export interface TriedSet {
  readonly language: "python" | "node";
  /** The file that declares it. */
  readonly file: string;
  /** What the script is told to import: a package's name, for a Node package perhaps with a path. */
  readonly imports: readonly string[];
  /** Of the script, in the skill. */
  readonly script: string;
}

type Table = Readonly<Record<string, unknown>>;

/** The skills of a list beside this file. */
export function readSkills(list: string): readonly TriedSkill[] {
  return parseYaml(readFileSync(join(import.meta.dirname, list), "utf8"));
}

const probeOf = { python: "probe.py", node: "probe.mjs" } as const;
const metadata = /^# \/\/\/ script\n(?<content>(?:#.*\n)+?)# \/\/\/$/m;

/** The sets of a skill. Several files for Python in one skill are one set. */
export function setsOf({ files }: TriedSkill): TriedSet[] {
  const names = Object.keys(files);
  const [folder] = names.filter((name) => /(requirements\.txt|pyproject\.toml)$/.test(name));
  const python = Object.entries(files).flatMap(([name, text]) => pythonNames(name, text));
  const sets: TriedSet[] = [];
  if (folder !== undefined) sets.push(tried("python", folder, python));
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith("package.json")) sets.push(tried("node", name, nodeNames(text)));
    if (!name.endsWith(".py")) continue;
    const dependencies = (tomlIn(text).dependencies ?? []) as string[];
    sets.push({ ...tried("python", name, dependencies.map(nameOf)), script: name });
  }
  return sets;
}

function tried(language: TriedSet["language"], file: string, imports: readonly string[]): TriedSet {
  const script = join(dirname(file), probeOf[language]);
  return { language, file, imports: [...new Set(imports)], script };
}

function pythonNames(name: string, text: string): string[] {
  if (name.endsWith("requirements.txt")) {
    // A package for another environment is not to be there.
    const lines = text.split("\n").filter((line) => /^[A-Za-z0-9]/.test(line));
    return lines.filter((line) => !line.includes(";")).map(nameOf);
  }
  if (!name.endsWith("pyproject.toml")) return [];
  return (((parseToml(text).project as Table).dependencies ?? []) as string[]).map(nameOf);
}

function nameOf(requirement: string): string {
  return /^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? "";
}

function tomlIn(script: string): Table {
  const content = metadata.exec(script)?.groups?.content ?? "";
  return parseToml(content.replaceAll(/^# ?/gm, ""));
}

/** A package without an entry of its own is imported by one of its files. */
const entries: Readonly<Record<string, string>> = {
  "@modelcontextprotocol/sdk": "@modelcontextprotocol/sdk/client/index.js",
};

function nodeNames(text: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(text);
  const names = Object.keys({ ...dependencies, ...optionalDependencies });
  return names.map((name) => entries[name] ?? name);
}

/** Writes a skill below a directory, with its scripts. */
export function writeSkill(skills: string, skill: TriedSkill): void {
  const put = (path: string, text: string): void => {
    const file = join(skills, skill.name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  put("SKILL.md", `---\nname: ${skill.name}\ndescription: A skill.\n---\n`);
  for (const [path, text] of Object.entries(skill.files)) put(path, text);
  for (const { language, script } of setsOf(skill)) {
    const probe = readFileSync(join(import.meta.dirname, probeOf[language]), "utf8");
    put(script, (skill.files[script] ?? "") + probe);
  }
}

import { parse, TomlError } from "smol-toml";
import { normalName } from "../locks/wheel-tags.ts";
import { orNothing } from "../or-nothing.ts";
import { asFields, type Fields } from "../values.ts";
import { emptyDeclaration, type LibraryDeclaration, type Refusal } from "./declaration.ts";
import { checkRequirement } from "./requirements-txt.ts";

/** The `[project] dependencies` of a pyproject.toml; undefined if it declares none. */
export function readPyproject(text: string, file: string): LibraryDeclaration | undefined {
  return readDependencies(text, file, (document) => asFields(document.project)?.dependencies);
}

/** Where other tools than pip write packages that a pyproject.toml needs; undefined if there are none. */
export function unreadTables(text: string, file: string): LibraryDeclaration | undefined {
  const document = orNothing(() => parse(text.replaceAll("\r\n", "\n")));
  const project = asFields(document?.project);
  const poetry = asFields(asFields(asFields(document?.tool)?.poetry)?.dependencies) ?? {};
  const names = Object.keys(poetry).filter((name) => name !== "python");
  const isDynamic = isTexts(project?.dynamic) && project.dynamic.includes("dependencies");
  if (names.length === 0 && !isDynamic) return undefined;
  const where = names.length > 0 ? "[tool.poetry.dependencies]" : "dynamic dependencies";
  const reason =
    "it is not read; write them as dependencies in [project], or into a requirements.txt";
  return {
    ...emptyDeclaration("python", file),
    names: names.map(normalName).sort(),
    refused: [{ file, text: where, reason }],
  };
}

/** The `dependencies` of a script's inline metadata (PEP 723); undefined if it has none. */
export function readScript(text: string, file: string): LibraryDeclaration | undefined {
  const block = scriptBlock(text);
  if (block === undefined) return undefined;
  const lines = block.split("\n").slice(1, -1);
  const toml = lines.map((line) => line.slice(line.startsWith("# ") ? 2 : 1)).join("\n");
  return readDependencies(toml, file, (document) => document.dependencies);
}

/**
 * A script's inline metadata from `# /// script` to `# ///`, by the expression of its specification, with LF. A second
 * block makes all of them invalid.
 */
export function scriptBlock(text: string): string | undefined {
  const blocks = [
    ...text
      .replaceAll("\r\n", "\n")
      .matchAll(/^# \/\/\/ (?<type>[a-zA-Z0-9-]+)$\s(?<content>(?:^#(?:| .*)$\s)+)^# \/\/\/$/gm),
  ].filter(({ groups }) => groups?.type === "script");
  const [only, ...more] = blocks;
  return more.length > 0 ? undefined : only?.[0];
}

function readDependencies(
  text: string,
  file: string,
  choose: (document: Fields) => unknown,
): LibraryDeclaration | undefined {
  const empty = emptyDeclaration("python", file);
  const refuse = (refusal: Omit<Refusal, "file">): LibraryDeclaration => ({
    ...empty,
    refused: [{ file, ...refusal }],
  });
  let listed: unknown;
  try {
    listed = choose(parse(text.replaceAll("\r\n", "\n")));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.split("\n");
    return refuse({ line: error.line, text: "", reason: `it is not TOML: ${reason}` });
  }
  if (listed === undefined || (Array.isArray(listed) && listed.length === 0)) return undefined;
  if (!isTexts(listed))
    return refuse({ text: "dependencies", reason: "it is not a list of texts" });
  const checked = listed.map((requirement) => ({ requirement, ...checkRequirement(requirement) }));
  const refused = checked.flatMap((each) =>
    "reason" in each ? [{ file, text: each.requirement, reason: each.reason }] : [],
  );
  const good = checked.flatMap((each) => ("name" in each ? [each] : []));
  return {
    ...empty,
    names: [...new Set(good.map(({ name }) => name))].sort(),
    requirements: good.map(({ requirement }) => requirement),
    refused,
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

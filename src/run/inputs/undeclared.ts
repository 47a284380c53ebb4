import { isBuiltin } from "node:module";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { foreignImports, importedPackages } from "../../core/libraries/imports.ts";
import { declaredSets } from "../../core/libraries/skill-sets.ts";
import { nameSome } from "../../core/wording.ts";
import { isThere, listNames, orNothing } from "../../io/files.ts";
import { readNodeScripts } from "../../io/inputs/dependency-files.ts";
import type { FolderOfSkill } from "./libraries.ts";

/** One note for each skill whose scripts import what nothing declares. */
export function sayImports(
  folders: readonly FolderOfSkill[],
  { reporter: { emit } }: Context,
): void {
  for (const folder of folders) {
    sayUnread(folder, emit);
    const isMissing = (name: string): boolean =>
      !folder.directories.some((dir) => isThere(join(dir, "node_modules", name)));
    const hasPython = [...folder.files.keys()].some(declaresPython);
    const hasNode = declaredSets(folder).some(({ language }) => language === "node");
    const python = hasPython ? [] : foreignImports(folder);
    const node = hasNode
      ? []
      : importedPackages(readNodeScripts(folder), isBuiltin).filter(isMissing);
    const said = [
      ...(python.length > 0 ? [["Python", python, "a requirements.txt"] as const] : []),
      ...(node.length > 0 ? [["Node", node, "dependencies in a package.json"] as const] : []),
    ];
    if (said.length === 0) continue;
    const imported = said.map(([, names]) => nameSome(names, 5)).join(", and ");
    const languages = said.map(([language]) => language).join(" or ");
    const remedies = said.map(([, , remedy]) => remedy).join(", and ");
    const message = `${join(folder.dir, "SKILL.md")}: its scripts import ${imported}, and no file declares ${languages} packages (${remedies} would)`;
    emit({ type: "note", message });
  }
}

/** Dependency files of other tools; `requirements` is a directory of them. */
const otherFiles =
  /^(Pipfile(\.lock)?|(poetry|uv|pdm)\.lock|environment\.ya?ml|setup\.cfg|requirements([\w.-]*\.in)?|bun\.lockb?|deno\.(jsonc?|lock))$/;

/** One note for each skill with files that look as if they counted. */
function sayUnread({ dir, directories }: FolderOfSkill, emit: Context["reporter"]["emit"]): void {
  const names = directories.flatMap((path) => orNothing(() => listNames(path)) ?? []);
  const unread = [...new Set(names.filter((name) => otherFiles.test(name)))].sort();
  if (unread.length === 0) return;
  const message = `${join(dir, "SKILL.md")}: ${nameSome(unread, 5)} ${unread.length > 1 ? "are" : "is"} not read; packages are declared by requirements.txt, [project] in pyproject.toml, inline metadata of scripts, and package.json`;
  emit({ type: "note", message });
}

const declaresPython = (path: string): boolean => /[.](txt|toml|py)$/.test(path);

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import type { Refusal } from "../../core/libraries/declaration.ts";
import {
  maxFileBytes,
  maxLockBytes,
  maxScriptBytes,
  nodeFiles,
  pythonFile,
} from "../../core/libraries/set.ts";
import { type DeclaredSet, declaredSets, dependencyDirs } from "../../core/libraries/skill-sets.ts";
import { listNames, orNothing } from "../files.ts";
import { tryRead } from "../input.ts";

/** What a skill's folder declares for its scripts, and what that depends on. */
export interface SkillLibraries {
  readonly sets: readonly DeclaredSet[];
  /** Dependency files, absolute. */
  readonly inputs: readonly { readonly path: string; readonly sha256: string }[];
  /** Listed directories, absolute: a new dependency file changes one of them. */
  readonly directories: readonly string[];
}

/** As many scripts of one directory are read for their inline metadata. */
const maxScripts = 64;

/**
 * Reads the dependency files of the skill in a directory. Never throws: foreign files that cannot be read are
 * refusals. No link is followed, so that nothing outside the skill is read.
 */
export function readLibraries(skillDir: string): SkillLibraries {
  const files = new Map<string, Buffer>();
  const refused: Refusal[] = [];
  const directories: string[] = [];
  for (const dir of dependencyDirs) {
    const path = dir === "" ? skillDir : join(skillDir, dir.slice(0, -1)); // a slash would follow a link
    if (dir !== "" && orNothing(() => lstatSync(path))?.isDirectory() !== true) continue;
    directories.push(path);
    for (const name of namesOf(path)) {
      const read = readPlainFile(join(path, name), limitOf(name));
      if (typeof read !== "string") files.set(dir + name, read);
      else if (!name.endsWith(".py")) refused.push({ file: dir + name, text: "", reason: read });
    }
  }
  const sets = declaredSets({ files, refused });
  const counted = [...files].filter(([path]) => !path.endsWith(".py") || sets.some(isOf(path)));
  const inputs = counted.map(([path, bytes]) => ({
    path: join(skillDir, path),
    sha256: sha256Hex(bytes),
  }));
  return { sets, inputs, directories };
}

/** The bytes, or why they do not count. */
function readPlainFile(path: string, maxBytes: number): Buffer | string {
  if (orNothing(() => lstatSync(path))?.isSymbolicLink()) return "it is a link, not a file";
  const read = tryRead(path, { maxBytes, noLink: true });
  return read.bytes ?? read.why;
}

function isOf(path: string) {
  return ({ file }: DeclaredSet): boolean => file === path;
}

/** The names that count in a directory. */
function namesOf(path: string): string[] {
  const names = (orNothing(() => listNames(path)) ?? []).sort();
  const isNode = (name: string): boolean => (nodeFiles as readonly string[]).includes(name);
  const scripts = names.filter((name) => name.endsWith(".py")).slice(0, maxScripts);
  return [...names.filter((name) => pythonFile.test(name) || isNode(name)), ...scripts];
}

function limitOf(name: string): number {
  if (name.endsWith(".py")) return maxScriptBytes;
  return name === "package.json" || pythonFile.test(name) ? maxFileBytes : maxLockBytes;
}

import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Refusal } from "../../core/libraries/declaration.ts";
import {
  type DependencyFiles,
  dependencyDirs,
  maxFileBytes,
  maxLockBytes,
  maxScriptBytes,
  nodeFiles,
  pythonFile,
} from "../../core/libraries/set.ts";
import { listNames, orNothing } from "../files.ts";
import { tryRead } from "../input.ts";

/** The dependency files of a skill's folder, and the directories in which they would be. */
export interface SkillFolder extends DependencyFiles {
  /** Listed directories, absolute: a new dependency file changes one of them. */
  readonly directories: readonly string[];
}

/** As many scripts of one directory are read for their inline metadata. */
const maxScripts = 64;
/** Only scripts with this text are kept. */
const scriptMark = "# /// script";

/**
 * Reads the dependency files of the skill in a directory. Never throws: files that cannot be read are refusals. No
 * link is followed, so that nothing outside the skill is read.
 */
export function readDependencyFiles(skillDir: string): SkillFolder {
  const files = new Map<string, Buffer>();
  const refused: Refusal[] = [];
  const directories: string[] = [];
  for (const dir of dependencyDirs) {
    const path = dir === "" ? skillDir : join(skillDir, dir.slice(0, -1)); // a slash would follow a link
    if (dir !== "" && orNothing(() => lstatSync(path))?.isDirectory() !== true) continue;
    directories.push(path);
    for (const name of namesOf(path)) {
      const isScript = name.endsWith(".py");
      const read = readPlainFile(join(path, name), limitOf(name));
      if (typeof read === "string") {
        if (!isScript) refused.push({ file: dir + name, text: "", reason: read });
      } else if (!isScript || read.includes(scriptMark)) files.set(dir + name, read);
    }
  }
  return { files, refused, directories };
}

/** The bytes, or why they do not count. */
function readPlainFile(path: string, maxBytes: number): Buffer | string {
  if (orNothing(() => lstatSync(path))?.isSymbolicLink()) return "it is a link, not a file";
  const read = tryRead(path, { maxBytes, noLink: true });
  return read.bytes ?? read.why;
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

import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { DependencyFiles } from "../../core/libraries/declaration.ts";
import {
  dependencyDirs,
  maxFileBytes,
  maxLockBytes,
  maxScriptBytes,
  nodeFiles,
  pythonFile,
} from "../../core/library-set.ts";
import { listNames, orNothing } from "../files.ts";
import { tryRead } from "../input.ts";

/** The dependency files of a skill's folder, and the directories in which they would be. */
export interface SkillFolder extends DependencyFiles {
  /** Scripts without inline metadata, by path: a change can add some. */
  readonly plainScripts: ReadonlyMap<string, Uint8Array>;
  /** Names in the directories of scripts, without `.py`: modules of the skill itself. */
  readonly modules: ReadonlySet<string>;
  /** Listed directories, absolute: a new dependency file changes one of them. */
  readonly directories: readonly string[];
}

/** As many scripts of one directory are read for their inline metadata. */
const maxScripts = 64;
/** In every script with inline metadata. */
const scriptMark = "# /// script";

/**
 * Reads the dependency files of the skill in a directory. Never throws: files that cannot be read are refusals. No
 * link is followed, so that nothing outside the skill is read.
 */
export function readDependencyFiles(skillDir: string): SkillFolder {
  const own = entriesOf(skillDir);
  const isThere = (name: string): boolean =>
    own.includes(name) && orNothing(() => lstatSync(join(skillDir, name)))?.isDirectory() === true;
  const directories = dependencyDirs.flatMap((dir: string) => {
    const name = dir.slice(0, -1); // a slash would follow a link
    if (name !== "" && !isThere(name)) return [];
    const path = join(skillDir, name);
    return [{ dir, path, names: name === "" ? own : entriesOf(path) }];
  });
  const found = directories.flatMap(({ dir, path, names }) =>
    counting(names).map((name) => {
      return { file: dir + name, read: readPlainFile(join(path, name), limitOf(name)) };
    }),
  );
  const read = found.flatMap(({ file, read }) =>
    typeof read === "string" ? [] : [{ file, read }],
  );
  const refused = found.flatMap(({ file, read }) =>
    typeof read === "string" && !isScript(file) ? [{ file, text: "", reason: read }] : [],
  );
  const isPlain = ({ file, read }: { file: string; read: Buffer }): boolean =>
    isScript(file) && !read.includes(scriptMark);
  const mapOf = (some: typeof read) => new Map(some.map(({ file, read }) => [file, read]));
  return {
    files: mapOf(read.filter((one) => !isPlain(one))),
    plainScripts: mapOf(read.filter(isPlain)),
    refused,
    modules: new Set(
      directories.flatMap(({ names }) => names.map((name) => name.replace(/\.py$/, ""))),
    ),
    directories: directories.map(({ path }) => path),
  };
}

/** The Node scripts of a skill: for hints, so that nothing depends on them. */
export function readNodeScripts({ directories }: Pick<SkillFolder, "directories">): Buffer[] {
  const files = directories.flatMap((path) =>
    entriesOf(path)
      .filter((name) => /\.[cm]?[jt]s$/.test(name))
      .sort()
      .slice(0, maxScripts)
      .map((name) => readPlainFile(join(path, name), maxScriptBytes)),
  );
  return files.flatMap((read) => (typeof read === "string" ? [] : [read]));
}

const isScript = (file: string): boolean => file.endsWith(".py");

/** The bytes, or why they do not count. */
function readPlainFile(path: string, maxBytes: number): Buffer | string {
  if (orNothing(() => lstatSync(path))?.isSymbolicLink()) return "it is a link, not a file";
  const read = tryRead(path, { maxBytes, noLink: true });
  return read.bytes ?? read.why;
}

function entriesOf(path: string): string[] {
  return orNothing(() => listNames(path)) ?? [];
}

/** Those of a directory's names that count. */
function counting(all: readonly string[]): string[] {
  const names = all.toSorted();
  const isNode = (name: string): boolean => (nodeFiles as readonly string[]).includes(name);
  const scripts = names.filter(isScript).slice(0, maxScripts);
  return [...names.filter((name) => pythonFile.test(name) || isNode(name)), ...scripts];
}

function limitOf(name: string): number {
  if (isScript(name)) return maxScriptBytes;
  return name === "package.json" || pythonFile.test(name) ? maxFileBytes : maxLockBytes;
}

import {
  dependencyDirs,
  digestOfFiles,
  digestOfScript,
  type LibraryLine,
  type LibrarySet,
  maxPythonFiles,
  nodeFiles,
  pythonFile,
} from "../library-set.ts";
import {
  type DependencyFiles,
  emptyDeclaration,
  type LibraryDeclaration,
  type Refusal,
} from "./declaration.ts";
import { readPackageJson } from "./package-json.ts";
import { readPyproject, readScript, scriptBlock, unreadTables } from "./pyproject.ts";
import { readRequirements } from "./requirements-txt.ts";

/** What a skill declares in one language, before it is known for which interpreters it is installed. */
export interface DeclaredSet extends LibraryDeclaration {
  readonly digest: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Everything that a skill declares: at most one set for all its Python files, one per script, two of Node. */
export function declaredSets(given: DependencyFiles): DeclaredSet[] {
  const python = pythonSet(given);
  return [
    ...(python ? [python] : []),
    ...[...given.files].flatMap(([path, bytes]) => scriptSet(path, bytes, given.refused)),
    ...dependencyDirs.flatMap((dir) => nodeSet(dir, given)),
  ];
}

/** One set for each interpreter line; none of a declaration that cannot be used. */
export function librarySets(
  { refused, ignored: _ignored, ...declared }: DeclaredSet,
  lines: readonly LibraryLine[],
): LibrarySet[] {
  if (refused.length > 0) return [];
  return lines
    .filter((line) => (line === "node") === (declared.language === "node"))
    .map((line) => ({ kind: "libraries", line, ...declared }));
}

/** What a file declares; undefined if nothing. */
type DeclarationReader = (text: string, file: string) => LibraryDeclaration | undefined;

function pythonSet({ files, refused }: DependencyFiles): DeclaredSet | undefined {
  const parts = partsOf(files, (path) => pythonFile.test(nameIn(path)));
  const read = (path: string): string | undefined => parts.get(path);
  const inFile = (file: string, reader: DeclarationReader): LibraryDeclaration[] => {
    const text = read(file);
    return text === undefined ? [] : [reader(text, file) ?? []].flat();
  };
  const declared = dependencyDirs.flatMap((dir) => [
    ...inFile(`${dir}requirements.txt`, (text, file) => readRequirements(text, file, read)),
    ...inFile(`${dir}pyproject.toml`, readPyproject),
  ]);
  const used = declared.filter((each) => each.names.length + each.refused.length > 0);
  // Packages in a form that is not read count where nothing else declares any.
  const says =
    used.length > 0
      ? used
      : dependencyDirs.flatMap((dir) => inFile(`${dir}pyproject.toml`, unreadTables));
  const unread = refused.filter(({ file }) => pythonFile.test(nameIn(file)));
  const [first] = [...says, ...unread];
  if (first === undefined) return undefined;
  const tooMany =
    parts.size > maxPythonFiles
      ? [{ file: first.file, text: "", reason: `there are more than ${maxPythonFiles} such files` }]
      : [];
  return {
    language: "python",
    file: first.file,
    names: sorted(says.flatMap(({ names }) => names)),
    requirements: says.flatMap(({ requirements }) => requirements),
    constraints: says.flatMap(({ constraints }) => constraints),
    refused: [...tooMany, ...unread, ...says.flatMap((each) => each.refused)],
    ignored: says.flatMap(({ ignored = [] }) => ignored),
    digest: digestOfFiles("python", bytesOf(files, [...parts.keys()])),
    files: {},
  };
}

function scriptSet(path: string, bytes: Uint8Array, refused: readonly Refusal[]): DeclaredSet[] {
  if (!path.endsWith(".py")) return [];
  const text = textOf(bytes);
  const declared = readScript(text, path);
  if (declared === undefined) return [];
  const unread = refused.filter(({ file }) => file === path);
  const digest = digestOfScript(scriptBlock(text) ?? "");
  return [{ ...declared, refused: [...unread, ...declared.refused], digest, files: {} }];
}

function nodeSet(dir: string, { files, refused }: DependencyFiles): DeclaredSet[] {
  const names: readonly string[] = nodeFiles;
  const isOurs = (path: string): boolean =>
    path.startsWith(dir) && names.includes(path.slice(dir.length));
  const parts = partsOf(files, isOurs);
  const text = parts.get(`${dir}package.json`);
  const file = `${dir}package.json`;
  const unread = refused.filter((each) => isOurs(each.file));
  const isUnread = unread.some((each) => each.file === file);
  const declared =
    text === undefined ? emptyDeclaration("node", file) : readPackageJson(text, file);
  if (!declared || (text === undefined && !isUnread)) return [];
  const relative = bytesOf(files, [...parts.keys()]).map(({ name, bytes }) => ({
    name: name.slice(dir.length),
    bytes,
  }));
  return [
    {
      ...declared,
      refused: [...unread, ...declared.refused],
      digest: digestOfFiles("node", relative),
      // With their marks, which the digest covers.
      files: Object.fromEntries(relative.map(({ name, bytes }) => [name, `${Buffer.from(bytes)}`])),
    },
  ];
}

function partsOf(
  files: DependencyFiles["files"],
  isPart: (path: string) => boolean,
): Map<string, string> {
  const parts = [...files].filter(([path]) => isPart(path));
  return new Map(parts.map(([path, bytes]) => [path, textOf(bytes)]));
}

function bytesOf(files: DependencyFiles["files"], paths: readonly string[]) {
  return paths.map((name) => ({ name, bytes: files.get(name) ?? new Uint8Array() }));
}

/** Without a byte-order mark; in UTF-16 with its mark, too, which PowerShell writes and pip reads. */
function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** The file's name without `scripts/`; empty for files elsewhere. */
function nameIn(path: string): string {
  const name = path.startsWith("scripts/") ? path.slice("scripts/".length) : path;
  return name.includes("/") ? "" : name;
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

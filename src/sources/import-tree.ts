import { join, sep } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledRecord, TreeList } from "../core/manifest.ts";
import {
  link,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpath,
  realpathSync,
  rm,
} from "../io/disk.ts";
import { copyFile, ifThere, lstatIfExists, statIfExists, withContext } from "../io/files.ts";
import { moveTree } from "../io/move.ts";
import { isProgram, makeExecutable } from "../io/volume/modes.ts";
import { readTreeRecord } from "../io/volume/store.ts";
import {
  contentsDigest,
  differences,
  listTree,
  stampOf,
  type WrittenDigests,
} from "../io/volume/tree-list.ts";
import { checkLinks, resolveInside } from "../unpack/links.ts";

export interface TreeToImport {
  /** Absolute: another volume, or an unpacked bundle. */
  readonly from: string;
  /** Its name in messages: `the seed /usr/…`. */
  readonly called: string;
  /** The tool's record in the other volume's manifest. */
  readonly record: InstalledRecord;
  /** Absolute: an empty work directory. */
  readonly workDir: string;
  /** Move the tree instead of copying it. */
  readonly move: boolean;
}

/** A tree in our work directory, with the known digests of its files. */
interface ImportedTree {
  readonly tree: string;
  readonly written: WrittenDigests;
}

/**
 * Copies a tree of another volume into our work directory and then verifies it: every byte, name
 * and link, against the digest in the other manifest. Its modes are set as published. Throws
 * `integrity` if anything differs, or would not be accepted from an archive either.
 */
export async function importTree(foreign: TreeToImport): Promise<ImportedTree> {
  const { from, record, workDir, move } = foreign;
  await refuseLinks(foreign);
  const promised = (await readTreeRecord(from, record.dir))?.files ?? {};
  if (contentsDigest(promised) !== record.contents) {
    throw refused(foreign, "the list of its files does not match its manifest");
  }
  const source = join(from, record.dir);
  const tree = join(workDir, "tree");
  if (move) await withContext("move", source, moveTree(source, tree));
  else copyTree(source, tree, promised, foreign);
  await rm(join(tree, layout.record), { recursive: true, force: true });
  await makeProgramsExecutable(tree, promised, foreign);
  const paths = differences(promised, await withContext("read", tree, listTree(tree)));
  if (paths.length > 0) {
    throw refused(
      foreign,
      `these files do not match its manifest: ${paths.slice(0, 5).join(", ")}`,
    );
  }
  checkEntries(promised, foreign);
  await checkPrograms(tree, foreign);
  return { tree, written: writtenAs(tree, promised) };
}

/** Files that were just compared need not be read again. */
function writtenAs(tree: string, list: TreeList): WrittenDigests {
  const written: WrittenDigests = new Map();
  for (const [path, entry] of Object.entries(list)) {
    if (entry === "dir" || entry.startsWith("-> ")) continue;
    written.set(stampOf(lstatSync(join(tree, path), { bigint: true })), entry);
  }
  return written;
}

/** A link in the path of the tree would point out of the other volume. */
async function refuseLinks(foreign: TreeToImport): Promise<void> {
  const { from, record } = foreign;
  const parts = record.dir.split("/");
  for (const [i] of parts.entries()) {
    const found = await lstatIfExists(join(from, ...parts.slice(0, i + 1)));
    if (!found?.isDirectory()) throw refused(foreign, `${record.dir} does not exist`);
  }
}

/** Not by Node's own copy, which sets modes and so fails on some mounts. */
function copyTree(source: string, target: string, promised: TreeList, foreign: TreeToImport): void {
  const copy = (path: string): void => {
    const [from, to] = [join(source, path), join(target, path)];
    const stats = lstatSync(from);
    if (stats.isSymbolicLink()) link(to, readlinkSync(from));
    else if (stats.isFile()) copyFile(from, to, isProgram(promised[path] ?? "") ? 0o777 : 0o666);
    else if (stats.isDirectory()) {
      mkdirSync(to);
      for (const name of readdirSync(from)) copy(path === "" ? name : `${path}/${name}`);
    } else throw refused(foreign, `${JSON.stringify(path)} is neither file, directory nor link`);
  };
  copy("");
}

/**
 * Includes programs that their list does not mark as executable: some file systems have the same
 * mode for all files.
 */
async function makeProgramsExecutable(
  tree: string,
  promised: TreeList,
  { record }: TreeToImport,
): Promise<void> {
  const bins = Object.values(record.bins).filter(({ runtime }) => runtime === undefined);
  const own = bins.map(({ path }) => path.slice(record.dir.length + 1));
  const listed = Object.keys(promised).filter((path) => isProgram(promised[path] ?? ""));
  for (const path of new Set([...own, ...listed])) {
    const file = join(tree, path);
    if ((await lstatIfExists(file))?.isFile()) makeExecutable(file);
  }
}

/**
 * Entries that an archive of ours never has: links out of the tree, devices, set-user-id, writable
 * by others.
 */
function checkEntries(list: TreeList, foreign: TreeToImport): void {
  const links = new Map<string, string>();
  const refuse = (path: string, why: string): never => {
    throw refused(foreign, `${JSON.stringify(path)} ${why}`);
  };
  for (const [path, entry] of Object.entries(list)) {
    if (entry === "dir") continue;
    if (entry.startsWith("-> ")) {
      const target = entry.slice("-> ".length);
      if (target.startsWith("/") || resolveInside(path, target) === undefined) {
        refuse(path, `links out of the tree: ${target}`);
      }
      links.set(path, target);
      continue;
    }
    const mode = /^([0-7]+) [0-9a-f]{64}$/.exec(entry)?.[1];
    if (mode === undefined) refuse(path, `is ${entry}`);
    else if ((Number.parseInt(mode, 8) & ~0o777) !== 0) refuse(path, `has the mode ${mode}`);
  }
  checkLinks(links, refuse);
}

async function checkPrograms(tree: string, foreign: TreeToImport): Promise<void> {
  const { record } = foreign;
  const root = await realpath(tree);
  for (const [name, { path, size, runtime }] of Object.entries(record.bins)) {
    const program = join(root, path.slice(record.dir.length + 1));
    const found = ifThere(program, () => realpathSync(program)) ?? "";
    const stats = found.startsWith(root + sep) ? await statIfExists(found) : undefined;
    const runs = runtime !== undefined || ((stats?.mode ?? 0) & 0o100) !== 0;
    if (!stats?.isFile() || stats.size !== size || !runs) {
      throw refused(foreign, `its program ${name} does not match its manifest`);
    }
  }
}

type Refused = Pick<TreeToImport, "called" | "record">;

function refused({ called, record: { tool, version } }: Refused, why: string): UserError {
  return new UserError("E_TREE_CHANGED", `${tool} ${version} of ${called}: ${why}`, {
    hint: "It was not imported. Create the seed or the bundle again.",
  });
}

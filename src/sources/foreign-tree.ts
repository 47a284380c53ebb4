import { chmod, cp, realpath, rename, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { describeError, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { InstalledRecord } from "../core/manifest.ts";
import { doing, follow, look } from "../io/files.ts";
import { readTreeRecord } from "../io/store.ts";
import { contentsDigest, differences, listTree, type TreeList } from "../io/tree-list.ts";
import { checkLinks, resolveInside } from "../unpack/links.ts";

export interface ForeignTree {
  /** Absolute: another volume, or what a bundle unpacks to. */
  readonly from: string;
  /** What a message calls it: `the seed /usr/…`. */
  readonly called: string;
  /** What the other volume's manifest says of the tool. */
  readonly record: InstalledRecord;
  /** Absolute: an empty directory of ours. */
  readonly room: string;
  /** Move the tree instead of copying it. */
  readonly move: boolean;
}

/**
 * Takes a tree out of another volume into a place of our own and only then looks at it: every byte,
 * mode and link, against the digest in the other manifest. Returns the tree's path. Throws
 * `integrity` where anything is not as promised, or would not be taken from an archive either.
 */
export async function takeTree(foreign: ForeignTree): Promise<string> {
  const { from, record, room, move } = foreign;
  await refuseLinks(foreign);
  const promised = (await readTreeRecord(from, record.dir))?.files;
  const source = join(from, record.dir);
  const tree = join(room, "tree");
  if (move) await doing("move", source, rename(source, tree));
  else await copy(source, tree, foreign);
  await rm(join(tree, layout.record), { recursive: true, force: true });
  const list = await doing("read", tree, listTree(tree));
  if (contentsDigest(list) !== record.contents) {
    const paths = promised ? differences(promised, list).slice(0, 5) : [];
    const which = paths.length > 0 ? `: ${paths.join(", ")}` : "";
    throw refused(foreign, `not the files that its manifest promises${which}`);
  }
  checkEntries(list, foreign);
  if (!move) await openDirectories(tree, list);
  await checkPrograms(tree, foreign);
  return tree;
}

/** A link on the way to the tree would lead out of the other volume. */
async function refuseLinks(foreign: ForeignTree): Promise<void> {
  const { from, record } = foreign;
  const parts = record.dir.split("/");
  for (const [i] of parts.entries()) {
    const found = await look(join(from, ...parts.slice(0, i + 1)));
    if (!found?.isDirectory()) throw refused(foreign, `${record.dir} is not there`);
  }
}

async function copy(source: string, tree: string, foreign: ForeignTree): Promise<void> {
  try {
    await cp(source, tree, { recursive: true, verbatimSymlinks: true });
  } catch (cause) {
    // Sockets and the like have errors of cp's own; all others are the disk's.
    if (String((cause as NodeJS.ErrnoException).code).startsWith("ERR_FS_CP")) {
      throw refused(foreign, describeError(cause));
    }
    await doing("copy", source, Promise.reject(cause));
  }
}

/** What no archive of ours would become: links that lead out, devices, set-user-id, open to others. */
function checkEntries(list: TreeList, foreign: ForeignTree): void {
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
    else if ((Number.parseInt(mode, 8) & ~0o755) !== 0) refuse(path, `has the mode ${mode}`);
  }
  checkLinks(links, refuse);
}

async function openDirectories(tree: string, list: TreeList): Promise<void> {
  for (const [path, entry] of Object.entries(list)) {
    if (entry === "dir") await doing("change", tree, chmod(join(tree, path), 0o755));
  }
}

async function checkPrograms(tree: string, foreign: ForeignTree): Promise<void> {
  const { record } = foreign;
  const root = await realpath(tree);
  for (const [name, { path, size, runtime }] of Object.entries(record.bins)) {
    const program = join(root, path.slice(record.dir.length + 1));
    const found = await realpath(program).catch(() => "");
    const stats = found.startsWith(root + sep) ? await follow(found) : undefined;
    const runs = runtime !== undefined || ((stats?.mode ?? 0) & 0o100) !== 0;
    if (!stats?.isFile() || stats.size !== size || !runs) {
      throw refused(foreign, `its program ${name} is not what its manifest says`);
    }
  }
}

type Refused = Pick<ForeignTree, "called" | "record">;

function refused({ called, record: { tool, version } }: Refused, why: string): UserError {
  return new UserError("integrity", `${tool} ${version} of ${called}: ${why}`, {
    hint: "It was not taken. Have that made anew.",
  });
}

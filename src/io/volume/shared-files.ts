import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
} from "node:fs";
import { dirname, join } from "node:path";
import type { TreeList } from "../../core/manifest.ts";
import { moveOnto, orNothing, token } from "../files.ts";
import { isPlainFile } from "./tree-list.ts";

/** A published tree with the list of its files. */
export interface Donor {
  /** Absolute. */
  readonly dir: string;
  readonly files: TreeList;
}

/**
 * Replaces files of a staged tree by hard links to equal files of published ones, so that packages that several
 * sets have take their space once. What a donor's list says is not believed: each link is hashed before it replaces
 * the file. A file that cannot be linked stays as it is. Removing one tree leaves the files of the others.
 */
export function shareFiles(tree: string, files: TreeList, donors: readonly Donor[]): void {
  const known = new Map<string, string>();
  for (const { dir, files: theirs } of donors) {
    for (const [path, entry] of Object.entries(theirs)) {
      if (isPlainFile(entry) && !known.has(entry)) known.set(entry, join(dir, path));
    }
  }
  if (known.size === 0) return;
  for (const [path, entry] of Object.entries(files)) {
    const donor = known.get(entry);
    if (donor !== undefined && !share(donor, join(tree, path), entry)) return;
  }
}

/** Errors of a file system without hard links, and of a kernel that protects them: others would fail, too. */
const unsupported = ["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV"];

/** False if no file can be linked here. */
function share(donor: string, path: string, entry: string): boolean {
  const mine = lstatSync(path);
  if (mine.size === 0 || mine.nlink > 1) return true;
  const link = join(dirname(path), `.${token()}.tmp`);
  try {
    linkSync(donor, link);
  } catch (cause) {
    return !unsupported.includes((cause as NodeJS.ErrnoException).code ?? "");
  }
  orNothing(() => isEqual(link, mine, entry) && moveOnto(link, path)); // the file itself is as good
  orNothing(() => rmSync(link, { force: true }));
  return true;
}

function isEqual(link: string, mine: Stats, entry: string): boolean {
  const theirs = lstatSync(link);
  const isSame = (["size", "uid", "gid", "mode"] as const).every((of) => theirs[of] === mine[of]);
  return theirs.isFile() && isSame && entry.endsWith(` ${hashOf(link)}`);
}

/** Of small files mostly: a stream for each would take ten times as long. */
function hashOf(path: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1 << 18);
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

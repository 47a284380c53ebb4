import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../core/digest.ts";

/** A file whose content counts. */
export interface Content {
  /** As the entrypoint's `find` prints it: relative to the record, by way of its links. */
  readonly path: string;
  readonly sha256: string;
  /** Tells one file from another, whatever name it was reached by. */
  readonly id: string;
  /** It lies below a directory that has a SKILL.md, or below the recipes' own: nobody reads it. */
  readonly nested: boolean;
}

/** The same as in the entrypoint. */
const maxDepth = 8;
/** A search that takes longer than asking Node is of no use. */
const maxEntries = 20_000;

interface Search {
  readonly record: string;
  readonly found: Content[];
  /** Real directories from the root down to here, against loops of links. */
  readonly above: ReadonlySet<string>;
  left: number;
}

/**
 * What the entrypoint's `find` sees by way of a record's links in `files/`, `roots/` and `listed/`.
 * Undefined where that cannot be said in lines of text, or is too much.
 */
export function findContent(record: string): Content[] | undefined {
  const search: Search = { record, found: [], above: new Set(), left: maxEntries };
  const isDone = ["files", "roots", "listed"].every((kind) =>
    readdirSync(join(record, kind)).every((name) =>
      visit(search, kind, `${kind}/${name}`, 0, false),
    ),
  );
  return isDone ? search.found : undefined;
}

/** The dev and inode of a file or directory. */
export function idOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** False where the search has to be given up. */
function visit(
  search: Search,
  kind: string,
  path: string,
  depth: number,
  nested: boolean,
): boolean {
  search.left -= 1;
  // sha256sum escapes these, and then prints another line.
  if (search.left < 0 || /[\n\r\\]/.test(path)) return false;
  const place = join(search.record, path);
  const stats = statSync(place, { bigint: true, throwIfNoEntry: false });
  if (stats?.isDirectory() && depth < maxDepth) {
    const id = idOf(stats);
    if (search.above.has(id)) return false;
    const below = { ...search, above: new Set([...search.above, id]) };
    const names = readdirSync(place).filter((name) => !/^\..|^node_modules$/.test(name));
    const inner = nested || (kind === "roots" ? names.includes("SKILL.md") : depth > 0);
    const isDone = names.every((name) => {
      const own = kind === "roots" && name === "SKILL.md" ? nested : inner;
      return visit(below, kind, `${path}/${name}`, depth + 1, own);
    });
    search.left = below.left;
    return isDone;
  }
  if (stats?.isFile() && (kind !== "roots" || path.endsWith("/SKILL.md"))) {
    const sha256 = sha256Hex(readFileSync(place));
    search.found.push({ path, sha256, id: idOf(stats), nested });
  }
  return true;
}

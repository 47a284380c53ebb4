import { join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import { parseTreeRecord, type TreeList } from "../../core/manifest.ts";
import { readPlain } from "../input.ts";
import { isProgram } from "../volume/modes.ts";
import { listTree } from "../volume/tree-list.ts";

/** Far more than the record of the largest tree (bytes). */
const maxRecord = 64 * 1024 * 1024;

/** Characters that programs print differently. */
const oddName = /[\\\p{Cc}\uFFFD]/u;

/**
 * The output of the entrypoint's `list_digests` (in any order) if the trees of a record are as
 * published, by their own lists; `bin/` and similar directories as they are. `trees`: name in the
 * record to directory below the prefix. Undefined if a name could be printed in more than one way.
 */
export async function digestsOf(
  prefix: string,
  trees: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const lines: string[] = [];
  for (const [name, dir] of trees) {
    lines.push(`d ${name}`);
    for (const [path, entry] of Object.entries(await filesOf(join(prefix, dir))))
      lines.push(...linesOf(`${name}/${path}`, entry));
  }
  if (lines.some((line) => oddName.test(line))) return undefined;
  return [...lines, "end"].map((line) => `${line}\n`).join("");
}

async function filesOf(tree: string): Promise<TreeList> {
  const text = readPlain(join(tree, layout.record), maxRecord);
  const files = text === undefined ? undefined : parseTreeRecord(text)?.files;
  if (text === undefined || files === undefined) return await listTree(tree);
  return { ...files, [layout.record]: `644 ${sha256Hex(text)}` };
}

function linesOf(path: string, entry: string): string[] {
  if (entry === "dir") return [`d ${path}`];
  if (entry.startsWith("-> ")) return [`l '${path}' ${entry.replace("-> ", "-> '")}'`];
  const [, sha256 = ""] = entry.split(" ");
  return [`${sha256}  ${path}`, ...(isProgram(entry) ? [`x ${path}`] : [])];
}

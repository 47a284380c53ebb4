import type { Context } from "../context.ts";
import { librarySets } from "../core/libraries/skill-sets.ts";
import { lineOfTool, titleOfSet } from "../core/library-set.ts";
import { nameSome } from "../core/wording.ts";
import { tolerate } from "../io/files.ts";
import { readDeclared } from "../io/volume/declared-file.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { previewSets } from "../run/library-preview.ts";
import { withMachine } from "./machine-context.ts";

/**
 * `update` without NAMEs: says what would change in the library sets that are pinned in the volume, and how to accept
 * it. Changes nothing. What the operator has reviewed is not resolved, so it is not compared either.
 */
export async function sayNewerPackages(state: InstalledState, context: Context): Promise<void> {
  const { prefix, manifest, catalogue } = state;
  const { options, reporter } = context;
  if (!options.allowLibraries || options.offline) return;
  const pinned = (await tolerate(readDeclared(prefix)))?.tools ?? {};
  const known = setsOf(state).filter(({ tool }) => pinned[tool] && manifest.tools[tool]);
  const sets = new Map(known.map(({ tool, set }) => [tool, set]));
  if (sets.size === 0) return;
  const message = `comparing ${sets.size} library sets with the indexes`;
  reporter.emit({ type: "detail", message });
  const found = await withMachine(catalogue, context, (machine) =>
    previewSets([...sets.values()], pinned, { ...machine, prefix, manifest }),
  );
  const say = (message: string) => reporter.emit({ type: "note", message });
  for (const { tool, changes, problem } of found) {
    const skills = known.filter((it) => it.tool === tool).map(({ skill }) => skill);
    const title = titleOfSet(tool, skills);
    if (problem !== undefined) say(`${title}: what is newer is not known: ${problem}`);
    else if (changes.length > 0) say(`${title} would change: ${nameSome(changes, 20)}`);
  }
  const changed = found.filter(({ changes }) => changes.length > 0).map(({ tool }) => tool);
  if (changed.length === 0) return;
  say(
    `to accept new packages: openclaw-install-skill-deps --allow-libraries update ${changed.join(" ")}`,
  );
}

/** The library sets that skills declare, with their tools. */
function setsOf({ libraries }: InstalledState) {
  return libraries.flatMap(({ name: skill, sets }) =>
    sets.flatMap((declared) =>
      declared.tools.flatMap((tool) => {
        const [set] = librarySets(declared, [lineOfTool(tool) ?? "node"]);
        return set ? [{ skill, tool, set }] : [];
      }),
    ),
  );
}

import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Recipe } from "../core/recipe.ts";
import { nearestName, searchRecipes } from "../core/search.ts";
import { renderDocument, renderTable } from "../report/text.ts";
import { readCatalogue } from "../run/inputs/catalogue.ts";
import { readVolume } from "../run/inputs/volume.ts";

/** `search WORD…`: recipes with every word in their names, programs, aliases or description. */
export async function search(context: Context): Promise<number> {
  const { options, stdout } = context;
  const words = options.names;
  if (words.length === 0) {
    throw new UserError("E_USAGE", "search: no word is given", {
      hint: "Use openclaw-install-skill-deps search pdf; recipe list shows everything.",
    });
  }
  const { prefix, manifest } = await readVolume(context);
  const { catalogue } = await readCatalogue(context, { prefix, manifest });
  const found = searchRecipes(words, catalogue);
  if (options.json !== false) {
    const recipes = found.map((recipe) => foundDocument(recipe, manifest));
    stdout.write(renderDocument({ words, found: recipes }));
    return exitStatus.done;
  }
  if (found.length > 0) {
    const rows = found.map((recipe) => rowOf(recipe, manifest));
    const heading = ["TOOL", "VERSION", "INSTALLED", "PROGRAMS", "DESCRIPTION"];
    stdout.write(`${renderTable([heading, ...rows])}\n`);
    return exitStatus.done;
  }
  const near = nearestName(words.join(" "), catalogue);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  stdout.write(`nothing in the catalogue has "${words.join(" ")}"${hint}\n`);
  return exitStatus.done;
}

/** One of `found` of `search --json`; entrypoint/README.md describes it. */
function foundDocument(recipe: Recipe, manifest: Manifest) {
  const { name, version, description, homepage, license, aliases = [] } = recipe;
  const installed = manifest.tools[name]?.version ?? null;
  const bins = Object.keys(recipe.bins);
  return { name, version, installed, bins, aliases, description, homepage, license };
}

function rowOf({ name, version, bins, aliases = [], description }: Recipe, manifest: Manifest) {
  const programs = Object.keys(bins);
  const shown = programs.length > 4 ? [...programs.slice(0, 3), "..."] : programs;
  const known = aliases.length > 0 ? ` (also ${aliases.join(", ")})` : "";
  const installed = manifest.tools[name]?.version ?? "-";
  return [name, version, installed, shown.join(" "), `${description}${known}`];
}

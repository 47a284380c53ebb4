import { join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { renderProblem } from "../../core/recipe.ts";
import { plural } from "../../core/wording.ts";
import { type CatalogueFiles, loadCatalogue } from "../../io/inputs/catalogue.ts";
import type { CatalogueStores, FoundCatalogue } from "../catalogue/find.ts";
import { readVolume } from "./volume.ts";

/** The recipes that a run knows. */
export interface ReadCatalogue extends CatalogueFiles {
  /** What `--catalogue` led to; undefined without it. */
  readonly named: FoundCatalogue | undefined;
}

/**
 * The recipes of `--recipes`, then those of `--catalogue`, or else the bundled ones. Problems are
 * reported. `stores`: the volume, if it was read already.
 */
export async function readCatalogue(
  context: Context,
  stores?: CatalogueStores,
): Promise<ReadCatalogue> {
  const { options, packageDir, reporter } = context;
  const named = await readNamedCatalogue(context, stores);
  const bundled = join(packageDir, "dist", "catalogue.json");
  const loaded = await loadCatalogue({
    dirs: options.recipeDirs.map((dir) => resolve(dir)),
    compiled: named ? (named.catalogue ?? nothing) : bundled,
  });
  for (const problem of loaded.problems) {
    reporter.emit({
      type: "warning",
      problem: "E_RECIPE",
      message: renderProblem(problem),
      hint: "This recipe is ignored. Run openclaw-install-skill-deps recipe check.",
    });
  }
  return { ...loaded, files: [...loaded.files, ...(named?.files ?? [])], named };
}

const nothing = { version: "", recipes: [] };

/** The catalogue of `--catalogue`; undefined without it. Says which one, and what is wrong with it. */
export async function readNamedCatalogue(
  context: Context,
  stores?: CatalogueStores,
): Promise<FoundCatalogue | undefined> {
  if (context.options.catalogue === undefined) return undefined;
  const { findCatalogue } = await import("../catalogue/find.ts"); // most runs do without
  const named = await findCatalogue(stores ?? (await readVolume(context)), context);
  if (named) sayNamed(named, context);
  return named;
}

function sayNamed(
  { called, catalogue, failure }: FoundCatalogue,
  { reporter: { emit } }: Context,
): void {
  if (failure) {
    const { message, hint } = failure;
    const problem = catalogue ? "E_CATALOGUE_KEPT" : "E_CATALOGUE_UNAVAILABLE";
    const what = catalogue ? "the copy in the volume is used" : `no recipe of ${called} is known`;
    emit({ type: "warning", problem, message: `${what}: ${message} [${failure.problem}]`, hint });
  }
  if (!catalogue) return;
  const { version, sha256, from, recipes } = catalogue;
  const count = plural(recipes.length, "recipe");
  const message = `catalogue: ${called} (${version}, ${count}, sha256:${sha256}), from the ${from}`;
  emit({ type: "detail", message });
}

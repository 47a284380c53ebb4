import { describeError, UserError } from "../../core/errors.ts";
import { isRelativePath, isVersion } from "../../core/names.ts";
import type { Artifact, Recipe } from "../../core/recipe.ts";
import { isRecipeKind } from "../../core/recipes/artifacts.ts";
import { binNameRule, toolNameRule } from "../../core/recipes/rules.ts";
import { type CompiledCatalogue, OtherSchema, parseCompiled } from "../../io/inputs/compiled.ts";
import { catalogueSchema } from "../../io/inputs/recipe-files.ts";

/**
 * Reads a catalogue from elsewhere to its last line, so that nothing is stored that a later run
 * cannot use. `called` is its spec. Throws a UserError: `integrity`, or `config` for another schema.
 */
export function checkCatalogue(text: string, called: string): CompiledCatalogue {
  try {
    const catalogue = parseCompiled(text, (read) => read(), called);
    const wrong = catalogue.recipes.flatMap((recipe) => problemOf(recipe) ?? [])[0];
    if (wrong === undefined) return catalogue;
    throw new Error(wrong);
  } catch (cause) {
    if (cause instanceof OtherSchema) throw otherSchema(cause, called);
    throw new UserError("E_CATALOGUE", `${called} cannot be used: ${describeError(cause)}`);
  }
}

function otherSchema({ schema, version }: OtherSchema, called: string): UserError {
  const message = `${called} has schema ${schema}; this command reads schema ${catalogueSchema}`;
  const hint =
    schema > catalogueSchema
      ? `openclaw-install-skill-deps ${version} reads it: update this command, or name an older catalogue.`
      : "Name a newer one, or make it again with recipe compile of this version.";
  return new UserError("E_CATALOGUE_SCHEMA", message, { hint });
}

/** What is wrong with a recipe: names and paths that could leave their directory, unknown sources. */
function problemOf(recipe: Recipe): string | undefined {
  const { name, version, bins, aliases = [], needs, artifacts, testFiles = {} } = recipe;
  const sources: readonly Artifact[] = Object.values(artifacts).flat();
  const paths = [
    ...[bins, ...sources.map((source) => source.bins ?? {})].flatMap((it) => Object.values(it)),
    ...sources.flatMap(({ bytecode }) => bytecode ?? []),
    ...Object.keys(testFiles),
  ];
  const isSound =
    [name, ...needs, ...sources.flatMap((source) => source.needs ?? [])].every(
      (text) => toolNameRule(text) === undefined,
    ) &&
    [...Object.keys(bins), ...aliases].every((text) => binNameRule(text) === undefined) &&
    [version, ...sources.flatMap((source) => source.programVersion ?? [])].every(isVersion) &&
    paths.every(isRelativePath);
  if (!isSound) return `${JSON.stringify(name)} has a name, version or path that is not allowed`;
  const odd = sources.find(({ kind }) => !isRecipeKind(kind));
  return odd && `${name} has a source of the unknown kind ${JSON.stringify(odd.kind)}`;
}

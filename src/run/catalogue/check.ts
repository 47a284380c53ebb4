import { describeError, UserError } from "../../core/errors.ts";
import { compiledProblem } from "../../core/recipes/compiled-shape.ts";
import { type CompiledCatalogue, OtherSchema, parseCompiled } from "../../io/inputs/compiled.ts";
import { catalogueSchema } from "../../io/inputs/recipe-files.ts";

/**
 * Reads a catalogue from elsewhere to its last line, so that nothing is stored that a later run
 * cannot use. `called` is its spec. Throws a UserError: `integrity`, or `config` for another schema.
 */
export function checkCatalogue(text: string, called: string): CompiledCatalogue {
  try {
    const catalogue = parseCompiled(text, (read) => read(), called);
    const wrong = catalogue.recipes.flatMap((recipe) => compiledProblem(recipe) ?? [])[0];
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

import type { InstalledRecord } from "../manifest.ts";
import type { Catalogue, Recipe } from "../recipe.ts";
import type { LinkStep, Step } from "./plan.ts";

/*
 * Other names of a tool: `ripgrep` is rg. If a skill requires an alias, the tool's program is
 * linked under that name, too.
 */

/**
 * Resolves aliases to their recipes, unless a recipe has that name or program itself. `all` are the
 * recipes in order of precedence, including hidden ones.
 */
export function addAliases(all: readonly Recipe[], catalogue: AliasTarget): void {
  const { recipes, providers } = catalogue;
  for (const { name, aliases = [] } of all) {
    for (const alias of aliases) {
      if (!recipes.has(alias) && !providers.has(alias)) providers.set(alias, name);
    }
  }
}

interface AliasTarget {
  readonly recipes: ReadonlyMap<string, Recipe>;
  readonly providers: Map<string, string>;
}

/** The program that an alias means; undefined if the name is no alias. */
export function programOfAlias(
  name: string,
  { recipes, providers }: Catalogue,
): string | undefined {
  const recipe = recipes.get(providers.get(name) ?? "");
  if (!recipe || Object.hasOwn(recipe.bins, name)) return undefined;
  return Object.hasOwn(recipe.bins, recipe.name) ? recipe.name : Object.keys(recipe.bins)[0];
}

/** Alias to the program that it means. */
export type Aliases = Readonly<Record<string, string>>;

/** A record with these aliases added to its programs. */
export function withAliases<T extends InstalledRecord>(record: T, aliases: Aliases): T {
  const added = Object.entries(aliases).flatMap(([alias, program]) => {
    const bin = record.bins[program];
    return bin && !record.bins[alias] ? [[alias, bin] as const] : [];
  });
  return added.length === 0
    ? record
    : { ...record, bins: { ...record.bins, ...Object.fromEntries(added) } };
}

/** A step with these aliases added; `record` is the installed version of the tool. */
export function stepWithAliases(
  step: Step,
  record: LinkStep["record"] | undefined,
  asked: Aliases,
  catalogue: Catalogue,
): Step {
  const kept = Object.keys(record?.bins ?? {}).flatMap((name) => {
    const program = catalogue.providers.get(name) === step.tool && programOfAlias(name, catalogue);
    return program ? [[name, program] as const] : [];
  });
  const aliases = { ...Object.fromEntries(kept), ...asked };
  if (step.action === "install") {
    const names = Object.keys(aliases);
    if (names.length === 0) return step;
    return { ...step, bins: [...new Set([...step.bins, ...names])], aliases };
  }
  if (!record) return step;
  const linked = withAliases(record, aliases);
  if (linked === record) return step;
  const { tool, version } = step;
  return { action: "link", tool, version, bins: Object.keys(linked.bins), record: linked };
}

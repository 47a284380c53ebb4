import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import type { Manifest, VerifiedRecord } from "../core/manifest.ts";
import { downloadSize, sourceName } from "../core/plan/artifact.ts";
import { describeNeededBy, type NeededBy, neededBy } from "../core/plan/needed-by.ts";
import { toolCalled } from "../core/plan/required-by.ts";
import type { Catalogue, Recipe } from "../core/recipe.ts";
import { nearestName } from "../core/search.ts";
import { describeSigned } from "../core/signed.ts";
import { didYouMean, nameSome } from "../core/wording.ts";
import { bytesOf } from "../io/volume/prune.ts";
import { formatBytes, renderDocument } from "../report/text.ts";
import { readCatalogue } from "../run/inputs/catalogue.ts";
import { readVolume } from "../run/inputs/volume.ts";

/** A source of a recipe; `size`: bytes to download, if they are known. */
interface Source {
  readonly platform: string;
  readonly source: string;
  readonly size: number | undefined;
  /** If they are not those of the recipe. */
  readonly needs: readonly string[] | undefined;
}

/** One tool in the document of `info --json`; entrypoint/README.md describes it. */
interface Info {
  readonly name: string;
  readonly recipe: ReturnType<typeof describeRecipe> | null;
  readonly installed: Awaited<ReturnType<typeof describeInstalled>> | null;
  /** What rollback leads to. */
  readonly previous: Awaited<ReturnType<typeof describePrevious>> | null;
  readonly neededBy: NeededBy;
}

/** `info NAME…`: what is known about tools, named by themselves, by a program or by an alias. */
export async function info(context: Context): Promise<number> {
  const { options, stdout } = context;
  if (options.names.length === 0) {
    throw new UserError("E_USAGE", "info: no tool is named", {
      hint: "Use openclaw-install-skill-deps info gog; search finds names.",
    });
  }
  const { prefix, manifest } = await readVolume(context);
  const { catalogue } = await readCatalogue(context, { prefix, manifest });
  const tools = new Set(options.names.map((name) => knownTool(name, manifest, catalogue)));
  const found = await Promise.all(
    [...tools].map((tool) => describeTool(tool, { prefix, manifest, catalogue, context })),
  );
  if (options.json !== false) {
    stdout.write(renderDocument({ prefix, platform: manifest.platform, tools: found }));
  } else stdout.write(found.map(renderInfo).join("\n"));
  return exitStatus.done;
}

/** Throws a UserError (`usage`) if no recipe and no installed tool has the name. */
function knownTool(name: string, manifest: Manifest, catalogue: Catalogue): string {
  const tool = toolCalled(name, manifest, catalogue);
  if (manifest.tools[tool] || catalogue.recipes.has(tool)) return tool;
  const near = nearestName(name, catalogue);
  throw new UserError("E_UNKNOWN_NAME", `no recipe and no installed tool has the name "${name}"`, {
    hint: didYouMean(near, "openclaw-install-skill-deps search WORD finds names."),
  });
}

interface InfoContext {
  readonly prefix: string;
  readonly manifest: Manifest;
  readonly catalogue: Catalogue;
  readonly context: Context;
}

async function describeTool(name: string, given: InfoContext): Promise<Info> {
  const { manifest, catalogue } = given;
  const recipe = catalogue.recipes.get(name);
  const record = manifest.tools[name];
  const previous = manifest.previous?.[name];
  return {
    name,
    recipe: recipe ? describeRecipe(recipe, given) : null,
    installed: record ? await describeInstalled(record, given) : null,
    previous: previous ? await describePrevious(previous, given) : null,
    neededBy: record
      ? neededBy(record, manifest)
      : { skills: [], tools: [], byName: false, held: false },
  };
}

function describeRecipe(recipe: Recipe, { catalogue, context }: InfoContext) {
  const { version, description, homepage, license, origin, needs } = recipe;
  const python = catalogue.recipes.get("python3")?.version;
  const sources = Object.entries(recipe.artifacts).flatMap(([platform, listed]) =>
    listed.map((artifact): Source => {
      const size = downloadSize(artifact, context.machine, python);
      return { platform, source: sourceName(artifact), size, needs: artifact.needs };
    }),
  );
  const { provenance = null, signed = [], aliases = [] } = recipe;
  const bins = Object.keys(recipe.bins);
  const about = { version, origin, description, homepage, license, provenance, signed };
  return { ...about, bins, aliases, needs, sources };
}

async function describeInstalled(record: VerifiedRecord, { prefix }: InfoContext) {
  const { version, dir, needs, license, recipe, source, installedAt } = record;
  const bytes = await bytesOf(join(prefix, dir));
  const bins = Object.keys(record.bins);
  const packages = record.libraries?.names;
  const about = { version, dir, bytes, bins, needs, license, recipe, source, installedAt };
  return { packages, ...about };
}

async function describePrevious({ version, dir }: VerifiedRecord, { prefix }: InfoContext) {
  return { version, dir, bytes: await bytesOf(join(prefix, dir)) };
}

function renderInfo({ name, recipe, installed, previous, neededBy }: Info): string {
  const needed =
    describeNeededBy(neededBy).join(", ") ||
    (name === commandName ? "the volume" : "nothing that the last run saw");
  const known = recipe ?? installed;
  const rows: (readonly [string, string | undefined])[] = [
    ["about", recipe?.description],
    ["homepage", recipe?.homepage],
    ["license", known?.license],
    ["catalogue", recipe ? `${recipe.version} (${recipe.origin})` : "no recipe"],
    ["installed", installed ? renderInstalled(installed) : "no"],
    ["previous", previous ? `${previous.version} (${formatBytes(previous.bytes)})` : undefined],
    ["programs", (installed ?? recipe)?.bins.join(", ")],
    ["packages", installed?.packages?.join(", ")],
    ["aliases", recipe?.aliases.join(", ")],
    ["needs", known?.needs.join(", ")],
    ["needed by", installed ? needed : undefined],
    ["provenance", recipe?.provenance ?? undefined],
    ...(recipe?.signed ?? []).map((each) => ["signed", describeSigned(each)] as const),
    ...(recipe?.sources ?? []).map((source) => ["source", renderSource(source)] as const),
  ];
  const lines = rows.flatMap(([label, text]) => (text ? [`  ${label.padEnd(12)}${text}\n`] : []));
  return `${name}\n${lines.join("")}`;
}

function renderInstalled({ version, bytes, source, installedAt }: NonNullable<Info["installed"]>) {
  return `${version} (${formatBytes(bytes)}, ${installedAt.slice(0, 10)}, from ${source.from})`;
}

function renderSource({ platform, source, size, needs }: Source): string {
  const own = needs && `needs ${nameSome(needs) || "nothing"}`;
  const more = [...(size === undefined ? [] : [formatBytes(size)]), ...(own ? [own] : [])];
  return `${platform} ${source}${more.length > 0 ? ` (${more.join("; ")})` : ""}`;
}

import { isMap, isScalar, parse, parseDocument, type Scalar } from "yaml";
import { upstreamVersion } from "../core/deb-version.ts";
import { reworded, UserError } from "../core/errors.ts";
import { sourceName } from "../core/plan/artifact.ts";
import { isAtLeast } from "../core/platform.ts";
import { type Recipe, renderProblem } from "../core/recipe.ts";
import { parseRecipe } from "../core/recipes/file.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import type { DraftContext } from "./draft-context.ts";
import { atVersion } from "./draft-version.ts";
import { inPlaceOf } from "./lines.ts";
import type { Newest } from "./newest.ts";
import type { openPinner } from "./pin.ts";
import { type PinnedField, pinnableSources, writePins } from "./pin-text.ts";
import type { Verifier } from "./verify.ts";

/** A recipe's files after a bump, and what changed in them. */
export interface Bumped {
  /** The text of the recipe. */
  readonly text: string;
  /** By name, beside the recipe. */
  readonly locks: Readonly<Record<string, string>>;
  /** What a person should know. */
  readonly notes: readonly string[];
}

/** What a bump needs besides the recipe: pins and downloads are shared by all recipes of a run. */
export interface BumpContext {
  readonly draft: DraftContext;
  readonly pin: ReturnType<typeof openPinner>;
  readonly verifier: Verifier;
}

const moved = ["url", "npm", "pypi", "wheel", "go"] as const;

/**
 * The text of a recipe at other versions: in `version`, in its sources and in paths of programs; comments and
 * order stay. Where digests are computed from a download instead of a registry, `provenance` says so.
 */
export function moveText(text: string, { version, deb }: Newest, day: string): string {
  const document = parseDocument(text, { version: "1.2" });
  const from = String(document.get("version"));
  const edits: { node: Scalar; text: string }[] = [];
  const edit = (path: readonly (string | number)[], change: (old: string) => string): void => {
    const node = document.getIn(path, true);
    if (!isScalar(node) || !node.range) return;
    const old = text.slice(node.range[0], node.range[1]);
    const changed = change(old.trimEnd());
    if (changed !== old.trimEnd()) edits.push({ node, text: inPlaceOf(old, changed) });
  };
  const move = (old: string): string => atVersion(old, from, version);
  const editBins = (path: readonly (string | number)[]): void => {
    const bins = document.getIn(path, true);
    if (isMap(bins)) for (const { key } of bins.items) edit([...path, String(key)], move);
  };
  /** Where signatures are. */
  const editAddresses = (
    path: readonly (string | number)[],
    { signed = [] }: RecipeSource,
  ): void => {
    for (const i of signed.keys()) edit([...path, "signed", i, "at"], move);
  };
  const sources = placedSources(document.toJS());
  if (version !== from) {
    edit(["version"], () => JSON.stringify(version));
    editBins(["bins"]);
    for (const { path, source } of sources) {
      if (source.deb !== undefined || source.version !== undefined) continue;
      for (const field of moved) edit([...path, field], move);
      editBins([...path, "bins"]);
      editAddresses(path, source);
    }
    if (
      sources.some(({ source: { url, version: own } }) => url !== undefined && own === undefined)
    ) {
      edit(["provenance"], () => `digests computed from what was served on ${day}`);
    }
  }
  for (const { path, source } of sources) {
    if (deb === undefined || splitPackage(source.deb ?? "").name !== deb.name) continue;
    edit([...path, "deb"], (old) => old.replace(deb.from, () => deb.to));
  }
  const onlyDeb = sources.every(({ source }) => source.deb !== undefined);
  if (deb && onlyDeb) {
    edit(["version"], (old) => old.replace(from, () => upstreamVersion(deb.to)));
  }
  const inOrder = edits.sort((a, b) => (b.node.range?.[0] ?? 0) - (a.node.range?.[0] ?? 0));
  return inOrder.reduce((result, { node, text: changed }) => {
    const [start = 0, end = 0] = node.range ?? [];
    return result.slice(0, start) + changed + result.slice(end);
  }, text);
}

/**
 * A recipe at other versions, pinned by what is served now; every download of both platforms is verified, and
 * programs are where they are said to be. Throws a UserError if one is not: nothing has been written.
 */
export async function bumpRecipe(
  name: string,
  text: string,
  newest: Newest,
  { draft, pin, verifier }: BumpContext,
): Promise<Bumped> {
  const day = draft.clock().toISOString().slice(0, 10);
  const movedText = moveText(text, newest, day);
  const pins: PinnedField[] = [];
  const locks: Record<string, string> = {};
  for (const { path, source } of pinnableSources(parse(movedText))) {
    if (source.version !== undefined) continue; // stays as it is
    const { fields, lock } = await pin(source, movedText);
    pins.push({ path, fields });
    if (lock) locks[lock.name] = lock.text;
  }
  const written = writePins(movedText, pins).text;
  const read = parseRecipe({ text: written, file: `${name}.yaml`, lock: (lock) => locks[lock] });
  if (!read.ok) throw new UserError("E_DRAFT", read.problems.map(renderProblem).join("\n"));
  const { artifacts, bins } = read.recipe;
  for (const artifact of Object.values(artifacts).flat()) {
    if (artifact.programVersion !== undefined) continue;
    await verifier.verify(artifact, artifact.bins ?? bins).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      const source = sourceName(artifact);
      const isNamed = error.message.includes(source) || error.message.includes("://");
      throw isNamed ? error : reworded(error, `${source}: ${error.message}`);
    });
  }
  const raised = raisedGlibc(written, read.recipe, verifier);
  const notes = raised.map(({ note }) => note);
  return { text: writePins(written, raised).text, locks, notes };
}

/**
 * Sources whose programs need a newer glibc than the recipe says. Throws a UserError if it says that they need
 * none: they would not start with another C library.
 */
function raisedGlibc(text: string, { artifacts, bins }: Recipe, verifier: Verifier) {
  return placedSources(parse(text)).flatMap(({ key, path, source }) => {
    const artifact = artifacts[key]?.[Number(path[2] ?? 0)];
    const needs = artifact && verifier.needs(artifact, artifact.bins ?? bins);
    if (needs?.libc === undefined) return [];
    if (/^linux-[^-]+$/.test(key)) {
      const what = `${key}: its programs are not static, they need ${needs.libc}`;
      throw new UserError("E_DRAFT", what, { hint: `Name the platform ${key}-${needs.libc}.` });
    }
    const { glibc } = needs;
    if (glibc === undefined || source.glibc === undefined) return [];
    if (isAtLeast(source.glibc, glibc)) return [];
    const note = `${key} needs glibc ${glibc} now, not ${source.glibc}`;
    return [{ path, fields: { glibc: JSON.stringify(glibc) }, note }];
  });
}

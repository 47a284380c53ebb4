import { isScalar, parse, parseDocument } from "yaml";
import { upstreamVersion } from "../core/deb-version.ts";
import { reworded, UserError } from "../core/errors.ts";
import { sourceName } from "../core/plan/artifact.ts";
import { isAtLeast } from "../core/platform.ts";
import type { Recipe } from "../core/recipe.ts";
import { member, type PlacedSource, placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { asFields } from "../core/values.ts";
import { type DraftContext, today } from "./draft-context.ts";
import { atVersion } from "./draft-version.ts";
import { type Edit, edited, inPlaceOf } from "./lines.ts";
import type { Newest } from "./newest.ts";
import type { openPinner } from "./pin.ts";
import { type PinnedField, pinnableSources, writePins } from "./pin-text.ts";
import { readDraft } from "./recipe-text.ts";
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

/** A field of a recipe, and how its text changes. */
type Change = readonly [path: PlacedSource["path"], change: (written: string) => string];

/**
 * The text of a recipe at other versions: in `version`, in its sources and in paths of programs; comments and
 * order stay. Where digests are computed from a download instead of a registry, `provenance` says so.
 */
export function moveText(text: string, { version, deb }: Newest, day: string): string {
  const document = parseDocument(text, { version: "1.2" });
  const from = String(document.get("version"));
  const value: unknown = document.toJS();
  const changes = [
    ...(version === from ? [] : versionChanges(value, from, version, day)),
    ...(deb ? debChanges(value, from, deb) : []),
  ];
  return edited(
    text,
    changes.flatMap(([path, change]) => editOf(document.getIn(path, true), change, text)),
  );
}

const movedFields = ["url", "npm", "pypi", "wheel", "go"];

/** Of all but Debian's packages, which have versions of their own, and sources that stay at an older one. */
function versionChanges(document: unknown, from: string, to: string, day: string): Change[] {
  const move = (written: string): string => atVersion(written, from, to);
  const moveBins = (path: Change[0], bins: unknown): Change[] =>
    Object.keys(asFields(bins) ?? {}).map((bin) => [[...path, "bins", bin], move]);
  const moved = placedSources(document).filter(
    ({ source }) => source.deb === undefined && source.version === undefined,
  );
  const isDownloaded = moved.some(({ source }) => source.url !== undefined);
  return [
    [["version"], () => JSON.stringify(to)],
    ...moveBins([], member(document, "bins")),
    ...moved.flatMap(({ path, source }): Change[] => [
      ...movedFields.map((field): Change => [[...path, field], move]),
      ...moveBins(path, source.bins),
      ...(source.signed ?? []).map((_, i): Change => [[...path, "signed", i, "at"], move]),
    ]),
    ...(isDownloaded
      ? [[["provenance"], () => `digests computed from what was served on ${day}`] as const]
      : []),
  ];
}

/** A recipe of only Debian's packages has the version of its program. */
function debChanges(document: unknown, from: string, deb: NonNullable<Newest["deb"]>): Change[] {
  const sources = placedSources(document);
  const same = sources.filter(({ source }) => splitPackage(source.deb ?? "").name === deb.name);
  const isOnlyDeb = sources.every(({ source }) => source.deb !== undefined);
  return [
    ...same.map(
      ({ path }): Change => [[...path, "deb"], (old) => old.replace(deb.from, () => deb.to)],
    ),
    ...(isOnlyDeb
      ? [[["version"], (old: string) => old.replace(from, () => upstreamVersion(deb.to))] as const]
      : []),
  ];
}

/** Empty if there is no such field, or it stays as it is. */
function editOf(node: unknown, change: Change[1], text: string): Edit[] {
  if (!isScalar(node) || !node.range) return [];
  const [from, to] = node.range;
  const written = text.slice(from, to);
  const changed = change(written.trimEnd());
  return changed === written.trimEnd() ? [] : [{ from, to, text: inPlaceOf(written, changed) }];
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
  const movedText = moveText(text, newest, today(draft));
  const pins: PinnedField[] = [];
  const locks: Record<string, string> = {};
  for (const { path, source } of pinnableSources(parse(movedText))) {
    if (source.version !== undefined) continue; // stays as it is
    const { fields, lock } = await pin(source, movedText);
    pins.push({ path, fields });
    if (lock) locks[lock.name] = lock.text;
  }
  const written = writePins(movedText, pins).text;
  const recipe = readDraft(name, written, locks);
  const { artifacts, bins } = recipe;
  for (const artifact of Object.values(artifacts).flat()) {
    if (artifact.programVersion !== undefined) continue;
    await verifier.verify(artifact, artifact.bins ?? bins).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      const source = sourceName(artifact);
      const isNamed = error.message.includes(source) || error.message.includes("://");
      throw isNamed ? error : reworded(error, `${source}: ${error.message}`);
    });
  }
  const raised = raisedGlibc(written, recipe, verifier);
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

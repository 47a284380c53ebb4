import { upstreamVersion } from "../deb-version.ts";
import { compareVersions } from "../versions.ts";
import {
  type Finding,
  fieldOf,
  finding,
  member,
  type PlacedSource,
  placedSources,
} from "./findings.ts";
import { splitPackage } from "./rules.ts";
import { type RecipeSource, testOf } from "./schema.ts";
import { sourceFindings } from "./sources.ts";

type Bins = Readonly<Record<string, string>>;

/** Errors between fields. Fields that are malformed by themselves are skipped. */
export function crossFindings(document: unknown): Finding[] {
  const [name, bins] = [fieldOf(document, "name"), fieldOf(document, "bins")];
  const [test, loader] = [fieldOf(document, "test"), fieldOf(document, "loader")];
  const sources = placedSources(document);
  return [
    ...(bins && test ? testFindings(bins, testOf(test).run) : []),
    ...aliasFindings(fieldOf(document, "aliases") ?? [], name, bins),
    ...needsFindings(name, fieldOf(document, "needs") ?? [], sources),
    ...sources.flatMap((placed) => ownNeedsFindings(name, placed)),
    ...startFindings(document, bins ?? {}, sources),
    ...versionFindings(fieldOf(document, "version"), sources),
    ...sources.flatMap((placed) => sourceFindings(placed, bins, loader)),
  ];
}

function testFindings(bins: Bins, run: readonly string[]): Finding[] {
  const [program = "", ...args] = run;
  if (Object.hasOwn(bins, program)) return [];
  const example = `test: [${[Object.keys(bins)[0], ...args].join(", ")}]`;
  return [finding(["test"], `starts with "${program}", which is not one of bins`, example)];
}

function aliasFindings(
  aliases: readonly string[],
  name: string | undefined,
  bins: Bins = {},
): Finding[] {
  return aliases.flatMap((alias, i) => {
    const path = ["aliases", i];
    if (aliases.indexOf(alias) !== i) return [finding(path, `names ${alias} twice`)];
    if (alias === name) return [finding(path, "is the recipe's name; remove it")];
    return Object.hasOwn(bins, alias) ? [finding(path, "is one of bins; remove it")] : [];
  });
}

function needsFindings(
  name: string | undefined,
  needs: readonly string[],
  sources: readonly PlacedSource[],
): Finding[] {
  const common = sources.filter(({ source }) => source.needs === undefined);
  return [...listFindings(["needs"], name, needs), ...runtimeFindings(["needs"], needs, common)];
}

/** The same for the needs of one source. */
function ownNeedsFindings(name: string | undefined, placed: PlacedSource): Finding[] {
  const needs = fieldOf(placed.source, "needs");
  if (!needs) return [];
  const path = [...placed.path, "needs"];
  return [...listFindings(path, name, needs), ...runtimeFindings(path, needs, [placed])];
}

function listFindings(
  path: Finding["path"],
  name: string | undefined,
  needs: readonly string[],
): Finding[] {
  const found: Finding[] = [];
  if (name !== undefined && needs.includes(name)) {
    found.push(finding(path, `names ${name} itself; remove it`));
  }
  const twice = needs.find((need, index) => needs.indexOf(need) !== index);
  if (twice !== undefined) found.push(finding(path, `names ${twice} twice`));
  return found;
}

function runtimeFindings(
  path: Finding["path"],
  needs: readonly string[],
  sources: readonly PlacedSource[],
): Finding[] {
  return runtimes.flatMap(({ need, what, isMeant }) => {
    if (needs.includes(need) || !sources.some(({ source }) => isMeant(source))) return [];
    const why = `must name ${need}: a ${what} program runs in it`;
    return [finding(path, why, `needs: [${need}]`)];
  });
}

/** The runtimes of some kinds of sources. */
const runtimes: readonly {
  readonly need: string;
  readonly what: string;
  readonly isMeant: (source: RecipeSource) => boolean;
}[] = [
  {
    need: "node",
    what: "JavaScript",
    isMeant: ({ npm, lock }) => npm !== undefined && lock !== undefined,
  },
  {
    need: "python3",
    what: "Python",
    isMeant: ({ pypi, wheel }) => pypi !== undefined && wheel === undefined,
  },
];

const forDebOnly = ["release", "data", "env", "args", "setup", "loader"] as const;

/** How programs of Debian are started: only for `deb` sources, and only for known programs. */
function startFindings(document: unknown, bins: Bins, sources: readonly PlacedSource[]): Finding[] {
  const hasDeb = sources.some(({ source }) => source.deb !== undefined);
  const found = forDebOnly
    .filter((field) => !hasDeb && member(document, field) !== undefined)
    .map((field) => finding([field], "is for deb only"));
  const args = fieldOf(document, "args") ?? {};
  for (const bin of Object.keys(args)) {
    if (!Object.hasOwn(bins, bin)) found.push(finding(["args", bin], "is not one of bins"));
  }
  const [program] = fieldOf(document, "setup") ?? [];
  if (program !== undefined && !Object.hasOwn(bins, program)) {
    found.push(finding(["setup"], `starts with "${program}", which is not one of bins`));
  }
  return found;
}

/**
 * A recipe of only deb sources has the version of its program; otherwise the first other source
 * decides.
 */
function versionFindings(version: string | undefined, sources: readonly PlacedSource[]): Finding[] {
  const [first] = sources;
  const older = version === undefined ? [] : olderFindings(version, sources);
  return older.length > 0 ? older : debVersionFindings(version, first);
}

/** A later source may have an older version, which it then says. */
function olderFindings(version: string, sources: readonly PlacedSource[]): Finding[] {
  return sources.flatMap(({ path, source }) => {
    if (source.version === undefined) return [];
    const at = [...path, "version"];
    if (source.deb !== undefined)
      return [finding(at, "means nothing for deb, which has it in its name")];
    if ((path[2] ?? 0) === 0)
      return [finding(at, "is for a later source; the first has the recipe's")];
    if (compareVersions(source.version, version) < 0) return [];
    return [finding(at, `is not older than the recipe's ${version}`)];
  });
}

function debVersionFindings(
  version: string | undefined,
  first: PlacedSource | undefined,
): Finding[] {
  if (version === undefined || first?.source.deb === undefined) return [];
  const upstream = upstreamVersion(splitPackage(first.source.deb).version);
  if (upstream === version) return [];
  return [finding(["version"], `is ${version}, but ${first.source.deb} is ${upstream}`)];
}

import { installKinds, parseInstallSpec } from "../installspec.ts";
import { asFields, type Fields, textList } from "../values.ts";
import { nearest } from "../wording.ts";

/** The contents of a SKILL.md, as far as OpenClaw reads it. */
export interface SaidInSkill {
  /** The front matter's fields, structures as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly metadata: Fields | undefined;
  /** The part of metadata that OpenClaw uses. */
  readonly manifest: Fields | undefined;
  /** Programs that OpenClaw sees. */
  readonly known: ReadonlySet<string>;
  /** Reads a field of the front matter. */
  readonly read: (text: string | undefined) => unknown;
}

/** The intended meaning of a key. */
type Meaning = "bins" | "anyBins" | "requires" | "install";

const meanings: Readonly<Record<Meaning, readonly string[]>> = {
  bins: words(
    "bin bins binary binaries command commands cmds cli clis executables programs tools python python3 node",
  ),
  anyBins: words("anybin anybins anyof oneof"),
  requires: words("require requires required requirement requirements needs prerequisites"),
  install: words("install installs installation installer installers"),
};
/** Package lists of other package managers: `python_packages`, `npm`, `aptDependencies`. */
const packages =
  /^(pip|pipx|uv|npm|apt|brew|cargo|(python|pip|npm|node|apt|brew|system|go|cargo|linux)(packages?|dependencies|deps|modules|libs|libraries))$/;

const topPackages = /^(python|pip|npm|node|apt|brew|system)(packages?|dependencies|deps|modules)$/;

/** The keys that OpenClaw reads in the manifest and in its `requires`. */
const manifestKeys = words("always emoji homepage skillKey primaryEnv os requires install");
const requiresKeys = words("bins anyBins env config");
/** Usual keys of the front matter that say no requirement. */
const plainKeys = words("name description metadata license version author homepage");
/** In the front matter itself only keys that other agents do not use: they do use `tools`. */
const topKeys = /^(bins?|binary|binaries|anybins?|executables|requires?|required|requirements?)$/;

/** Other package managers' names for OpenClaw's kinds of install. */
const kindsOf: Readonly<Record<string, string>> = {
  ...{ pip: "uv", pip3: "uv", pipx: "uv", python: "uv", pypi: "uv" },
  ...{ npm: "node", npx: "node", pnpm: "node", yarn: "node", bun: "node" },
  ...{ homebrew: "brew", cask: "brew", golang: "go" },
  ...{
    curl: "download",
    wget: "download",
    url: "download",
    binary: "download",
    github: "download",
  },
};
const partOf = { brew: "formula", node: "package", go: "module", uv: "package", download: "url" };

/** Requirements that OpenClaw does not see, one line per place; each follows "FILE ". */
export function hintsFor(said: SaidInSkill): string[] {
  if (isPlain(said)) return [];
  const requires = said.manifest?.requires;
  const isNone = typeof requires === "string" || (Array.isArray(requires) && requires.length > 0);
  return [
    ...(isNone
      ? [ignored(["requires"], "in metadata.openclaw", `write it as ${targetOf.bins}`)]
      : []),
    ...misplaced(said),
    ...misspelled(said),
    ...droppedInstalls(said.manifest?.install),
  ];
}

/** Most skills have nothing but what OpenClaw reads, and what says no requirement: nothing else is looked for. */
function isPlain({ values, metadata = {}, manifest = {} }: SaidInSkill): boolean {
  const { requires = {}, install } = manifest;
  return (
    install === undefined &&
    asFields(requires) !== undefined &&
    hasOnly(Object.keys(requires as Fields), requiresKeys) &&
    hasOnly(Object.keys(manifest), manifestKeys) &&
    Object.values(metadata).every((value) => value === manifest) &&
    hasOnly([...values.keys()], plainKeys)
  );
}

function hasOnly(keys: readonly string[], known: readonly string[]): boolean {
  return keys.every((key) => known.includes(key));
}

function words(text: string): string[] {
  return text.split(" ");
}

/** Skills use few different keys. */
const meaningsSeen = new Map<string, Meaning | "packages" | undefined>();

/** The intended meaning of a key that OpenClaw does not know; undefined if it is not clear. */
function meaningOf(key: string): Meaning | "packages" | undefined {
  if (!meaningsSeen.has(key)) meaningsSeen.set(key, meaningOfNew(key));
  return meaningsSeen.get(key);
}

function meaningOfNew(key: string): Meaning | "packages" | undefined {
  const word = key.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
  const all = Object.entries(meanings) as [Meaning, readonly string[]][];
  const exact = all.find(([, names]) => names.includes(word));
  if (exact) return exact[0];
  if (packages.test(word)) return "packages";
  return word.length < 4
    ? undefined
    : all.find(([meaning]) => nearest(word, [meaning.toLowerCase()]))?.[0];
}

/** Programs in a `requires`, under any key, that OpenClaw does not know of. */
function unseen(requires: Fields | undefined, known: ReadonlySet<string>): string[] {
  return Object.keys(requires ?? {}).filter((key) => {
    const meaning = meaningOf(key);
    const isList = meaning === "bins" || meaning === "anyBins";
    return isList && textList(requires?.[key]).some((bin) => !known.has(bin));
  });
}

/** Requirements in a place that OpenClaw does not read. */
function misplaced({ values, metadata, manifest, known, read }: SaidInSkill): string[] {
  const places: [string, string, unknown][] = [];
  for (const key of values.keys()) {
    const isRequires = topKeys.test(key.toLowerCase()) && meaningOf(key) === "requires";
    if (isRequires) places.push(["at the top level", key, read(values.get(key))]);
  }
  places.push(["directly in metadata", "requires", metadata?.requires]);
  for (const key of ["openclaw", "clawdbot", "moltbot", "clawdis"]) {
    places.push([
      `in ${key} at the top level`,
      "requires",
      asFields(read(values.get(key)))?.requires,
    ]);
  }
  for (const [key, value] of Object.entries(metadata ?? {})) {
    const fields = asFields(value);
    if (fields !== manifest) places.push([`in metadata.${key}`, "requires", fields?.requires]);
  }
  return places.flatMap(([place, name, requires]) => {
    const keys = unseen(asFields(requires), known);
    const isRight = name === "requires" && keys.every((key) => requiresKeys.includes(key));
    const said = keys.map((key) => `${name}.${key}`);
    const where = isRight
      ? "move it to metadata.openclaw"
      : "write metadata.openclaw.requires.bins";
    return keys.length === 0 ? [] : [ignored(said, place, where)];
  });
}

/** Keys that OpenClaw does not know, in places that it reads. */
function misspelled({ values, metadata, manifest, known, read }: SaidInSkill): string[] {
  const top = [...values.keys()].filter((key) => {
    const word = key.replaceAll(/[^A-Za-z]/g, "").toLowerCase();
    const isPackages = topPackages.test(word);
    return (topKeys.test(word) && meaningOf(key) !== "requires") || isPackages;
  });
  const front = Object.fromEntries(
    top.map((key) => [key, read(values.get(key)) ?? values.get(key)]),
  );
  const requires = asFields(manifest?.requires);
  const places: [string, string, Fields | undefined, readonly string[]][] = [
    ["", "at the top level", front, []],
    ["", "directly in metadata", manifest === metadata ? undefined : listsOf(metadata), []],
    ["", "in metadata.openclaw", manifest, manifestKeys],
    [
      "requires.",
      "in metadata.openclaw",
      Array.isArray(requires) ? undefined : requires,
      requiresKeys,
    ],
  ];
  return places.flatMap(([before, place, fields = {}, right]) => {
    const found = Object.entries(fields).flatMap(([key, value]) => {
      const meaning = right.includes(key) ? undefined : meaningOf(key);
      return meaning && isSaid(value, meaning, known) ? [{ said: before + key, meaning }] : [];
    });
    const targets = new Set(found.map(({ meaning }) => targetOf[meaning]));
    if (found.length === 0) return [];
    return [
      ignored(
        found.map(({ said }) => said),
        place,
        `write ${[...targets].join(" and ")}`,
      ),
    ];
  });
}

const targetOf: Readonly<Record<Meaning | "packages", string>> = {
  bins: "metadata.openclaw.requires.bins",
  anyBins: "metadata.openclaw.requires.anyBins",
  requires: "metadata.openclaw.requires",
  install: "metadata.openclaw.install",
  packages: "what it installs in metadata.openclaw.install (uv, node, go, brew or download)",
};

/** Fields that are lists or texts: structures of other programs have their own keys. */
function listsOf(fields: Fields | undefined): Fields {
  const lists = Object.entries(fields ?? {}).filter(
    ([key, value]) => meaningOf(key) !== "requires" && (Array.isArray(value) || !asFields(value)),
  );
  return Object.fromEntries(lists);
}

function isSaid(
  value: unknown,
  meaning: Meaning | "packages",
  known: ReadonlySet<string>,
): boolean {
  if (meaning === "bins" || meaning === "anyBins") {
    return textList(value).some((bin) => !known.has(bin));
  }
  const fields = asFields(value);
  return fields ? Object.keys(fields).length > 0 : Boolean(value);
}

/** Entries of `install` that OpenClaw drops. */
function droppedInstalls(install: unknown): string[] {
  if (install === undefined || install === null) return [];
  if (!Array.isArray(install)) return ["has an install that is not a list, which OpenClaw ignores"];
  const dropped = install.filter((entry) => parseInstallSpec(entry) === undefined);
  const kinds = [...new Set(dropped.map(kindOf))];
  const unknownKinds = kinds.filter((kind) => !(kind in partOf));
  const broken = kinds.filter((kind) => kind in partOf) as (keyof typeof partOf)[];
  const meant = unknownKinds.flatMap((kind) =>
    kindsOf[kind] ? [`${kind} is ${kindsOf[kind]}`] : [],
  );
  const known = meant.length > 0 ? `${hasKinds} (${meant.join(", ")})` : hasKinds;
  return [
    ...(unknownKinds.length > 0
      ? [
          `has an install of the kind ${unknownKinds.map((kind) => kind || "(none)").join(", ")}, which OpenClaw drops: ${known}`,
        ]
      : []),
    ...broken.map((kind) => {
      const digest = kind === "download" ? ", or its sha256," : "";
      return `has an install of the kind ${kind}, which OpenClaw drops: its ${partOf[kind]}${digest} is missing or not valid for OpenClaw`;
    }),
  ];
}

const hasKinds = `it has ${installKinds.join(", ")}`;

function kindOf(entry: unknown): string {
  const { kind, type } = asFields(entry) ?? {};
  const written = typeof kind === "string" ? kind : type;
  return typeof written === "string" ? written.trim().toLowerCase().slice(0, 40) : "";
}

function ignored(said: readonly string[], place: string, instead: string): string {
  return `says ${said.join(" and ")} ${place}, which OpenClaw ignores: ${instead}`;
}

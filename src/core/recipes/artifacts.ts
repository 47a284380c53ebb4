import { type Digest, parseHexDigest, parseIntegrity } from "../digest.ts";
import { debArchOf } from "../locks/deb-lock.ts";
import { type PlatformKey, platformKeys } from "../platform.ts";
import type {
  Artifact,
  ArtifactKind,
  ArtifactOf,
  DebianStart,
  Recipe,
  SignedBy,
} from "../recipe.ts";
import type { Locked } from "./locks.ts";
import { formatOfUrl, splitPackage } from "./rules.ts";
import { type RecipeDocument, type RecipeSource, testOf } from "./schema.ts";

/** Turns a document without problems into a Recipe. */
export function toRecipe(document: RecipeDocument, origin: string, locked: Locked): Recipe {
  const entries = platformKeys.flatMap((key) => {
    const value = document.artifacts[key];
    return value
      ? [[key, sourceList(value).map((source) => toArtifact(source, { document, key, locked }))]]
      : [];
  });
  const signed = signaturesOf(document);
  return {
    name: document.name,
    description: document.description ?? "",
    homepage: document.homepage ?? "",
    license: document.license ?? "unknown",
    version: document.version,
    ...(document.provenance !== undefined && { provenance: document.provenance }),
    ...(signed.length > 0 && { signed }),
    bins: document.bins,
    ...(document.aliases && { aliases: document.aliases }),
    ...toTest(document.test),
    needs: document.needs ?? [],
    artifacts: Object.fromEntries(entries),
    origin,
  };
}

function toTest(
  written: RecipeDocument["test"],
): Pick<Recipe, "test" | "testFiles" | "testOutput"> {
  const { run, files, output } = testOf(written);
  return {
    test: run,
    ...(files && { testFiles: files }),
    ...(output !== undefined && { testOutput: output }),
  };
}

/** Each signer once: the packages of both architectures have the same. */
function signaturesOf({ artifacts }: RecipeDocument): SignedBy[] {
  const all = platformKeys.flatMap((key) =>
    sourceList(artifacts[key] ?? []).flatMap(({ signed = [] }) => signed),
  );
  const once = new Map(all.map((each) => [`${each.kind} ${each.by} ${each.source}`, each]));
  return [...once.values()].filter(({ checked }) => checked !== undefined);
}

/** The sources of one platform as a list. */
function sourceList(value: RecipeSource | readonly RecipeSource[]): readonly RecipeSource[] {
  return "length" in value ? (value as readonly RecipeSource[]) : [value as RecipeSource];
}

/** The kinds of source that a recipe can have: the others come from skills. */
export type RecipeKind = Exclude<
  ArtifactKind,
  "declared" | "declared-libraries" | "python-libraries" | "node-libraries"
>;

export function isRecipeKind(kind: string): kind is RecipeKind {
  return Object.hasOwn(readers, kind);
}

/** The kind of source with these fields; undefined if there is none. */
export function kindOfSource({
  url,
  npm,
  deb,
  pypi,
  wheel,
  go,
  lock,
  sum,
}: RecipeSource): RecipeKind | undefined {
  if (lock !== undefined) {
    if (deb !== undefined) return "debian";
    if (pypi !== undefined) return "python";
    if (npm !== undefined) return "npm-closure";
  }
  if (go !== undefined) return sum === undefined ? "go-module" : "go-build";
  if (url !== undefined) return "archive";
  if (pypi !== undefined) return wheel === undefined ? undefined : "wheel";
  return npm === undefined ? undefined : "npm-package";
}

/** The context in which a source is read. */
interface Surroundings {
  readonly document: RecipeDocument;
  readonly key: PlatformKey;
  readonly locked: Locked;
}
type Reader<Kind extends RecipeKind> = (
  source: RecipeSource,
  surroundings: Surroundings,
) => ArtifactOf<Kind>;

const readers: { readonly [Kind in RecipeKind]: Reader<Kind> } = {
  archive: (source) => {
    const { url = "", format = formatOfUrl(url) ?? "raw", strip = 0 } = source;
    return { kind: "archive", url, format, strip, ...pinOf(source) };
  },
  "npm-package": (source) => {
    const { npm = "", strip = 1 } = source;
    return { kind: "npm-package", ...splitPackage(npm), strip, ...pinOf(source) };
  },
  "npm-closure": ({ npm = "", lock = "", without }, { locked }) => {
    const packages = locked.npm.get(lock) ?? [];
    return { kind: "npm-closure", ...splitPackage(npm), packages, ...(without && { without }) };
  },
  debian: ({ deb = "", lock = "" }, { document, key, locked }) => {
    const held = locked.deb.get(lock);
    const packages = held?.packages[debArchOf(key) ?? "amd64"] ?? [];
    const debian = { packages, snapshot: held?.snapshot ?? "", start: startOf(document) };
    return { kind: "debian", ...splitPackage(deb), ...debian };
  },
  python: ({ pypi = "", lock = "" }, { locked }) => {
    const wheels = locked.pypi.get(lock) ?? [];
    return { kind: "python", ...splitPackage(pypi), wheels };
  },
  wheel: (source) => {
    const { pypi = "", wheel: file = "", strip = 0 } = source;
    return { kind: "wheel", ...splitPackage(pypi), file, strip, ...pinOf(source) };
  },
  "go-module": (source) => {
    const { name: module, version } = splitPackage(source.go ?? "");
    return { kind: "go-module", module, version, strip: source.strip ?? 0, ...pinOf(source) };
  },
  "go-build": ({ go = "", sum = "", package: directory = ".", toolchain = "1" }) => {
    const { name: module, version } = splitPackage(go);
    return { kind: "go-build", module, version, package: directory, sum, toolchain };
  },
};

function toArtifact(source: RecipeSource, surroundings: Surroundings): Artifact {
  const kind = kindOfSource(source);
  // The checks reject this; reaching it is a bug, not an error in the recipe.
  if (!kind) throw new Error("a source without an origin passed the checks");
  const { glibc, bytecode, needs, version } = source;
  return {
    ...readers[kind](source, surroundings),
    ...(source.bins && { bins: { ...surroundings.document.bins, ...source.bins } }),
    ...(glibc !== undefined && { glibc }),
    ...(bytecode !== undefined && { bytecode }),
    ...(needs && { needs }),
    ...(version !== undefined && { programVersion: version }),
  };
}

function startOf({ env = {}, args = {}, setup, loader }: RecipeDocument): DebianStart {
  return { env, args, ...(setup && { setup }), ...(loader && { loader }) };
}

/** Digest and size of a source that is one file. */
function pinOf(source: RecipeSource): { readonly digest: Digest; readonly size?: number } {
  const digest = sourceDigest(source);
  if (!digest) throw new Error("a source without a digest passed the checks");
  return { digest, ...(source.size !== undefined && { size: source.size }) };
}

/** The digest that pins a source which is one file; undefined for others. */
export function sourceDigest({ sha256, sha512, integrity }: RecipeSource): Digest | undefined {
  if (sha256 !== undefined) return parseHexDigest("sha256", sha256);
  if (sha512 !== undefined) return parseHexDigest("sha512", sha512);
  return integrity === undefined ? undefined : parseIntegrity(integrity);
}

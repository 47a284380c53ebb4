import { join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { type CatalogueSpec, maxCatalogue, parseCatalogueSpec } from "../../core/catalogue-spec.ts";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { shownWord } from "../../core/shown-url.ts";
import { isThere } from "../../io/files.ts";
import { type ReadFile, tryRead } from "../../io/input.ts";
import { type CatalogueStores, isOlder, keptCatalogue, type NamedCatalogue } from "./kept.ts";
import { type GivenKey, readKey } from "./key.ts";

export type { CatalogueStores, NamedCatalogue } from "./kept.ts";

/** What `--catalogue` led to. */
export interface FoundCatalogue {
  readonly called: string;
  /** Undefined if it cannot be fetched now: then no recipe is known but those of `--recipes`. */
  readonly catalogue: NamedCatalogue | undefined;
  /** Why it, or a newer one, could not be used. */
  readonly failure?: UserError;
  /** The file in the volume, and other files that the result depends on. */
  readonly files: readonly ReadFile[];
  /** Files that would change the result if they existed. */
  readonly absent: readonly string[];
}

/**
 * Finds the catalogue of `--catalogue`: the volume's copy, else the seed's, else it is fetched. One
 * with a digest never changes. A signed one without a digest is read again where its file is, and by
 * `update` where it has a URL, and is refused if it is older than the newest one so far. Undefined
 * without the option. Throws a UserError, unless trying again later may help, or the volume's copy is
 * for another version of this command: what is installed stays in use then.
 */
export async function findCatalogue(
  stores: CatalogueStores,
  context: Context,
): Promise<FoundCatalogue | undefined> {
  const spec = specOf(context);
  if (spec === undefined) return undefined;
  const given = readKey(context.options);
  refuseUntrusted(spec, given);
  const isFile = spec.kind === "file" && isThere(spec.path);
  const base = { called: spec.called, catalogue: undefined, ...watchedBy(spec, given) };
  const use = (it: NamedCatalogue) => ({ ...base, ...withStored(it, stores, base.files) });
  const { kept, unreadable } = await keptCatalogue(spec, given, stores);
  const isLookedFor = isMoving(spec, given) && (isFile || context.options.verb === "update");
  if (kept && !isLookedFor) return use(kept);
  if (unreadable && !isLookedFor) return { ...base, failure: unreadable };
  try {
    return use(await fetched({ spec, given, stores }, context));
  } catch (failure) {
    if (!(failure instanceof UserError)) throw failure;
    if (!kept && !later.has(failure.kind)) throw failure;
    return { ...(kept ? use(kept) : base), failure };
  }
}

const later: ReadonlySet<string> = new Set(["network", "unmet", "busy"]);

function specOf({ options }: Context): CatalogueSpec | undefined {
  const { catalogue } = options;
  if (catalogue === undefined) return undefined;
  const spec = parseCatalogueSpec(catalogue, (path) => resolve(path));
  if (typeof spec !== "string") return spec;
  throw new UserError("E_USAGE", `--catalogue ${shownWord(catalogue)} ${spec}`);
}

function refuseUntrusted(spec: CatalogueSpec, given: GivenKey | undefined): void {
  if (spec.kind === "npm" && given) {
    throw new UserError(
      "E_USAGE",
      `--catalogue-key is for a URL or a file, not for ${spec.called}`,
      {
        hint: "The registry names the digest of a package; leave the key out.",
      },
    );
  }
  if (spec.kind === "npm" || spec.digest || given) return;
  throw new UserError("E_USAGE", `nothing says what --catalogue ${spec.called} must hold`, {
    hint: "Add #sha256= and its digest, or name the key that signed it with --catalogue-key.",
  });
}

interface Wanted {
  readonly spec: CatalogueSpec;
  readonly given: GivenKey | undefined;
  readonly stores: CatalogueStores;
}

async function fetched({ spec, given, stores }: Wanted, context: Context): Promise<NamedCatalogue> {
  if (given && !given.key) {
    throw new UserError("E_INPUT", `there is no key ${given.path} to verify ${spec.called} with`);
  }
  const { called } = spec;
  const { fetchCatalogue } = await import("./fetch.ts");
  const { checkCatalogue } = await import("./check.ts");
  const { text, signedAt } = await fetchCatalogue(spec, given?.key, context);
  const newest = stores.manifest.catalogueTimes?.[called];
  if (isOlder(signedAt, called, stores.manifest)) {
    const message = `${called} was signed at ${timeOf(signedAt)}; this volume has had one of ${timeOf(newest)}`;
    throw new UserError("E_CATALOGUE_OLDER", message);
  }
  const compiled = checkCatalogue(text, called);
  const sha256 = sha256Hex(text);
  const record = {
    sha256,
    version: compiled.version,
    ...(given?.key && { key: given.key.text }),
    ...(signedAt !== undefined && { signedAt }),
    at: context.clock().toISOString(),
  };
  const from = spec.kind === "file" ? "file" : "network";
  return { ...compiled, called, sha256, from, record, text };
}

const timeOf = (seconds = 0): string => new Date(seconds * 1000).toISOString();

/**
 * A file that may be replaced is watched with its signature, and so is the key's file. Called before
 * they are read: a later change then makes a record of this run useless.
 */
function watchedBy(
  spec: CatalogueSpec,
  given: GivenKey | undefined,
): Pick<FoundCatalogue, "files" | "absent"> {
  const moves = spec.kind === "file" && isMoving(spec, given);
  const paths = moves ? [spec.path, `${spec.path}.minisig`] : [];
  const read = paths.map((path) => ({
    path,
    bytes: tryRead(path, { maxBytes: maxCatalogue }).bytes,
  }));
  const files = read.flatMap(({ path, bytes }) =>
    bytes ? [{ path, sha256: sha256Hex(bytes) }] : [],
  );
  const absent = read.flatMap(({ path, bytes }) => (bytes ? [] : [path]));
  if (given?.path !== undefined && !given.file) absent.push(given.path);
  return { files: [...files, ...(given?.file ? [given.file] : [])], absent };
}

/** True if its bytes may change: they are signed, but not named by a digest. */
function isMoving({ digest }: CatalogueSpec, given: GivenKey | undefined): boolean {
  return digest === undefined && given !== undefined;
}

function withStored(
  catalogue: NamedCatalogue,
  { prefix }: CatalogueStores,
  files: readonly ReadFile[],
): Pick<FoundCatalogue, "catalogue" | "files"> {
  const { sha256 } = catalogue;
  return {
    catalogue,
    files: [{ path: join(prefix, layout.catalogueFile(sha256)), sha256 }, ...files],
  };
}

import { join } from "node:path";
import { formatIntegrity } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { onceFor } from "../core/once.ts";
import { kindOfSource, type RecipeKind } from "../core/recipes/artifacts.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import type { HashedDownload } from "../net/download.ts";
import { fetchListed, listFiles } from "../sources/python/index.ts";
import { parseDebWanted } from "./deb-wanted.ts";
import type { DraftContext } from "./draft-context.ts";
import { hashPackage } from "./draft-npm.ts";
import { debLocker } from "./lock-deb.ts";
import { hashGoModule, lockGoModule } from "./lock-go.ts";
import { lockPypi } from "./lock-pypi.ts";
import { lockPackage, viewPackage } from "./npm-command.ts";
import { digestField, type PinnedField } from "./pin-text.ts";

interface Pins {
  readonly fields: PinnedField["fields"];
  readonly lock?: { readonly name: string; readonly text: string };
}

/** The context for pinning, besides the source. */
interface PinContext {
  readonly draft: DraftContext;
  /** The recipe's own text, from which Debian's locks are made. */
  readonly text: string;
  /** A scratch file for this source. */
  readonly file: string;
  readonly lockDebian: ReturnType<typeof debLocker>;
  /** Creates a lock, once for all sources that it pins. */
  readonly lockOnce: (source: RecipeSource, from: string, make: MakeLock) => Promise<Pins>;
}
type MakeLock = () => Promise<string>;
type Pinner = (source: RecipeSource, context: PinContext) => Promise<Pins>;

/** How the pins of each kind of source are made; other kinds are pinned by hand. */
const pinners: Readonly<Partial<Record<RecipeKind, Pinner>>> = {
  debian: (source, { lockDebian, lockOnce, text }) =>
    lockOnce(source, source.deb ?? "", () => lockDebian(parseDebWanted(text))),
  python: (source, { lockOnce, draft }) => {
    const { pypi = "" } = source;
    return lockOnce(source, pypi, () => lockPypi(pypi, draft));
  },
  wheel: async (source, { draft, file }) => {
    const { sha256, size } = await hashWheel(source, file, draft);
    return { fields: { sha256: sha256.hex, size } };
  },
  "npm-closure": (source, { lockOnce, draft }) => {
    const { npm = "" } = source;
    return lockOnce(source, npm, () => lockPackage(npm, draft));
  },
  "go-build": async ({ go = "" }, { draft }) => {
    return { fields: { sum: await lockGoModule(go, draft) } };
  },
  "go-module": async ({ go = "" }, { draft }) => {
    const { sha256, size } = await hashGoModule(go, draft);
    return { fields: { sha256: sha256.hex, size } };
  },
  archive: async (source, { draft, file }) =>
    hashed(source, await draft.http.hashDownload({ url: source.url ?? "", file, isPrivate: true })),
  "npm-package": async (source, { draft, file }) => {
    const found = await viewPackage(source.npm ?? "", draft);
    return hashed(source, await hashPackage(found, file, draft));
  },
};

/**
 * Creates the pins of a source from downloads. `text` is the recipe's, from which Debian's locks
 * are made. Throws a UserError if a download fails or a registry is inconsistent.
 */
export function openPinner(
  draft: DraftContext,
): (source: RecipeSource, text: string) => Promise<Pins> {
  const lockDebian = debLocker(draft);
  const locks = new Map<string, Promise<string>>();
  const lockOnce: PinContext["lockOnce"] = async ({ lock: name = "" }, from, make) => {
    const id = `${from} ${name}`;
    return { fields: {}, lock: { name, text: await onceFor(locks, id, make) } };
  };
  let count = 0;
  return async (source, text) => {
    count += 1;
    const file = join(draft.dir, `pin-${count}`);
    const kind = kindOfSource(source);
    const pinner = kind && pinners[kind];
    if (pinner) return await pinner(source, { draft, text, file, lockDebian, lockOnce });
    const message = `${source.go ?? "a source"} cannot be pinned by this command`;
    throw new UserError("E_LOCK_SOURCE", message, {
      hint: "Compute the sha256 of the module's zip by hand; recipe check --fetch compares it.",
    });
  };
}

async function hashWheel(
  { pypi = "", wheel = "" }: RecipeSource,
  file: string,
  draft: DraftContext,
) {
  const from = { http: draft.http, pip: await draft.pip() };
  const listed = await listFiles(splitPackage(pypi).name, from);
  const found = listed.find(({ name }) => name === wheel);
  if (found) return await fetchListed(found, from, file);
  throw new UserError("E_NOT_LISTED", `no Python index lists ${wheel}`);
}

function hashed(source: RecipeSource, { sha256, sha512, size }: HashedDownload): Pins {
  switch (digestField(source)) {
    case "sha256":
      return { fields: { sha256: sha256.hex, size } };
    case "sha512":
      return { fields: { sha512: sha512.hex, size } };
    case "integrity":
      return { fields: { integrity: formatIntegrity(sha512), size } };
  }
}

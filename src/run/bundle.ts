import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import {
  type Manifest,
  parseManifest,
  renderManifest,
  unverified,
  type VerifiedRecord,
} from "../core/manifest.ts";
import { readStoredCatalogue } from "../io/volume/catalogues.ts";
import { findManifest } from "../io/volume/manifest-file.ts";
import { readTreeRecord } from "../io/volume/store.ts";
import { contentsDigest } from "../io/volume/tree-list.ts";
import { type BundleEntry, type BundleFormat, writeBundle } from "../sources/bundle/pack.ts";
import { openBundle, readBundleManifest, unpackBundle } from "../sources/bundle/unpack.ts";
import type { SeedVolume } from "./apply-context.ts";

/** Packs a volume into one file: manifest and licences first, then every tree. */
export async function exportBundle(
  prefix: string,
  manifest: Manifest,
  file: string,
  signal: AbortSignal,
): Promise<{ sha256: string; size: number }> {
  const format = bundleFormat(file);
  const { previous: _, ...rest } = manifest; // those trees stay here
  const records = Object.values(manifest.tools).sort((a, b) => (a.tool < b.tool ? -1 : 1));
  // A tree's change times belong to this volume; an import verifies it again.
  const tools = Object.fromEntries(records.map((it) => [it.tool, { ...it, sealed: unverified }]));
  const entries: BundleEntry[] = [
    { kind: "text", path: layout.manifest, text: renderManifest({ ...rest, tools }) },
    { kind: "directory", path: layout.lib },
  ];
  const licences: string[] = [];
  for (const record of records) {
    const tree = await entriesOf(prefix, record);
    const path = layout.treesDir(record.tool);
    if (!entries.some((entry) => entry.path === path)) entries.push({ kind: "directory", path });
    entries.push(...tree);
    licences.push(describeLicence(record, tree));
  }
  entries.push(...catalogueEntries(prefix, manifest));
  entries.splice(1, 0, { kind: "text", path: "LICENCES.txt", text: licences.join("\n") });
  return await writeBundle(file, format, entries, signal);
}

/** Catalogues of `--catalogue`; one that is damaged is fetched again by who uses it. */
function catalogueEntries(prefix: string, manifest: Manifest): BundleEntry[] {
  const copies = Object.keys(manifest.catalogues ?? {}).flatMap(
    (spec) => readStoredCatalogue(prefix, manifest, spec) ?? [],
  );
  const texts = new Map(copies.map(({ record, text }) => [record.sha256, text]));
  if (texts.size === 0) return [];
  const dirs = ["share", layout.share, layout.catalogues];
  return [
    ...dirs.map((path) => ({ kind: "directory", path }) as const),
    ...[...texts].map(([sha256, text]) => {
      return { kind: "text", path: layout.catalogueFile(sha256), text } as const;
    }),
  ];
}

async function entriesOf(prefix: string, record: VerifiedRecord): Promise<BundleEntry[]> {
  const { dir } = record;
  const found = await readTreeRecord(prefix, dir);
  if (!found || contentsDigest(found.files) !== record.contents) {
    throw new UserError(
      "E_TREE_CHANGED",
      `${join(prefix, dir)} was changed after it was installed`,
      {
        hint: "No bundle was written. Run openclaw-install-skill-deps doctor --repair first.",
      },
    );
  }
  const files = Object.entries(found.files).map(([name, entry]): BundleEntry => {
    const path = `${dir}/${name}`;
    if (entry === "dir") return { kind: "directory", path };
    if (entry.startsWith("-> ")) return { kind: "link", path, target: entry.slice("-> ".length) };
    const [mode = "", sha256 = ""] = entry.split(" ");
    const from = join(prefix, path);
    return { kind: "file", path, from, mode: Number.parseInt(mode, 8), sha256 };
  });
  const text = `${JSON.stringify(found)}\n`;
  return [
    { kind: "directory", path: dir },
    { kind: "text", path: `${dir}/${layout.record}`, text },
    ...files,
  ];
}

/** The tool's licence, and the paths of its texts in the bundle. */
function describeLicence(record: VerifiedRecord, tree: readonly BundleEntry[]): string {
  const texts = tree.filter(
    ({ kind, path }) => kind === "file" && /\/(licen[cs]e|copying|notice)[^/]*$/i.test(path),
  );
  const { tool, version, license, source } = record;
  const lines = [`${tool} ${version}: ${license}`, `  from ${source.from} (${source.digest})`];
  return [...lines, ...texts.map(({ path }) => `  ${path}`), ""].join("\n");
}

/** From the file's name. Throws a UserError (`usage`) for an unknown one. */
function bundleFormat(file: string): BundleFormat {
  if (/\.(tar\.gz|tgz)$/.test(file)) return "tar.gz";
  if (/\.(tar\.zst|tzst)$/.test(file)) return "tar.zst";
  throw new UserError("E_INPUT", `${file}: a bundle's name ends in .tar.gz or .tar.zst`, {
    hint: "For example: openclaw-install-skill-deps bundle export volume.tar.zst",
  });
}

/** Another volume whose tools are imported unchanged. */
export interface OtherVolume extends SeedVolume {
  readonly manifest: Manifest;
  /** Of the file, if it is a bundle. */
  readonly sha256?: string;
}

/** The directory of another volume, or an unpacked bundle. */
export async function otherDirectory(dir: string): Promise<OtherVolume> {
  const manifest = usable(await findManifest(dir), dir);
  const { catalogues } = manifest;
  return { manifest, called: dir, open: async () => dir, keepsRecords: true, catalogues };
}

/**
 * A bundle: its digest is compared before anything else, and its manifest is read before anything
 * is unpacked. Throws `integrity`, or `volume` if a newer version wrote it.
 */
export async function otherBundle(
  file: string,
  sha256: string | undefined,
  signal: AbortSignal,
): Promise<OtherVolume> {
  const bundle = await openBundle(file, bundleFormat(file), signal);
  if (sha256 !== undefined && sha256 !== bundle.sha256) {
    throw new UserError(
      "E_BUNDLE_INVALID",
      `${file} has the sha256 ${bundle.sha256}, not ${sha256}`,
      {
        hint: "Nothing was imported from it. Copy or export it again.",
      },
    );
  }
  const text = await readBundleManifest(bundle);
  const manifest = usable(parseManifest(text, `${file}'s manifest.json`), file);
  const open: OtherVolume["open"] = async (workDir) => {
    const dir = await workDir();
    await unpackBundle(bundle, text, dir, signal);
    return dir;
  };
  const { sha256: found } = bundle;
  const { catalogues } = manifest;
  const how = { open, moves: true, keepsRecords: true, catalogues };
  return { manifest, called: file, ...how, sha256: found };
}

function usable(found: Awaited<ReturnType<typeof findManifest>>, where: string): Manifest {
  if (found && !("why" in found)) return found;
  const message = found?.message ?? `${where} has no manifest.json`;
  if (found?.why === "newer") {
    throw new UserError("E_MANIFEST_NEWER", message, {
      hint: "Import it with the newer openclaw-install-skill-deps that made it. Nothing was changed.",
    });
  }
  throw new UserError("E_BUNDLE_INVALID", message, {
    hint: "It is neither a bundle nor a volume. Nothing was changed.",
  });
}

import * as z from "zod";
import { UserError } from "./errors.ts";
import { layout } from "./layout.ts";
import { isBinName, isRelativePath, isToolName, isVersion } from "./names.ts";

/** The version of the manifest's form. A newer one is never touched. */
const manifestSchema = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const relativePath = z.string().refine(isRelativePath, "a plain relative path");

const installedBin = z.strictObject({
  /** The program itself, relative to the volume: what the link points to or the launcher starts. */
  path: relativePath,
  /** Bytes of the program. */
  size: z.int().min(0),
  /** Tool of this volume whose program of the same name runs it (`node`); absent: it runs itself. */
  runtime: z.string().refine(isToolName).optional(),
});

const installedRecord = z.strictObject({
  tool: z.string().refine(isToolName),
  version: z.string().refine(isVersion),
  /** First 12 hexadecimal digits of what identifies the installation: see `installationKey`. */
  key: z.string().regex(/^[0-9a-f]{12}$/),
  /** The tree, relative to the volume. */
  dir: relativePath,
  source: z.strictObject({
    kind: z.string(),
    /** URL, or NAME@VERSION of a registry. */
    from: z.string(),
    /** `sha256:…` or `sha512:…` of the download; of the lock for a closure. */
    digest: z.string(),
    /** Bytes downloaded. */
    size: z.int().min(0),
  }),
  bins: z.record(z.string().refine(isBinName), installedBin),
  needs: z.array(z.string().refine(isToolName)),
  license: z.string(),
  /** The recipe's file, or `bundled`. */
  recipe: z.string(),
  /** RFC 3339, UTC. */
  installedAt: z.string(),
});

const selectedSkill = z.strictObject({
  name: z.string(),
  /** Of the SKILL.md's bytes. */
  sha256,
  bins: z.array(z.string().refine(isBinName)),
  anyBins: z.array(z.string().refine(isBinName)),
});

const manifest = z.strictObject({
  schema: z.literal(manifestSchema),
  /** Such as `linux-x64-glibc`: the one platform this volume serves. */
  platform: z.string(),
  tools: z.record(z.string().refine(isToolName), installedRecord),
  /** What the last run that saw skills selected, for places that see none. */
  skills: z.array(selectedSkill),
});

export type InstalledBin = z.infer<typeof installedBin>;
export type InstalledRecord = z.infer<typeof installedRecord>;
export type SelectedSkill = z.infer<typeof selectedSkill>;
export type Manifest = z.infer<typeof manifest>;

export function emptyManifest(platform: string): Manifest {
  return { schema: manifestSchema, platform, tools: {}, skills: [] };
}

/**
 * Reads a manifest's text. Throws a UserError (`volume`) that says what is wrong with it where it is
 * truncated, foreign or of a newer schema; the caller never overwrites such a file.
 */
export function parseManifest(text: string, file: string): Manifest {
  const refuse = (why: string): never => {
    throw new UserError("volume", `${file} ${why}`, {
      hint: `Nothing was changed. Move it aside (mv ${file} ${file}.bad) and run again; programs whose trees are intact are taken up without a download.`,
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse("is not JSON: it was cut short or written by something else");
  }
  const schema = (json as { schema?: unknown } | null)?.schema;
  if (typeof schema === "number" && schema > manifestSchema) {
    throw new UserError(
      "volume",
      `${file} has schema ${schema}; this version knows up to ${manifestSchema}`,
      { hint: "Use the newer openclaw-install-skill-deps that wrote this volume." },
    );
  }
  const parsed = manifest.safeParse(json);
  if (parsed.success) {
    checkRecords(parsed.data, refuse);
    return parsed.data;
  }
  const wrong = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join(".") || "the document"}: ${issue.message}`);
  return refuse(`is not a manifest of ours (${wrong.join("; ")})`);
}

/** Reads the record that lies in a tree; undefined where it is not one. */
export function parseRecord(text: string): InstalledRecord | undefined {
  try {
    return installedRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Two-space JSON with a final newline; tools and bins in order of name, so that it diffs well. */
export function renderManifest(manifest: Manifest): string {
  const tools = Object.fromEntries(
    Object.entries(manifest.tools).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return `${JSON.stringify({ ...manifest, tools }, null, 2)}\n`;
}

function checkRecords(manifest: Manifest, refuse: (why: string) => never): void {
  for (const [tool, record] of Object.entries(manifest.tools)) {
    const inside = `${layout.treeDir(record.tool, record.version, record.key)}`;
    const fits = record.dir === inside || record.dir.startsWith(`${inside}.`);
    if (record.tool !== tool || !fits) refuse(`names ${record.dir} as the tree of ${tool}`);
    for (const [bin, { path }] of Object.entries(record.bins)) {
      if (!path.startsWith(`${record.dir}/`)) refuse(`points ${bin} outside its tree: ${path}`);
    }
  }
}

import * as v from "@badrap/valita";
import { commandName, layout } from "./layout.ts";
import { isBinName, isRelativePath, isToolName, isVersion } from "./names.ts";
import { orNothing } from "./or-nothing.ts";
import { count, integer, keepingUnknown, matching, named, text } from "./record-fields.ts";

/** The version of the manifest's format; grows if a field changes its meaning. A newer manifest is never changed. */
const manifestSchema = 1;

const sha256 = matching(/^[0-9a-f]{64}$/);
const relativePath = text(isRelativePath, "is not a plain relative path");
const toolName = text(isToolName, "is not the name of a tool");
const binName = text(isBinName, "is not the name of a program");
const version = text(isVersion, "is not a version");

const installedBin = v.object({
  /** The program itself, relative to the volume: the target of the link or launcher. */
  path: relativePath,
  /** Bytes of the program. */
  size: count,
  /**
   * The tool of this volume that runs it, by its program of the same name (`node`); absent: it runs
   * by itself.
   */
  runtime: toolName.optional(),
  /** The program that really runs, if `path` is a launcher in the tree. */
  program: v.object({ path: relativePath, size: count }).optional(),
});

const installedRecord = v.object({
  tool: toolName,
  version: version,
  /** First 12 hexadecimal digits of the installation's identity: see `installationKey`. */
  key: matching(/^[0-9a-f]{12}$/),
  /** The tree, relative to the volume. */
  dir: relativePath,
  source: v.object({
    kind: v.string(),
    /** URL, or NAME@VERSION of a registry. */
    from: v.string(),
    /** `sha256:…` or `sha512:…` of the download; for a closure, of the lock. */
    digest: v.string(),
    /** Bytes downloaded. */
    size: count,
    /** The seed that this tree was copied from; absent: it was downloaded. */
    seed: v.string().optional(),
    /** The Python version that a program's packages were chosen for: `3.12`. */
    python: v.string().optional(),
  }),
  bins: named(isBinName, installedBin),
  needs: v.array(toolName),
  license: v.string(),
  /** The recipe's file, or `bundled`. */
  recipe: v.string(),
  /** RFC 3339, UTC. */
  installedAt: v.string(),
  /** sha256 of the list of the tree's files and their digests; the list is stored in the tree. */
  contents: sha256,
  /** Present for a library set, which has no programs. */
  libraries: v
    .object({
      /** Of the dependency files: scripts find the tree by it. */
      digest: sha256,
      /** The packages that the files name. */
      names: v.array(v.string()),
    })
    .optional(),
});

/** For a tree that must be hashed before it is trusted. */
export const unverified = "0";

const verifiedRecord = installedRecord.extend({
  /**
   * The hash of all timestamps of the tree when it was last verified, as 32 hexadecimal digits; or
   * `unverified`. Earlier versions wrote a number here that never matches.
   */
  sealed: matching(/^[0-9a-f]{1,32}$/),
});

/**
 * The contents of a tree: path to `dir`, `-> TARGET` or `MODE SHA256`, sorted by path. MODE is 755
 * for executables, else 644, whoever may write. The record in the tree's root is left out, because
 * it holds this list.
 */
export type TreeList = Readonly<Record<string, string>>;

/** The record in a tree: the installation, and every file's mode and digest. */
const treeRecord = v.object({
  record: installedRecord,
  files: v.record(v.string()),
});

const selectedSkill = v.object({
  name: v.string(),
  /** Of the SKILL.md's bytes. */
  sha256,
  bins: v.array(binName),
  anyBins: v.array(binName),
  /** The library sets of its dependency files; absent: none. */
  libraries: v.array(toolName).optional(),
});

const fallback = v.object({
  /** The installed version. */
  version: version,
  /** The version that was wanted. */
  wanted: version,
  /** Why the wanted version could not be installed. */
  reason: v.string(),
  /** The time of the last attempt: RFC 3339, UTC. */
  at: v.string(),
});

const storedCatalogue = v.object({
  /** Names its file: see `layout.catalogueFile`. */
  sha256,
  /** The version of the command that compiled it. */
  version: v.string(),
  /** The public key of minisign that signed it. */
  key: v.string().optional(),
  /** When it was signed: seconds since 1970. */
  signedAt: integer.optional(),
  /** When it was stored: RFC 3339, UTC. */
  at: v.string(),
});

const manifest = v.object({
  schema: v.literal(manifestSchema),
  /** The platform that this volume serves, such as `linux-x64-glibc`. */
  platform: v.string(),
  tools: named(isToolName, verifiedRecord),
  /** The skills that the last run selected, for hosts that see none. */
  skills: v.array(selectedSkill),
  /**
   * Tools that were requested by name, including those that are not installed yet; absent if not
   * known: see `requestedTools`.
   */
  requested: v.array(toolName).optional(),
  /**
   * By tool: an older version is installed, because the recipe's preferred source could not be
   * fetched.
   */
  fallbacks: named(isToolName, fallback).optional(),
  /** By tool: the replaced installation, for `rollback`; its tree is kept until `gc`. */
  previous: named(isToolName, verifiedRecord).optional(),
  /** The catalogues of `--catalogue`, by their specs. */
  catalogues: v.record(storedCatalogue).optional(),
  /** The spec of the catalogue that the last run used; absent: the bundled one. */
  catalogue: v.string().optional(),
  /** By spec, when the newest signed catalogue was signed that was ever stored: an older one is refused. */
  catalogueTimes: v.record(integer).optional(),
  /** Tools that stay at their version. */
  held: v.array(toolName).optional(),
});

export type InstalledBin = v.Infer<typeof installedBin>;
/** An installation when it is published. */
export type InstalledRecord = v.Infer<typeof installedRecord>;
/** An installation in the manifest. */
export type VerifiedRecord = v.Infer<typeof verifiedRecord>;
export type TreeRecord = v.Infer<typeof treeRecord>;
/** A skill, or an MCP server, whose name then begins with `serverLabel`. */
export type SelectedSkill = v.Infer<typeof selectedSkill>;
export type Fallback = v.Infer<typeof fallback>;
export type StoredCatalogue = v.Infer<typeof storedCatalogue>;
export type Manifest = v.Infer<typeof manifest>;

/** Earlier versions know only skills, so that the programs of MCP servers are listed like theirs. */
export const serverLabel = "MCP server ";

export function emptyManifest(platform: string): Manifest {
  return { schema: manifestSchema, platform, tools: {}, skills: [], requested: [] };
}

/** The number of installed tools, without the command itself, which no skill needs. */
export function countTools({ tools }: Pick<Manifest, "tools">): number {
  return Object.keys(tools).filter((tool) => tool !== commandName).length;
}

/**
 * The fallback that is installed of a tool; undefined if its installed version is the wanted one.
 */
export function fallbackOf({ tools, fallbacks }: Manifest, tool: string): Fallback | undefined {
  const found = fallbacks?.[tool];
  return found?.version === tools[tool]?.version ? found : undefined;
}

/** True if a tool must stay at its version. */
export function isHeld({ held }: Manifest, tool: string): boolean {
  return held?.includes(tool) === true;
}

/** Why a manifest cannot be used: it is not one, it was truncated, or a newer version wrote it. */
export type ManifestProblem = { readonly why: "broken" | "newer"; readonly message: string };

/** Reads a manifest's text. `file` is used only in messages. */
export function parseManifest(text: string, file: string): Manifest | ManifestProblem {
  const broken = (what: string): ManifestProblem => ({ why: "broken", message: `${file} ${what}` });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return broken("is not JSON: it was truncated, or another program wrote it");
  }
  const schema = (json as { schema?: unknown } | null)?.schema;
  if (typeof schema === "number" && schema > manifestSchema) {
    const message = `${file} has schema ${schema}; this version knows up to ${manifestSchema}`;
    return { why: "newer", message };
  }
  const parsed = manifest.try(json, keepingUnknown);
  if (!parsed.ok) return broken(`is not a manifest of this package (${parsed.message})`);
  const wrong = recordProblem(parsed.value);
  return wrong === undefined ? parsed.value : broken(wrong);
}

/** Parses the record in a tree; undefined if it is not valid. */
export function parseTreeRecord(text: string): TreeRecord | undefined {
  return orNothing(() => treeRecord.parse(JSON.parse(text), keepingUnknown));
}

/** Two-space JSON with a final newline; tools and bins sorted by name, so that diffs are small. */
export function renderManifest(manifest: Manifest): string {
  const tools = Object.fromEntries(
    Object.entries(manifest.tools).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return `${JSON.stringify({ ...manifest, tools }, null, 2)}\n`;
}

function recordProblem({ tools, previous = {} }: Manifest): string | undefined {
  for (const [tool, record] of [...Object.entries(tools), ...Object.entries(previous)]) {
    if (record.tool !== tool || !isConsistent(record)) {
      return `names ${record.dir} and its programs as the tree of ${tool}`;
    }
  }
  return undefined;
}

/** True if a record's paths are inside its own tree. */
export function isConsistent(record: InstalledRecord): boolean {
  const base = layout.treeDir(record.tool, record.version, record.key);
  const fits = record.dir === base || /^\.\d+$/.test(record.dir.slice(base.length));
  const paths = Object.values(record.bins).flatMap(({ path, program }) =>
    program ? [path, program.path] : [path],
  );
  return (
    fits && record.dir.startsWith(base) && paths.every((path) => path.startsWith(`${record.dir}/`))
  );
}

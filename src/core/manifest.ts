import * as z from "zod/mini"; // zod/mini, because the classic one adds 15 ms to every start
import { commandName, layout } from "./layout.ts";
import { isBinName, isRelativePath, isToolName, isVersion } from "./names.ts";

/** The version of the manifest's format. A newer manifest is never changed. */
const manifestSchema = 1;

const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const relativePath = z.string().check(z.refine(isRelativePath, "a plain relative path"));

const installedBin = z.strictObject({
  /** The program itself, relative to the volume: the target of the link or launcher. */
  path: relativePath,
  /** Bytes of the program. */
  size: z.int().check(z.minimum(0)),
  /**
   * The tool of this volume that runs it, by its program of the same name (`node`); absent: it runs
   * by itself.
   */
  runtime: z.optional(z.string().check(z.refine(isToolName))),
  /** The program that really runs, if `path` is a launcher in the tree. */
  program: z.optional(z.strictObject({ path: relativePath, size: z.int().check(z.minimum(0)) })),
});

const installedRecord = z.strictObject({
  tool: z.string().check(z.refine(isToolName)),
  version: z.string().check(z.refine(isVersion)),
  /** First 12 hexadecimal digits of the installation's identity: see `installationKey`. */
  key: z.string().check(z.regex(/^[0-9a-f]{12}$/)),
  /** The tree, relative to the volume. */
  dir: relativePath,
  source: z.strictObject({
    kind: z.string(),
    /** URL, or NAME@VERSION of a registry. */
    from: z.string(),
    /** `sha256:…` or `sha512:…` of the download; for a closure, of the lock. */
    digest: z.string(),
    /** Bytes downloaded. */
    size: z.int().check(z.minimum(0)),
    /** The seed that this tree was copied from; absent: it was downloaded. */
    seed: z.optional(z.string()),
    /** The Python version that a program's packages were chosen for: `3.12`. */
    python: z.optional(z.string()),
  }),
  bins: z.record(z.string().check(z.refine(isBinName)), installedBin),
  needs: z.array(z.string().check(z.refine(isToolName))),
  license: z.string(),
  /** The recipe's file, or `bundled`. */
  recipe: z.string(),
  /** RFC 3339, UTC. */
  installedAt: z.string(),
  /** sha256 of the list of the tree's files and their digests; the list is stored in the tree. */
  contents: sha256,
  /** Present for a library set, which has no programs. */
  libraries: z.optional(
    z.strictObject({
      /** Of the dependency files: scripts find the tree by it. */
      digest: sha256,
      /** The packages that the files name. */
      names: z.array(z.string()),
    }),
  ),
});

/** For a tree that must be hashed before it is trusted. */
export const unverified = "0";

const verifiedRecord = z.extend(installedRecord, {
  /**
   * The hash of all timestamps of the tree when it was last verified, as 32 hexadecimal digits; or
   * `unverified`. Earlier versions wrote a number here that never matches.
   */
  sealed: z.string().check(z.regex(/^[0-9a-f]{1,32}$/)),
});

/** The record in a tree: the installation, and every file's mode and digest. */
const treeRecord = z.strictObject({
  record: installedRecord,
  files: z.record(z.string(), z.string()),
});

const selectedSkill = z.strictObject({
  name: z.string(),
  /** Of the SKILL.md's bytes. */
  sha256,
  bins: z.array(z.string().check(z.refine(isBinName))),
  anyBins: z.array(z.string().check(z.refine(isBinName))),
  /** The library sets of its dependency files; absent: none. */
  libraries: z.optional(z.array(z.string().check(z.refine(isToolName)))),
});

const fallback = z.strictObject({
  /** The installed version. */
  version: z.string().check(z.refine(isVersion)),
  /** The version that was wanted. */
  wanted: z.string().check(z.refine(isVersion)),
  /** Why the wanted version could not be installed. */
  reason: z.string(),
  /** The time of the last attempt: RFC 3339, UTC. */
  at: z.string(),
});

const storedCatalogue = z.looseObject({
  /** Names its file: see `layout.catalogueFile`. */
  sha256,
  /** The version of the command that compiled it. */
  version: z.string(),
  /** The public key of minisign that signed it. */
  key: z.optional(z.string()),
  /** When it was signed: seconds since 1970. */
  signedAt: z.optional(z.int()),
  /** When it was stored: RFC 3339, UTC. */
  at: z.string(),
});

const manifest = z.strictObject({
  schema: z.literal(manifestSchema),
  /** The platform that this volume serves, such as `linux-x64-glibc`. */
  platform: z.string(),
  tools: z.record(z.string().check(z.refine(isToolName)), verifiedRecord),
  /** The skills that the last run selected, for hosts that see none. */
  skills: z.array(selectedSkill),
  /**
   * Tools that were requested by name, including those that are not installed yet; absent if not
   * known: see `requestedTools`.
   */
  requested: z.optional(z.array(z.string().check(z.refine(isToolName)))),
  /**
   * By tool: an older version is installed, because the recipe's preferred source could not be
   * fetched.
   */
  fallbacks: z.optional(z.record(z.string().check(z.refine(isToolName)), fallback)),
  /** By tool: the replaced installation, for `rollback`; its tree is kept until `gc`. */
  previous: z.optional(z.record(z.string().check(z.refine(isToolName)), verifiedRecord)),
  /** The catalogues of `--catalogue`, by their specs. */
  catalogues: z.optional(z.record(z.string(), storedCatalogue)),
  /** The spec of the catalogue that the last run used; absent: the bundled one. */
  catalogue: z.optional(z.string()),
  /** By spec, when the newest signed catalogue was signed that was ever stored: an older one is refused. */
  catalogueTimes: z.optional(z.record(z.string(), z.int())),
  /** Tools that stay at their version. */
  held: z.optional(z.array(z.string().check(z.refine(isToolName)))),
});

/**
 * Fields that a later version adds are kept unchanged; if a field changes its meaning, the schema's
 * number grows.
 */
const anyManifest = z.looseObject(manifest.shape);

export type InstalledBin = z.infer<typeof installedBin>;
/** An installation when it is published. */
export type InstalledRecord = z.infer<typeof installedRecord>;
/** An installation in the manifest. */
export type VerifiedRecord = z.infer<typeof verifiedRecord>;
export type TreeRecord = z.infer<typeof treeRecord>;
/** A skill, or an MCP server, whose name then begins with `serverLabel`. */
export type SelectedSkill = z.infer<typeof selectedSkill>;
export type Fallback = z.infer<typeof fallback>;
export type StoredCatalogue = z.infer<typeof storedCatalogue>;
export type Manifest = z.infer<typeof manifest>;

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
  const parsed = anyManifest.safeParse(json);
  if (!parsed.success) {
    const wrong = parsed.error.issues
      .slice(0, 5)
      .map((issue) => `${issue.path.join(".") || "the document"}: ${issue.message}`);
    return broken(`is not a manifest of this package (${wrong.join("; ")})`);
  }
  const wrong = recordProblem(parsed.data);
  return wrong === undefined ? parsed.data : broken(wrong);
}

/** Parses the record in a tree; undefined if it is not valid. */
export function parseTreeRecord(text: string): TreeRecord | undefined {
  try {
    return treeRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
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

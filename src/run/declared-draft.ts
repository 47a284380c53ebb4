import { pinnedParts } from "../author/draft.ts";
import { draftClosure } from "../author/draft-npm.ts";
import { resolveGo } from "../author/lock-go.ts";
import { resolveNodeLibraries } from "../author/node-libraries.ts";
import { viewPackage } from "../author/npm-command.ts";
import { resolvePythonLibraries } from "../author/python-libraries.ts";
import { resolvePython } from "../author/python-resolve.ts";
import type { Draft } from "../author/recipe-text.ts";
import { readReleaseName } from "../author/release-name.ts";
import { inspectRelease, keyOfRelease } from "../author/release-program.ts";
import { UserError } from "../core/errors.ts";
import type { InstallSpec } from "../core/installspec.ts";
import type { DraftedLock } from "../core/libraries/recorded.ts";
import type { LibrarySet } from "../core/library-set.ts";
import type { Platform } from "../core/platform.ts";
import type { ArchiveFormat, DeclaredArtifact } from "../core/recipe.ts";
import { formatOfUrl, splitPackage } from "../core/recipes/rules.ts";
import type { RecipeDocument } from "../core/recipes/schema.ts";
import { indexesFor } from "../sources/python/indexes.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext } from "./apply-context.ts";

export interface DeclaredContext {
  readonly tool: string;
  /** Programs that it must have. */
  readonly bins: readonly string[];
  readonly context: ApplyContext;
  readonly toolchains: Toolchains;
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
}

/** OpenClaw's own limit for a download (bytes). */
const maxDownload = 256 * 1024 * 1024;

/**
 * The recipe of a skill's declaration, resolved from registries and servers now. No shell
 * interprets a skill's text: names and URLs are arguments, and are rejected beforehand by
 * OpenClaw's own rules.
 */
export async function draftDeclared(
  artifact: DeclaredArtifact,
  context: DeclaredContext,
): Promise<Draft> {
  const drafter = drafters[artifact.spec.kind];
  if (!drafter) throw new Error(`${artifact.spec.kind} was not rejected`);
  return await drafter(artifact, context);
}

type Drafter = (artifact: DeclaredArtifact, context: DeclaredContext) => Promise<Draft>;

const drafters: Readonly<Partial<Record<InstallSpec["kind"], Drafter>>> = {
  node: draftNode,
  go: draftGo,
  uv: draftPython,
  download: draftDownload,
};

/** The recipe fields that a skill does not declare. */
function about({ by, from }: DeclaredArtifact, { tool, bins }: DeclaredContext) {
  return {
    name: tool,
    description: `Declared by the skill ${by.replace(/\s+/g, " ")}`,
    homepage: "https://declared.invalid",
    license: "unknown",
    provenance: `${from}, pinned at its first use`.replace(/\s+/g, " "),
    test: [bins[0] ?? "", "--version"],
  };
}

/**
 * npm resolves the dependencies, as in OpenClaw itself, whose images have npm; our own resolution
 * could differ. The result is then installed without npm, now and later.
 */
async function draftNode(artifact: DeclaredArtifact, given: DeclaredContext): Promise<Draft> {
  const { dir, bins, tool, context } = given;
  const { emit, signal } = context;
  const { env, offline } = context.toolchains;
  const npm = { env, offline, dir, signal, emit };
  const found = await viewPackage(artifact.spec.package ?? "", npm);
  const { document, locks } = await draftClosure(found, tool, { bins }, npm);
  return { document: { ...document, ...about(artifact, given) }, locks };
}

async function draftGo(artifact: DeclaredArtifact, given: DeclaredContext): Promise<Draft> {
  const { context, toolchains, dir } = given;
  const { platform, signal } = context;
  const source = await resolveGo(artifact.spec.module ?? "", { dir, platform, signal }, toolchains);
  const [bin = "", ...others] = given.bins;
  if (others.length > 0) throw new UserError("E_DECLARED", "a Go package is a single program");
  const document: RecipeDocument = {
    ...about(artifact, given),
    version: splitPackage(source.go ?? "").version.replace(/^v/, ""),
    bins: { [bin]: `bin/${bin}` },
    artifacts: { any: source },
  };
  return { document, locks: {} };
}

async function draftPython(artifact: DeclaredArtifact, given: DeclaredContext): Promise<Draft> {
  const { context, toolchains, dir, tool, bins } = given;
  if (!context.runsHere) {
    throw new UserError(
      "E_DECLARED",
      `the packages of ${artifact.from} depend on the Python that will run it`,
      {
        hint: "Install it on a machine of that platform.",
      },
    );
  }
  const { platform } = context;
  const requirement = artifact.spec.package ?? "";
  const { name, version, lock } = await resolvePython(requirement, { dir, platform }, toolchains);
  const file = `${tool}.pypi.lock.json`;
  const document: RecipeDocument = {
    ...about(artifact, given),
    version,
    bins: Object.fromEntries(bins.map((bin) => [bin, `bin/${bin}`])),
    needs: ["python3"],
    artifacts: { any: { pypi: `${name}@${version}`, lock: file } },
  };
  return { document, locks: { [file]: lock } };
}

async function draftDownload(artifact: DeclaredArtifact, context: DeclaredContext): Promise<Draft> {
  const { url = "", sha256, stripComponents } = artifact.spec;
  const { http, signal } = context.context;
  const format = formatOf(artifact);
  const strip =
    stripComponents !== undefined && stripComponents > 0 ? { strip: stripComponents } : {};
  const { bins, tool, dir } = context;
  const limit = maxDownload;
  const release = await inspectRelease({
    http,
    url,
    format,
    bins,
    name: tool,
    dir,
    limit,
    signal,
    ...strip,
  });
  if (sha256 !== undefined && release.sha256.hex !== sha256) {
    const message = `${url}: the skill says sha256:${sha256}, got sha256:${release.sha256.hex}`;
    throw new UserError("E_DIGEST_MISMATCH", message);
  }
  const named = readReleaseName(url);
  const key = keyOfRelease(release, named.arch);
  const wrapped = release.strip > 0 ? { strip: release.strip } : {};
  const asked = formatOfUrl(url) === format ? {} : { format };
  const pins = { sha256: release.sha256.hex, size: release.size };
  const parts = pinnedParts([{ key, release, source: { url, ...pins, ...asked, ...wrapped } }]);
  const version = named.version ?? release.sha256.hex.slice(0, 12);
  const document: RecipeDocument = { ...parts, ...about(artifact, context), version };
  return { document, locks: {} };
}

/** As in OpenClaw: what the spec says, else the file's name; `extract: false` means a program. */
function formatOf({ spec: { archive, url = "", extract } }: DeclaredArtifact): ArchiveFormat {
  if (extract === false) return "raw";
  const known = (["tar.gz", "tar.bz2", "zip"] as const).find((format) => format === archive);
  const format = known ?? formatOfUrl(url);
  if (format !== undefined) return format;
  throw new UserError("E_DECLARED", `${url} has an archive format that cannot be unpacked`);
}

/** Another platform's Python may run here, by emulation. */
function rethrowForeign({ os, arch }: Platform): (error: unknown) => never {
  return (error) => {
    const isPip = error instanceof UserError && error.problem === "E_WHEELS_UNRESOLVED";
    if (!isPip) throw error;
    const message = `the packages are pinned by the Python of ${os}-${arch}, which does not run here`;
    const hint =
      "Pin them on such a machine, and give this one its declared.json: --declared FILE.";
    throw new UserError("E_DECLARED", message, { cause: error, hint });
  };
}

interface SetContext {
  readonly context: Pick<
    ApplyContext,
    "platform" | "runsHere" | "http" | "emit" | "signal" | "toolchains"
  >;
  readonly toolchains: Toolchains;
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
  /** The skill that declares it. */
  readonly by: string;
}

/** The lock of a library set, resolved from the machine's own indexes now. */
export async function draftLibraries(
  set: LibrarySet,
  { context, toolchains, dir, by }: SetContext,
): Promise<DraftedLock> {
  const { platform, http, emit, signal } = context;
  const common = { dir, platform, emit, signal };
  if (set.language === "python") {
    const resolving = resolvePythonLibraries(set, { ...common, http, toolchains });
    const lock = await (context.runsHere ? resolving : resolving.catch(rethrowForeign(platform)));
    const { defaultIndex: index } = await indexesFor(http, await toolchains.python(), toolchains);
    return { lock, ...(index && { index }) };
  }
  const { env, offline } = context.toolchains;
  return { lock: await resolveNodeLibraries(set, { ...common, env, offline, by }) };
}

import { basename } from "node:path/posix";
import { formatIntegrity, parseIntegrity } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { tolerate } from "../io/files.ts";
import type { HashedDownload } from "../net/download.ts";
import { fromRegistry, type TarballAddress } from "../sources/npm/registry.ts";
import { chooseBins, type DraftWish, type PinnedSource, pinnedParts, toolName } from "./draft.ts";
import type { DraftContext } from "./draft-context.ts";
import { lockPackage, type NpmContext, type PublishedVersion, viewPackage } from "./npm-command.ts";
import { type Draft, describeTool, versionTest } from "./recipe-text.ts";
import { inspectRelease, keyOfRelease, workDirIn } from "./release-program.ts";

/**
 * The draft of a recipe from NAME, NAME@VERSION or NAME@TAG of the registry: for a package of one
 * platform its tarball (with that of the other architecture, if it is published); for any other a
 * JavaScript program with the lock of its dependencies.
 */
export async function draftFromNpm(
  spec: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  if (!ofRegistry.test(spec)) {
    throw new UserError("E_DRAFT_SOURCE", `npm:${spec} is not a package of a registry`, {
      hint: "Give npm:NAME, npm:@SCOPE/NAME, or one of these with @VERSION.",
    });
  }
  const found = await viewPackage(spec, context);
  const tool = toolName(wish, toolOf(found.name), spec);
  const isProgram = found.bin === undefined && isForPlatform(found);
  return isProgram || (isForPlatform(found) && found.cpu?.length === 1)
    ? await draftPlatform(found, tool, wish, context)
    : await draftClosure(found, tool, wish, context);
}

/** npm also takes directories, archives, repositories and other names of a package, none of which is pinned. */
const ofRegistry = /^(@[\w.~-]+\/)?[\w~-][\w.~-]*(@[^/:]+)?$/;

function isForPlatform({ os, cpu }: PublishedVersion): boolean {
  return os?.includes("linux") === true && (cpu?.length ?? 0) > 0;
}

/** `claude-code` of `@anthropic-ai/claude-code-linux-x64`. */
function toolOf(name: string): string {
  return basename(name)
    .replace(/-linux.*$/, "")
    .replace(/^cli$/, name.slice(1).split("/")[0] ?? "");
}

async function draftPlatform(
  found: PublishedVersion,
  tool: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  const others = await otherArch(found, context);
  const pinned: PinnedSource[] = [];
  for (const [i, one] of [found, ...others].entries()) {
    const dir = await workDirIn(context.dir, `package-${i}`);
    const release = await fromTarball(one, context, (address) =>
      inspectRelease({
        ...{ http: context.http, ...address, format: "npm", strip: 1, name: tool },
        bins: wish.bins,
        dir,
      }),
    );
    refuseOther(one, release);
    const integrity = formatIntegrity(release.sha512);
    const source = { npm: `${one.name}@${one.version}`, integrity, size: release.size };
    const named = one.cpu?.includes("arm64") ? "arm64" : "x64";
    pinned.push({ key: keyOfRelease(release, named), release, source });
  }
  const provenance =
    "sha512 computed from the tarballs that the npm registry serves; equal to the registry's own integrity";
  const version = found.version.replace(/-(linux|darwin|win32).*$/, "");
  const about = { name: tool, ...aboutOf(found), version, provenance };
  return { document: { ...about, ...pinnedParts(pinned) }, locks: {} };
}

/** The same for the other architecture, whose name is in the package's name or in its version. */
async function otherArch(
  found: PublishedVersion,
  context: NpmContext,
): Promise<PublishedVersion[]> {
  const swap = (text: string): string =>
    text.replace(/x64|arm64/, (arch) => (arch === "x64" ? "arm64" : "x64"));
  const [name, version] = [swap(found.name), swap(found.version)];
  if (name === found.name && version === found.version) return [];
  const other = await tolerate(viewPackage(`${name}@${version}`, context));
  return other ? [other] : [];
}

/** A package's tarball, with the digest that the registry states. */
export async function hashPackage(
  found: PublishedVersion,
  file: string,
  context: DraftContext,
): Promise<HashedDownload> {
  const hashed = await fromTarball(found, context, (address) =>
    context.http.hashDownload({ ...address, file }),
  );
  refuseOther(found, hashed);
  return hashed;
}

async function fromTarball<T>(
  found: PublishedVersion,
  { http, npm }: DraftContext,
  fetch: (address: TarballAddress) => Promise<T>,
): Promise<T> {
  return await fromRegistry(found, { http, npm: await npm() }, fetch);
}

function refuseOther(
  { name, version, dist }: PublishedVersion,
  { sha512 }: Pick<HashedDownload, "sha512">,
): void {
  const promised = parseIntegrity(dist?.integrity ?? "");
  if (promised?.algorithm !== "sha512" || promised.hex === sha512.hex) return;
  const got = formatIntegrity(sha512);
  const message = `${name}@${version}: the registry states ${dist?.integrity}, got ${got}`;
  throw new UserError("E_DIGEST_MISMATCH", message, {
    hint: "The registry or a proxy serves another file.",
  });
}

/** The draft of a JavaScript program with the lock of its dependencies. */
export async function draftClosure(
  found: PublishedVersion,
  tool: string,
  { bins: wanted }: Pick<DraftWish, "bins">,
  context: NpmContext & Pick<DraftContext, "emit">,
): Promise<Draft> {
  const bins = binsOf(found, wanted);
  const lock = `${tool}.lock.json`;
  if (["preinstall", "install", "postinstall"].some((each) => found.scripts?.[each])) {
    const message = `${found.name} has an install script, which is never run: check whether it works without it`;
    context.emit({ type: "warning", problem: "E_RECIPE_ADVICE", message });
  }
  return {
    document: {
      name: tool,
      ...aboutOf(found),
      version: found.version,
      provenance:
        "integrity of every package as the npm registry gives it; all tarballs fetched and checked once",
      bins,
      test: versionTest(bins),
      needs: ["node"],
      artifacts: { any: { npm: `${found.name}@${found.version}`, lock } },
    },
    locks: { [lock]: await lockPackage(`${found.name}@${found.version}`, context) },
  };
}

function aboutOf({ description, homepage, repository, license }: PublishedVersion) {
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  const { url = repository } = (repository ?? {}) as { url?: unknown };
  return describeTool({
    description: text(description),
    homepage: text(homepage) ?? text(url),
    license: text(license),
  });
}

/** The programs of a package, by name, below `node_modules`. */
function binsOf({ name, bin, version }: PublishedVersion, wanted: readonly string[]) {
  const all = typeof bin === "string" ? { [basename(name)]: bin } : (bin ?? {});
  const texts = Object.entries(all).filter(([, path]) => typeof path === "string");
  const placed = texts.map(([program, path]) => [
    program,
    `node_modules/${name}/${path.replace(/^(\.?\/)+/, "")}`,
  ]);
  const hint = "The package with a program for one platform is often called NAME-linux-x64.";
  return chooseBins(Object.fromEntries(placed), wanted, `${name}@${version}`, hint);
}

import { join } from "node:path";
import pLimit from "p-limit";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import { selectPackages } from "../../core/locks/npm-lock.ts";
import type { LockedPackage, NpmClosureArtifact } from "../../core/recipe.ts";
import { rm } from "../../io/disk.ts";
import type { NpmConfig } from "../../net/npm-config.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";
import type { Limits } from "../../unpack/tree.ts";
import type { StageContext, Staged } from "../context.ts";
import type { SourceKind } from "../kind.ts";
import { checkPrograms, makeTree } from "../tree.ts";
import { downloadTarball } from "./registry.ts";

/** Packages are small and latency rules; more at once gain nothing over one registry's connections. */
const packagesAtOnce = 12;

/**
 * A JavaScript program with every package it needs, each one verified against the lock. No package's
 * script is ever run.
 */
async function stageNpmClosure(
  artifact: NpmClosureArtifact,
  context: StageContext,
): Promise<Staged> {
  const packages = selectPackages(artifact.packages, context.platform);
  const tree = await makeTree(
    context.dir,
    packages.map(({ path }) => path),
  );
  context.onPhase?.("download");
  const size = await fetchAll(packages, tree, context);
  await checkPrograms(tree, context.bins, false);
  const { kind, name, version } = artifact;
  const digest = `sha256:${sha256Hex(listOf(packages))}`;
  const source = { kind, from: `${name}@${version}`, digest, size };
  const starts = Object.values(context.bins).map((path) => [path, { runtime: "node" }] as const);
  return { tree, source, starts: Object.fromEntries(starts) };
}

/** One line per package, in order of path: what was installed, whatever order the lock has. */
function listOf(packages: readonly LockedPackage[]): string {
  return packages
    .map(({ path, digest }) => `${path} ${formatDigest(digest)}\n`)
    .sort()
    .join("");
}

/** Bytes downloaded. The first failure ends the others: a closure with a hole is of no use. */
async function fetchAll(
  packages: readonly LockedPackage[],
  tree: string,
  context: StageContext,
): Promise<number> {
  const npm = await context.npm();
  const limit = pLimit(packagesAtOnce);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(context.signal ? [context.signal] : [])]);
  const received = packages.map(() => 0);
  const taken = { bytes: 0, entries: 0 };
  const limits = (): Limits => ({
    ...limitsFor(received.reduce((sum, one) => sum + one, 0)),
    taken,
  });
  const fetching = packages.map((locked, index) =>
    limit(async () => {
      signal.throwIfAborted();
      const onProgress = (bytes: number): void => {
        received[index] = bytes;
        context.onProgress(received.reduce((sum, one) => sum + one, 0));
      };
      const file = join(context.dir, `download-${index}`);
      const own = { tree, file, npm, signal, onProgress, limits, packages };
      return await fetchPackage(locked, { ...context, ...own });
    }),
  );
  try {
    const sizes = await Promise.all(fetching);
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(fetching); // nothing writes into the tree that the caller now removes
    throw error;
  }
}

interface Place {
  /** All of the closure. */
  readonly packages: readonly LockedPackage[];
  readonly tree: string;
  readonly file: string;
  readonly npm: NpmConfig;
  readonly http: StageContext["http"];
  readonly hasAlternative?: boolean;
  /** Of all packages together, for so much as was downloaded of them. */
  readonly limits: () => Limits;
  readonly written: StageContext["written"];
  readonly signal: AbortSignal;
  readonly onProgress: (received: number) => void;
}

async function fetchPackage(locked: LockedPackage, place: Place): Promise<number> {
  const { name, version, digest, path } = locked;
  const { tree, file, written, limits, packages, http, npm, signal, onProgress } = place;
  const { hasAlternative = false } = place;
  const wanted = { name, version, digest, file, hasAlternative };
  const { size } = await downloadTarball({ ...wanted, http, npm, signal, onProgress });
  const into = join(tree, path);
  const below = packages.filter((other) => other.path.startsWith(`${path}/`));
  const without = below.map((other) => other.path.slice(path.length + 1));
  // npm puts everything below `package/`, some others below another name.
  const how = { strip: 1, without, limits: limits(), written, signal };
  await extract({ file, format: "npm", into, ...how });
  await rm(file, { force: true });
  return size;
}

export const npmClosure: SourceKind<NpmClosureArtifact> = {
  stage: stageNpmClosure,
  pinnedBy: ({ packages }) =>
    packages.map(({ name, version, digest }) => ({
      id: `npm ${name} ${version} ${formatDigest(digest)}`,
      async fetch(file, { http, npm, signal }) {
        await downloadTarball({ http, npm: await npm(), name, version, digest, file, signal });
      },
    })),
};

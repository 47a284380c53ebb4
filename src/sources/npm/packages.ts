import { join } from "node:path";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import { selectPackages } from "../../core/locks/npm-packages.ts";
import type { LockedPackage } from "../../core/recipe.ts";
import { rm } from "../../io/disk.ts";
import { extract, limitsFor } from "../../unpack/extract.ts";
import type { StageContext } from "../context.ts";
import { fetchAll } from "../fetch-all.ts";
import type { PinnedFile } from "../kind.ts";
import { makeTree } from "../tree.ts";
import { downloadTarball } from "./registry.ts";

/** Packages are small and latency dominates; more in parallel is no faster with one registry. */
const packagesAtOnce = 12;

/** A tree of packages. */
interface Placed {
  /** Absolute. */
  readonly tree: string;
  /** Bytes downloaded. */
  readonly size: number;
  /** Of the list of packages. */
  readonly digest: string;
}

interface Placing {
  /** May end it by throwing. */
  readonly onBytes?: (received: number) => void;
  /** Paths in the tree that are left out. */
  readonly without?: readonly string[];
}

/**
 * Makes a tree of those packages of a lock that the platform needs, each one verified. Package scripts are never
 * run.
 */
export async function placePackages(
  locked: readonly LockedPackage[],
  context: StageContext,
  how: Placing = {},
): Promise<Placed> {
  const packages = selectPackages(locked, context.platform);
  const tree = await makeTree(
    context.dir,
    packages.map(({ path }) => path),
  );
  context.onPhase?.("download");
  const size = await placeAll(packages, tree, context, how);
  return { tree, size, digest: `sha256:${sha256Hex(listOf(packages))}` };
}

/** One line per package, sorted by path: independent of the lock's order. */
function listOf(packages: readonly LockedPackage[]): string {
  return packages
    .map(({ path, digest }) => `${path} ${formatDigest(digest)}\n`)
    .sort()
    .join("");
}

/** Fetches and unpacks each package; returns the bytes downloaded. */
async function placeAll(
  packages: readonly LockedPackage[],
  tree: string,
  context: StageContext,
  { onBytes = () => {}, without = [] }: Placing,
): Promise<number> {
  const { http, hasAlternative, written } = context;
  const npm = await context.npm();
  const taken = { bytes: 0, entries: 0 }; // counts all packages together
  const sizes = await fetchAll(
    packages,
    { atOnce: packagesAtOnce },
    context,
    async (one, given) => {
      const { name, version, digest, path } = one;
      const { file, signal, onProgress, received } = given;
      const wanted = { name, version, digest, file, hasAlternative, signal, onProgress };
      const { size } = await downloadTarball({ ...wanted, http, npm });
      onBytes(received());
      const into = join(tree, path);
      const others = [...packages.map((other) => other.path), ...without];
      const below = others.filter((other) => other.startsWith(`${path}/`));
      const left = below.map((other) => other.slice(path.length + 1));
      const limits = { ...limitsFor(received()), taken };
      // npm packs everything below `package/`; some packages use another name.
      await extract({
        file,
        format: "npm",
        into,
        strip: 1,
        without: left,
        limits,
        written,
        signal,
      });
      await rm(file, { force: true });
      return size;
    },
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What pins packages, to be fetched and compared. */
export function pinnedPackages(packages: readonly LockedPackage[]): PinnedFile[] {
  return packages.map(({ name, version, digest }) => ({
    id: `npm ${name} ${version} ${formatDigest(digest)}`,
    async fetch(file, { http, npm, signal }) {
      await downloadTarball({ http, npm: await npm(), name, version, digest, file, signal });
    },
  }));
}

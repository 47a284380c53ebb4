import { basename, join } from "node:path";
import pLimit from "p-limit";
import { parseHexDigest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import {
  closureOf,
  type PackageContents,
  type Packages,
  pruneClosure,
} from "../core/locks/deb-closure.ts";
import { type DebArch, type DebLock, renderDebLock } from "../core/locks/deb-lock.ts";
import type { DebianPackage } from "../core/recipe.ts";
import { mkdir, rm } from "../io/disk.ts";
import { linkTarget } from "../io/files.ts";
import { downloadDeb } from "../sources/debian/mirrors.ts";
import { libraryNames, listPrograms } from "../sources/programs.ts";
import { unpackDeb } from "../unpack/deb.ts";
import { limitsFor } from "../unpack/extract.ts";
import { treeWriter } from "../unpack/tree.ts";
import type { DebRelease, IndexContext, LocatedPackage } from "./deb-index.ts";
import type { DebWanted } from "./deb-wanted.ts";
import type { DraftContext } from "./draft-context.ts";

/** The C library with its loader, a locale for images without one, and a library that threads need. */
const always = ["libc6", "libc-bin", "libgcc-s1"];

const downloadsAtOnce = 12;

/** The contents of packages by digest. */
type SeenContents = Map<string, PackageContents>;

/**
 * Creates locks for Debian programs from the signed index of this machine's apt. Every package is
 * inspected once, because recipes share most of them.
 */
export function debLocker(draft: DraftContext): (wanted: DebWanted) => Promise<string> {
  const seen: SeenContents = new Map();
  return async (wanted) => {
    const release = await draft.release(wanted.release);
    return renderDebLock(await makeLock(wanted, release, draft, seen));
  };
}

/**
 * Creates the lock of a recipe: of all dependencies, the packages with a required library, and
 * those that the recipe names. Throws a UserError (`recipe`) if the release has another version or
 * no such package.
 */
async function makeLock(
  wanted: DebWanted,
  release: DebRelease,
  context: IndexContext,
  seen: SeenContents,
): Promise<DebLock> {
  const packages: Partial<Record<DebArch, readonly DebianPackage[]>> = {};
  const snapshot = snapshotTime(context.clock());
  for (const arch of Object.keys(wanted.versions) as DebArch[]) {
    const index = await release.packagesFor(arch);
    requireVersion(wanted, index, arch);
    const named = [wanted.name, ...wanted.data, ...always];
    const candidates = [...closureOf(named, index)].map((name) => toLocked(index, name));
    const contents = await readContents(candidates, snapshot, context, seen);
    const chosen = new Set(pruneClosure(named, contents));
    packages[arch] = candidates.filter(({ name }) => chosen.has(name));
  }
  return { release: release.codename, snapshot, packages };
}

function requireVersion(
  wanted: DebWanted,
  { byName }: Packages<LocatedPackage>,
  arch: DebArch,
): void {
  for (const name of [wanted.name, ...wanted.data]) {
    if (byName.has(name)) continue;
    throw new UserError("E_DEBIAN_PACKAGE", `the release has no package ${name} for ${arch}`);
  }
  const { version } = byName.get(wanted.name) ?? {};
  if (version === wanted.versions[arch]) return;
  throw new UserError("E_DEBIAN_PACKAGE", `the release has ${wanted.name} ${version} for ${arch}`, {
    hint: `Write deb: ${wanted.name}@${version} in the recipe.`,
  });
}

/** A package as a lock has it. Throws a UserError if the release does not say its digest. */
export function toLocked({ byName }: Packages<LocatedPackage>, name: string): DebianPackage {
  const found = byName.get(name);
  const digest = parseHexDigest("sha256", found?.sha256 ?? "");
  if (!found || !digest)
    throw new UserError("E_DEBIAN_RELEASE", `the index has no digest for ${name}`);
  const { version, archive, path, size } = found;
  return { name, version, archive, path, size, digest };
}

/** The next midnight: by then the snapshot archive has what the mirrors have now. */
function snapshotTime(now: Date): string {
  const day = new Date(now.getTime() + 24 * 3600 * 1000).toISOString().slice(0, 10);
  return `${day.replaceAll("-", "")}T000000Z`;
}

async function readContents(
  packages: readonly DebianPackage[],
  snapshot: string,
  context: IndexContext,
  seen: SeenContents,
): Promise<Map<string, PackageContents>> {
  const [downloads, unpacking] = [pLimit(downloadsAtOnce), pLimit(1)];
  const { http, dir } = context;
  const apt = await context.apt();
  const read = async (locked: DebianPackage): Promise<PackageContents> => {
    const { hex } = locked.digest;
    const file = join(dir, `${hex}.deb`);
    const known = seen.get(hex);
    if (known) return known;
    await downloadDeb({ http, apt, locked, snapshot, file });
    const contents = await unpacking(() => contentsOf(file, locked, join(dir, hex)));
    seen.set(hex, contents);
    return contents;
  };
  const reading = packages.map((locked) =>
    downloads(async () => [locked.name, await read(locked)] as const),
  );
  return new Map(await Promise.all(reading));
}

async function contentsOf(
  file: string,
  { name, size }: DebianPackage,
  dir: string,
): Promise<PackageContents> {
  await mkdir(dir);
  const tree = treeWriter(dir, 0, limitsFor(size));
  try {
    await unpackDeb(file, tree);
    tree.finish();
    const files = await listPrograms(dir);
    const libraries = files.flatMap((one) => libraryNames(one).map((name) => [name, one] as const));
    const document = await linkTarget(join(dir, "usr/share/doc", name));
    return {
      libraries: new Map(libraries.map(([soname, { elf }]) => [soname, elf?.needed ?? []])),
      needed: new Set(files.flatMap(({ elf }) => elf?.needed ?? [])),
      ...(document === undefined ? {} : { licenceIn: basename(document) }),
    };
  } finally {
    tree.close();
    await rm(file, { force: true });
    await rm(dir, { recursive: true, force: true });
  }
}

import { join } from "node:path";
import pLimit from "p-limit";
import { UserError } from "../core/errors.ts";
import { refuseMany, refuseSize } from "../core/libraries/limits.ts";
import { type LibrarySet, pythonOfLine } from "../core/library-set.ts";
import { pipTarget } from "../core/locks/pip-target.ts";
import { type PypiLock, renderPypiLock } from "../core/locks/pypi-lock.ts";
import { normalName } from "../core/locks/wheel-tags.ts";
import { placeOf } from "../core/locks/wheels.ts";
import type { Platform } from "../core/platform.ts";
import { asFields, trimmed } from "../core/values.ts";
import { mkdir, readFile, writeFile } from "../io/disk.ts";
import type { Http } from "../net/http.ts";
import type { Emit } from "../report/events.ts";
import { fetchListed, listFiles, type PythonIndexes } from "../sources/python/index.ts";
import { indexesFor } from "../sources/python/indexes.ts";
import { nameOf } from "../sources/python/page.ts";
import type { Toolchains } from "../sources/toolchains.ts";
import { runPip } from "./pip-command.ts";
import { whyUnresolved } from "./pip-words.ts";

/** What resolving needs besides the set. */
export interface LibraryContext {
  /** Absolute; an empty directory of this run. */
  readonly dir: string;
  readonly platform: Platform;
  readonly http: Http;
  readonly toolchains: Toolchains;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** A wheel that pip has chosen. */
interface Chosen {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  /** Lower-case hexadecimal, if the index has it. */
  readonly sha256?: string | undefined;
}
type Package = PypiLock["packages"][number];

/**
 * The text of a lock for a Python set: the wheels that the volume's own pip chooses for the set's line, on this
 * platform and, if it has them all, on the other architecture, so that one record serves both. pip reads the
 * wheels' metadata only; what is pinned is fetched at installation.
 */
export async function resolvePythonLibraries(
  set: LibrarySet,
  context: LibraryContext,
): Promise<string> {
  const { platform, http, toolchains, emit } = context;
  const python = await toolchains.python();
  const indexes = await indexesFor(http, python, toolchains);
  const minor = pythonOfLine(set.line) ?? set.line;
  const pinned = async (asked: LibrarySet, where: Platform) => {
    const chosen = await choose(asked, minor, where, context, indexes);
    return { place: placeOf(minor, where), packages: await pinAll(chosen, context, indexes) };
  };
  const here = await pinned(set, platform);
  const places = [here];
  const other: Platform = { ...platform, arch: platform.arch === "x64" ? "arm64" : "x64" };
  try {
    places.push(await pinned(sameVersions(set, here.packages), other));
  } catch (error) {
    if (!(error instanceof UserError) || context.signal?.aborted) throw error;
    emit({ type: "detail", message: `${set.file}: not for ${other.arch}: ${error.message}` });
  }
  return renderPypiLock(merge(places));
}

/** The set with the versions of this platform, so that both architectures get the same. */
function sameVersions(set: LibrarySet, packages: readonly Package[]): LibrarySet {
  // With hashes pip refuses constraints without one, and versions are exact anyway.
  if (set.requirements.some((line) => line.includes("--hash"))) return set;
  const pins = packages.map(({ name, version }) => `${name}==${version}`);
  return { ...set, constraints: [...set.constraints, ...pins] };
}

/** One list of packages; those that not all places need say so. */
function merge(places: readonly { place: string; packages: readonly Package[] }[]): PypiLock {
  const merged = new Map<string, { one: Package; needed: string[] }>();
  for (const { place, packages } of places) {
    for (const one of packages) {
      const id = `${one.name} ${one.version}`;
      const known = merged.get(id);
      const files = new Map(
        [...(known?.one.wheels ?? []), ...one.wheels].map((it) => [it.file, it]),
      );
      const needed = [...(known?.needed ?? []), place];
      merged.set(id, { one: { ...one, wheels: [...files.values()] }, needed });
    }
  }
  const packages = [...merged.values()].map(({ one, needed }) =>
    needed.length === places.length ? one : { ...one, only: needed },
  );
  return { pypiLockVersion: 1, places: places.map(({ place }) => place), packages };
}

/** pip's choice for one place. */
async function choose(
  set: LibrarySet,
  minor: string,
  platform: Platform,
  context: LibraryContext,
  indexes: PythonIndexes,
): Promise<Chosen[]> {
  const { toolchains, signal } = context;
  const dir = join(context.dir, platform.arch);
  await mkdir(dir);
  const [requirements, constraints, report] = ["requirements", "constraints", "report"].map(
    (name) => join(dir, name),
  ) as [string, string, string];
  await writeFile(requirements, lines(set.requirements));
  await writeFile(constraints, lines(set.constraints));
  const target = pipTarget(minor, platform, (await toolchains.python()).version);
  const files = ["--requirement", requirements, "--constraint", constraints];
  const options = ["--dry-run", "--ignore-installed", "--target", join(dir, "target")];
  const finished = await runPip(
    ["install", ...options, "--report", report, ...target.options, ...files],
    { dir, toolchains, signal, wanted: set.names.join(", "), markers: target.markers },
  );
  if (finished.status !== 0) throw await whyUnresolved(finished, { set, minor, platform, indexes });
  return readReport(JSON.parse(await readFile(report, "utf8")));
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

/** pip's installation report, version 1. */
function readReport(report: unknown): Chosen[] {
  const listed = asFields(report)?.install;
  if (!Array.isArray(listed)) throw new Error("pip's report does not list what it would install");
  return listed.map((each: unknown) => {
    const { metadata, download_info } = asFields(each) ?? {};
    const { url, archive_info } = asFields(download_info) ?? {};
    const name = trimmed(asFields(metadata)?.name) ?? "";
    const version = trimmed(asFields(metadata)?.version) ?? "";
    const sha256 = trimmed(asFields(asFields(archive_info)?.hashes)?.sha256);
    return { name: normalName(name), version, file: nameOf(new URL(String(url))), sha256 };
  });
}

/** At once; one page of the index per package. */
const pagesAtOnce = 6;

/** The digest and size of each wheel, within the limits. */
async function pinAll(
  chosen: readonly Chosen[],
  context: LibraryContext,
  indexes: PythonIndexes,
): Promise<Package[]> {
  refuseMany(chosen.map(({ name }) => name));
  const limit = pLimit(pagesAtOnce);
  const packages = await Promise.all(
    chosen.map((one, i) => limit(() => pin(one, join(context.dir, `wheel-${i}`), indexes))),
  );
  refuseSize(packages.map(({ name, wheels }) => ({ name, size: wheels[0]?.size ?? 0 })));
  return packages;
}

/** What the index does not say is found out from the wheel itself. */
async function pin(one: Chosen, file: string, indexes: PythonIndexes): Promise<Package> {
  const { name, version } = one;
  const files = await listFiles(name, indexes);
  const listed =
    files.find(({ sha256 }) => sha256 !== undefined && sha256 === one.sha256) ??
    files.find((each) => each.name === one.file);
  if (!listed) throw new UserError("E_NOT_LISTED", `no Python index lists ${one.file}`);
  const sha256 = one.sha256 ?? listed.sha256;
  if (sha256 !== undefined && listed.size !== undefined) {
    return { name, version, wheels: [{ file: one.file, sha256, size: listed.size }] };
  }
  const fetched = await fetchListed({ ...listed, ...(sha256 && { sha256 }) }, indexes, file);
  const wheel = { file: one.file, sha256: fetched.sha256.hex, size: fetched.size };
  return { name, version, wheels: [wheel] };
}

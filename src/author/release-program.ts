import { basename, join } from "node:path";
import type { Digest } from "../core/digest.ts";
import { archOfMachine } from "../core/elf.ts";
import { reworded, UserError } from "../core/errors.ts";
import type { Arch, PlatformKey } from "../core/platform.ts";
import { type ArchiveFormat, isPlainFormat } from "../core/recipe.ts";
import { shownUrl } from "../core/shown-url.ts";
import { nearest } from "../core/wording.ts";
import { mkdir } from "../io/disk.ts";
import { entriesBelow, entriesIn } from "../io/entries.ts";
import { makeExecutable } from "../io/volume/modes.ts";
import type { Http } from "../net/http.ts";
import { listPrograms } from "../sources/programs.ts";
import { makeTree } from "../sources/tree.ts";
import { extract, limitsFor } from "../unpack/extract.ts";
import { Refusal } from "../unpack/refusals.ts";
import { type LibcNeeds, libcNeeds } from "./libc-needs.ts";

export interface ReleaseRequest {
  readonly http: Http;
  readonly url: string;
  /** The machine's credentials are sent: a person has named the URL. */
  readonly isPrivate?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly format: ArchiveFormat | "npm";
  /** Leading path components to drop; absent: a single top-level directory is dropped. */
  readonly strip?: number;
  /** Programs by name; empty: the one called `name`, else the only one. */
  readonly bins: readonly string[];
  /** The tool's name. */
  readonly name: string;
  /** Absolute; an empty directory. */
  readonly dir: string;
  /** Maximum bytes. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** An inspected release, after it was fetched and unpacked. */
export interface Release extends LibcNeeds {
  readonly sha256: Digest;
  readonly sha512: Digest;
  readonly size: number;
  readonly strip: number;
  /** Program name to path. */
  readonly bins: Readonly<Record<string, string>>;
  /** Of its first program; undefined for a script, which has no architecture. */
  readonly arch: Arch | undefined;
}

/**
 * Fetches a release that is not pinned yet, unpacks it as an installation does, and finds its
 * programs. Runs nothing of it. Throws a UserError (`recipe`) that lists the programs if one is
 * missing.
 */
export async function inspectRelease(request: ReleaseRequest): Promise<Release> {
  const { http, url, headers, isPrivate, dir, format, name, bins: wanted, limit, signal } = request;
  const file = join(dir, "download");
  const { size, sha256, sha512 } = await http.hashDownload({
    ...{ url, headers, isPrivate },
    ...{ file, limit, signal },
  });
  const isPlain = format !== "npm" && isPlainFormat(format);
  const tree = await unpackRelease(file, size, isPlain ? (wanted[0] ?? name) : undefined, request);
  const strip = isPlain ? 0 : (request.strip ?? wrappers(tree));
  const programs = (await programsOf(tree)).flatMap((program) => {
    const parts = program.path.split("/").slice(strip);
    return parts.length > 0 ? [{ ...program, stripped: parts.join("/") }] : [];
  });
  const bins = findBins(
    programs.map(({ stripped }) => stripped),
    wanted,
    name,
    shownUrl(url),
  );
  const chosen = new Set(Object.values(bins));
  const elves = programs.filter(({ stripped, elf }) => elf && chosen.has(stripped));
  const arch = archOfMachine(elves[0]?.elf?.machine);
  return { sha256, sha512, size, strip, bins, arch, ...(await libcNeeds(tree, elves)) };
}

/** Unpacks as an installation does, without dropping any components. Returns the tree. */
async function unpackRelease(
  file: string,
  size: number,
  rawPath: string | undefined,
  { dir, format, url, signal }: ReleaseRequest,
): Promise<string> {
  const into = await makeTree(dir);
  const limits = limitsFor(size);
  await extract({ file, format, into, strip: 0, limits, signal, rawPath }).catch(
    (error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      throw reworded(error, `${shownUrl(url)}: ${error.message}`, {
        hint: "Nothing was pinned.",
      });
    },
  );
  return into;
}

/** The platform key of a release. `named`: the architecture in its URL. */
export function keyOfRelease({ arch, libc }: Release, named: Arch | undefined): PlatformKey {
  const own = arch ?? named;
  if (own === undefined) return "any";
  return libc === undefined ? `linux-${own}` : `linux-${own}-${libc}`;
}

/** The number of directories around everything. */
function wrappers(tree: string): number {
  const entries = entriesIn(tree);
  const [only] = entries;
  return entries.length === 1 && only?.stats.isDirectory() && only.name !== "bin" ? 1 : 0;
}

/** A zip without modes does not mark programs; then their contents do. */
async function programsOf(tree: string) {
  const found = (await listPrograms(tree)).filter(({ executable }) => executable);
  if (found.length > 0) return found;
  for (const { path, stats } of entriesBelow(tree)) {
    if (stats.isFile()) makeExecutable(path);
  }
  return await listPrograms(tree);
}

/** The paths of the wanted programs, or of the one called `name`. */
function findBins(
  paths: readonly string[],
  wanted: readonly string[],
  name: string,
  from: string,
): Record<string, string> {
  const programs = paths.filter((path) => !/\.so(\.|$)/.test(path));
  const find = (bin: string): string | undefined => {
    const own = programs.filter((path) => basename(path) === bin);
    const loose = programs.filter(
      (path) => basename(path).replace(/[-_.](v?\d|linux).*$/, "") === bin,
    );
    return [...own, ...loose].sort((a, b) => a.length - b.length)[0];
  };
  const only = programs.length === 1 ? programs[0] : undefined;
  const asked = wanted.length > 0 ? wanted : [name];
  const found = asked.map((bin) => [bin, find(bin) ?? (asked.length === 1 ? only : undefined)]);
  const missing = found.find(([, path]) => path === undefined)?.[0];
  if (missing === undefined) return Object.fromEntries(found);
  const names = programs.map((path) => basename(path));
  const near = nearest(missing, names);
  const has = programs.length > 0 ? programs.slice(0, 8).join(", ") : "no program";
  throw new UserError("E_DRAFT_PROGRAM", `${from} has no program ${missing}; it has ${has}`, {
    hint: near ? `Did you mean --bin ${near}?` : "Give the programs with --bin NAME.",
  });
}

/** An empty directory below another one. */
export async function workDirIn(dir: string, name: string): Promise<string> {
  const workDir = join(dir, name);
  await mkdir(workDir, { recursive: true });
  return workDir;
}

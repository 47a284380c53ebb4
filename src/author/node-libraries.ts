import { join } from "node:path";
import { reworded, UserError } from "../core/errors.ts";
import { refuseMany } from "../core/libraries/limits.ts";
import {
  type LockedVersions,
  readNpmLock,
  readPnpmLock,
  readYarnLock,
} from "../core/libraries/node-locks.ts";
import type { LibrarySet } from "../core/library-set.ts";
import { compactLock, parseLock } from "../core/locks/npm-lock.ts";
import { selectPackages } from "../core/locks/npm-packages.ts";
import { orNothing } from "../core/or-nothing.ts";
import type { Platform } from "../core/platform.ts";
import { asFields, type Fields } from "../core/values.ts";
import { compareVersions } from "../core/versions.ts";
import { mkdir, writeFile } from "../io/disk.ts";
import type { Emit } from "../report/events.ts";
import { lockDirectory, type NpmContext } from "./npm-command.ts";

interface Context extends NpmContext {
  readonly platform: Platform;
  readonly emit: Emit;
  /** The skill that declares the set. */
  readonly by: string;
}
const closureHint = "Correct the versions in the skill's package.json, or its lock file.";

type Ranges = Readonly<Record<string, string>>;

/**
 * The text of a package-lock for a Node set, for every platform, as npm itself resolves it: what the lock file
 * beside package.json says, whichever program wrote it, and the registry for the rest. No script is run, and
 * nothing but the machine's registries is asked.
 */
export async function resolveNodeLibraries(set: LibrarySet, context: Context): Promise<string> {
  const dir = join(context.dir, "libraries");
  await mkdir(dir);
  const text = await lockIn(dir, set, context).catch((error) => {
    const isTheirs = error instanceof UserError && error.problem === "E_NPM_CLOSURE";
    throw isTheirs ? reworded(error, error.message, { hint: closureHint }) : error;
  });
  const parsed = parseLock(text, set.file); // complete, it still says where packages come from
  if (!parsed.ok) {
    const [problem] = parsed.problems;
    throw new UserError("E_LIBRARIES_LOCK", `${set.file}: ${problem?.message}`);
  }
  const packages = selectPackages(parsed.held, context.platform);
  refuseMany(packages.map(({ name }) => name));
  sayScripts(text, new Set(packages.map(({ path }) => path)), set, context);
  return compactLock(text);
}

/** npm's complete lock, made in an empty directory. */
async function lockIn(dir: string, set: LibrarySet, context: Context): Promise<string> {
  const given = asFields(JSON.parse(textIn(set, "package.json") ?? "{}")) ?? {};
  const lock = await readLock(set, rangesOf(given));
  const write = (name: string, content: object): Promise<void> =>
    writeFile(join(dir, name), JSON.stringify(content));
  if (lock && "npm" in lock) await write("package-lock.json", lock.npm);
  const pins = lock && "pins" in lock ? lock.pins : undefined;
  await write("package.json", packageJson(given, pins, set));
  const text = await lockDirectory(dir, set.file, context);
  if (pins) compareIntegrity(text, pins, set);
  return text;
}

/** A file of the set, without a byte-order mark. */
function textIn({ files }: LibrarySet, name: string): string | undefined {
  const found = Object.entries(files).find(([path]) => path === name || path.endsWith(`/${name}`));
  return found?.[1].replace(/^\uFEFF/, "");
}

/** What npm is given: only what decides which packages there are. */
function packageJson(given: Fields, pins: LockedVersions | undefined, set: LibrarySet): object {
  const pinned = (ranges: Ranges): Ranges =>
    Object.fromEntries(
      Object.entries(ranges).map(([name, range]) => [name, pins?.direct.get(name) ?? range]),
    );
  return {
    name: "libraries",
    version: "1.0.0",
    private: true,
    dependencies: pinned(asRanges(given.dependencies)),
    optionalDependencies: pinned(asRanges(given.optionalDependencies)),
    overrides: pins ? overridesOf(pins, rangesOf(given)) : checked(given.overrides, set),
  };
}

function rangesOf(given: Fields): Ranges {
  return { ...asRanges(given.dependencies), ...asRanges(given.optionalDependencies) };
}

function asRanges(value: unknown): Ranges {
  const all = Object.entries(asFields(value) ?? {});
  return Object.fromEntries(all.map(([name, range]) => [name, String(range)]));
}

/**
 * Locked versions as npm's overrides. Of several versions of a package each dependency gets the newest that its
 * range allows.
 */
function overridesOf({ versions, direct }: LockedVersions, ranges: Ranges): Ranges {
  const rules = [...versions].flatMap(([name, all]): [string, string][] => {
    // npm refuses an override of what package.json itself requires otherwise, such as an alias.
    if (Object.hasOwn(ranges, name) && !direct.has(name)) return [];
    const [only = "", ...more] = [...all].sort((a, b) => compareVersions(b, a));
    if (more.length === 0) return [[name, only]];
    return [only, ...more].map((version) => [`${name}@${version}`, version]);
  });
  return Object.fromEntries(rules);
}

/** The skill's own overrides: an address in them would be fetched. */
function checked(overrides: unknown, set: LibrarySet): unknown {
  for (const [name, value] of Object.entries(asFields(overrides) ?? {})) {
    if (typeof value === "object") checked(value, set);
    else if (/[:/]/.test(String(value).replace(/^npm:@?[^@]+@?/, ""))) {
      const message = `${set.file} overrides ${name} by ${value}, which is not in a registry`;
      throw new UserError("E_NPM_CLOSURE", message);
    }
  }
  return overrides;
}

/** A lock that npm reads, or versions for it. */
type Lock = { readonly npm: Fields } | { readonly pins: LockedVersions };

/** The lock file beside package.json, in npm's order of precedence. */
async function readLock(set: LibrarySet, ranges: Ranges): Promise<Lock | undefined> {
  for (const name of ["npm-shrinkwrap.json", "package-lock.json"]) {
    const text = textIn(set, name);
    if (text === undefined) continue;
    const document = asFields(orNothing(() => JSON.parse(text)));
    const pins = document && readNpmLock(document);
    if (!document || !pins) throw unreadable(set, name);
    const isWeak = [...pins.integrity.values()].some((each) => !each.startsWith("sha512-"));
    return isWeak || !asFields(document.packages) ? { pins } : { npm: withoutAddresses(document) };
  }
  const readers = { "pnpm-lock.yaml": readPnpmLock, "yarn.lock": readYarnLock };
  for (const [name, read] of Object.entries(readers)) {
    const text = textIn(set, name);
    if (text === undefined) continue;
    const pins = await readOrNothing(read(text, ranges));
    if (!pins) throw unreadable(set, name);
    return { pins };
  }
  return undefined;
}

/** Foreign text: a reader may throw anything. */
async function readOrNothing<T>(reading: Promise<T>): Promise<T | undefined> {
  const [result] = await Promise.allSettled([reading]);
  return result.status === "fulfilled" ? result.value : undefined;
}

function unreadable({ file }: LibrarySet, name: string): UserError {
  return new UserError("E_LIBRARIES_LOCK", `${name} beside ${file} is not a lock that can be read`);
}

/** Without the addresses of registry packages, which could be anybody's: the machine's registries have them. */
function withoutAddresses(document: Fields): Fields {
  const packages = Object.entries(asFields(document.packages) ?? {}).map(([path, value]) => {
    const { resolved, ...entry } = asFields(value) ?? {};
    const isKept = resolved !== undefined && !/^https?:/.test(String(resolved));
    return [path, isKept ? { ...entry, resolved } : entry];
  });
  return { lockfileVersion: document.lockfileVersion, packages: Object.fromEntries(packages) };
}

/** A registry must have the bytes that the skill's lock says. */
function compareIntegrity(text: string, { integrity }: LockedVersions, set: LibrarySet): void {
  for (const [path, value] of packagesIn(text)) {
    const { name = path.replace(/^.*node_modules\//, ""), version, integrity: got } = value;
    const wanted = integrity.get(`${name}@${version}`);
    const isComparable = wanted?.startsWith("sha512-") && String(got).startsWith("sha512-");
    if (!isComparable || wanted === got) continue;
    const message = `the lock beside ${set.file} says ${wanted} of ${name}@${version}, the registry ${got}`;
    throw new UserError("E_DIGEST_MISMATCH", message);
  }
}

function sayScripts(
  text: string,
  installed: ReadonlySet<string>,
  { file }: LibrarySet,
  { by, emit }: Context,
): void {
  const names = packagesIn(text).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript === true && installed.has(path) ? [path.replace(/^.*node_modules\//, "")] : [],
  );
  if (names.length === 0) return;
  const message = `the skill ${by}: ${file} needs packages with install scripts, which are never run: ${[...new Set(names)].join(", ")}`;
  emit({ type: "warning", problem: "E_LIBRARIES_SCRIPTS", message });
}

function packagesIn(text: string): [string, Fields][] {
  const packages = asFields(asFields(JSON.parse(text))?.packages) ?? {};
  return Object.entries(packages).map(([path, value]) => [path, asFields(value) ?? {}]);
}

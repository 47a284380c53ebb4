import * as z from "zod";
import { parseIntegrity } from "../digest.ts";
import { UserError } from "../errors.ts";
import { isNpmName, isRelativePath, isVersion } from "../names.ts";
import type { Platform } from "../platform.ts";
import type { LockedPackage, RecipeProblem } from "../recipe.ts";
import { lineOf, type ParsedLock, readDocument, wrongLock } from "./document.ts";
import { fits } from "./npm-packages.ts";

const lockExample =
  "npm install --package-lock-only --ignore-scripts --omit=dev --lockfile-version=3 NAME@VERSION";

const words = z.union([z.array(z.string()), z.string().transform((word) => [word])]).optional();
const names = z.record(z.string(), z.string()).optional();

const lockEntry = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  integrity: z.string().optional(),
  resolved: z.string().optional(),
  os: words,
  cpu: words,
  libc: words,
  optional: z.boolean().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  link: z.boolean().optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});
type LockEntry = z.infer<typeof lockEntry>;

const lockDocument = z.object({
  lockfileVersion: z.literal(3, { error: ({ input }) => `it is ${input ?? "missing"}` }),
  packages: z.record(z.string(), lockEntry),
});

/**
 * Reads a package-lock (version 3), complete or compact. `file` is used only in messages. Leaves
 * out development packages and packages bundled in another's tarball: nothing is fetched for them.
 */
export function parseLock(text: string, file: string): ParsedLock<readonly LockedPackage[]> {
  const entries = readEntries(text);
  if (typeof entries === "string") return wrongLock(file, entries, lockExample);
  const packages: LockedPackage[] = [];
  const problems: RecipeProblem[] = [];
  for (const [path, entry] of entries) {
    if (path === "" || entry.inBundle || entry.dev) continue;
    const locked = toLockedPackage(path, entry);
    if (typeof locked !== "string") packages.push(locked);
    else
      problems.push({
        file,
        line: lineOf(text, `${JSON.stringify(path)}:`),
        message: `${path} ${locked}`,
      });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, held: packages };
}

/**
 * The text of a lock beside its recipe: sorted, without URLs, and without packages that only other
 * operating systems or architectures use.
 */
export function compactLock(text: string): string {
  const entries = readEntries(text);
  if (typeof entries === "string")
    throw new UserError("E_LOCK", `the lock ${entries}`, { hint: `Make it with: ${lockExample}` });
  for (const [path, entry] of entries) refuseElsewhere(path, entry);
  const served = new Map(entries.filter(([, entry]) => isServed(entry)));
  const root = served.get("");
  const kept = root ? reachable(root, served) : new Set(served.keys());
  const packages = [...served]
    .filter(([path]) => kept.has(path))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, entry]) => `    ${JSON.stringify(path)}: ${JSON.stringify(compactEntry(entry))}`);
  // One line per package, so that updates have small diffs.
  return `{\n  "lockfileVersion": 3,\n  "packages": {\n${packages.join(",\n")}\n  }\n}\n`;
}

/** Only packages of a registry can be pinned: no URL, directory or version control. */
function refuseElsewhere(path: string, { dependencies = {} }: LockEntry): void {
  for (const [name, range] of Object.entries(dependencies)) {
    if (!/[:/]/.test(range.replace(/^npm:@?[^@]+@?/, ""))) continue;
    const by = path === "" ? "it" : path.replace(/^.*node_modules\//, "");
    throw new UserError(
      "E_NPM_CLOSURE",
      `${by} needs ${name} from ${range}, which is not in a registry`,
    );
  }
}

function readEntries(text: string): [string, LockEntry][] | string {
  const document = readDocument(text, lockDocument, "a package lock of version 3");
  return typeof document === "string" ? document : Object.entries(document.packages);
}

function toLockedPackage(path: string, entry: LockEntry): LockedPackage | string {
  const name = entry.name ?? path.slice(path.lastIndexOf("node_modules/") + 13);
  const notPinned = whyNotPinned(path, name, entry);
  if (notPinned !== undefined) return notPinned;
  const digest = parseIntegrity(entry.integrity ?? "");
  if (!digest) return entry.integrity ? "has no sha512 in its integrity" : "has no integrity";
  return {
    path,
    name,
    version: entry.version ?? "",
    digest,
    ...(entry.os && { os: entry.os }),
    ...(entry.cpu && { cpu: entry.cpu }),
    ...(entry.libc && { libc: entry.libc }),
    optional: entry.optional === true || entry.devOptional === true,
  };
}

const modulePath = /^node_modules\/(@[^/@]+\/)?[^/@]+(\/node_modules\/(@[^/@]+\/)?[^/@]+)*$/;

/** A package as a compiled catalogue has it. */
export const npmPackageShape = z.looseObject({
  path: z.string().refine((path) => modulePath.test(path) && isRelativePath(path), "is elsewhere"),
  name: z.string().refine(isNpmName, "is not a package's name"),
  version: z.string().refine(isVersion, "is not a version"),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
  optional: z.boolean(),
});

function whyNotPinned(path: string, name: string, entry: LockEntry): string | undefined {
  if (entry.link || /^file:/.test(entry.resolved ?? "")) return "is a directory, not a package";
  if (/^git[+:]/.test(entry.resolved ?? "")) return "comes from git, not from a registry";
  if (!modulePath.test(path) || !isRelativePath(path)) return "is not in node_modules";
  if (!isNpmName(name)) return `has "${name}" as its name`;
  if (!isVersion(entry.version ?? "")) return "has no exact version";
  return undefined;
}

const platforms: readonly Platform[] = (["x64", "arm64"] as const).flatMap((arch) =>
  (["glibc", "musl"] as const).map((libc) => ({ os: "linux", arch, libc }) as const),
);

function isServed(entry: LockEntry): boolean {
  // Required packages stay, so that selectPackages can report that one does not match.
  return !entry.optional || platforms.some((platform) => fits(entry, platform));
}

/** Paths that the root needs, resolved as Node does; leaves out what only dropped packages used. */
function reachable(root: LockEntry, entries: ReadonlyMap<string, LockEntry>): Set<string> {
  const found = new Set<string>();
  const queue: [string, LockEntry][] = [["", root]];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [from, entry] = next;
    const wanted = [entry.dependencies, entry.optionalDependencies, entry.peerDependencies];
    for (const name of wanted.flatMap((group) => Object.keys(group ?? {}))) {
      const path = resolvePath(from, name, entries);
      const target = path === undefined || found.has(path) ? undefined : entries.get(path);
      if (path === undefined || !target) continue;
      found.add(path);
      queue.push([path, target]);
    }
  }
  return found;
}

function resolvePath(
  from: string,
  name: string,
  entries: ReadonlyMap<string, LockEntry>,
): string | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    const path = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (entries.has(path)) return path;
    if (base === "") return undefined;
  }
}

function compactEntry(entry: LockEntry): Partial<LockEntry> {
  const { name, version, integrity, os, cpu, libc, optional, dev, devOptional, inBundle, link } =
    entry;
  return { name, version, integrity, os, cpu, libc, optional, dev, devOptional, inBundle, link };
}

import * as z from "zod";
import { isDebVersion } from "../deb-version.ts";
import { parseHexDigest } from "../digest.ts";
import type { PlatformKey } from "../platform.ts";
import type { DebianPackage } from "../recipe.ts";
import { type ParsedLock, readDocument, wrongLock } from "./document.ts";

/** Debian's names of the architectures. */
export type DebArch = "amd64" | "arm64";

/** Debian's archives, by their names on every mirror. */
const debArchives = ["debian", "debian-security"] as const;
export type DebArchive = (typeof debArchives)[number];

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "is not a package's name");

const lockedPackage = z.strictObject({
  name: packageName,
  version: z.string().refine(isDebVersion, "is not a package's version"),
  archive: z.enum(debArchives),
  path: z
    .string()
    .max(300)
    .regex(
      /^pool\/(updates\/)?main\/[a-z0-9]+\/[a-z0-9][a-z0-9+.-]*\/[A-Za-z0-9][A-Za-z0-9+.~_-]*\.deb$/,
      "is not a path in an archive's pool",
    ),
  size: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "is not 64 hexadecimal digits"),
});

/** A package as a compiled catalogue has it. */
export const debPackageShape = z.looseObject(lockedPackage.omit({ sha256: true }).shape);

const lockDocument = z.strictObject({
  debLock: z.literal(1),
  release: z.string().regex(/^[a-z]+$/),
  snapshot: z.string().regex(/^\d{8}T\d{6}Z$/, "is not a time such as 20260912T000000Z"),
  amd64: z.array(lockedPackage).min(1).optional(),
  arm64: z.array(lockedPackage).min(1).optional(),
});

/** The packages of one program per architecture, and a time at which Debian had them all. */
export interface DebLock {
  /** Debian's name of the release, such as `bookworm`. */
  readonly release: string;
  /** A time at which the snapshot archive has every package: `20260912T000000Z`. */
  readonly snapshot: string;
  readonly packages: Readonly<Partial<Record<DebArch, readonly DebianPackage[]>>>;
}

const lockExample = "openclaw-install-skill-deps recipe lock recipes/NAME.yaml";

/** Reads a lock of Debian packages. `file` is used only in messages. */
export function parseDebLock(text: string, file: string): ParsedLock<DebLock> {
  const lock = readDocument(text, lockDocument, "a lock of Debian packages");
  if (typeof lock === "string") return wrongLock(file, lock, lockExample);
  const { release, snapshot, amd64, arm64 } = lock;
  const twice = [amd64, arm64].map((list) => firstTwice(list ?? [])).find(Boolean);
  if (twice !== undefined) return wrongLock(file, `names ${twice} twice`, lockExample);
  const packages = {
    ...(amd64 && { amd64: amd64.map(toPackage) }),
    ...(arm64 && { arm64: arm64.map(toPackage) }),
  };
  return { ok: true, held: { release, snapshot, packages } };
}

/** The text of a lock: sorted, one line per package, so that updates have small diffs. */
export function renderDebLock({ release, snapshot, packages }: DebLock): string {
  const head = [`  "debLock": 1`, `  "release": "${release}"`, `  "snapshot": "${snapshot}"`];
  const lists = Object.entries(packages).map(([arch, list]) => {
    const lines = [...list]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ digest, ...rest }) => `    ${JSON.stringify({ ...rest, sha256: digest.hex })}`);
    return `  "${arch}": [\n${lines.join(",\n")}\n  ]`;
  });
  return `{\n${[...head, ...lists].join(",\n")}\n}\n`;
}

/** Debian's name of a platform key's architecture; undefined for `any`. */
export function debArchOf(key: PlatformKey): DebArch | undefined {
  if (key.startsWith("linux-x64")) return "amd64";
  return key.startsWith("linux-arm64") ? "arm64" : undefined;
}

function firstTwice(list: readonly { name: string }[]): string | undefined {
  const names = list.map(({ name }) => name);
  return names.find((name, index) => names.indexOf(name) !== index);
}

function toPackage({ sha256, ...rest }: z.infer<typeof lockedPackage>): DebianPackage {
  const digest = parseHexDigest("sha256", sha256);
  if (!digest) throw new Error("a malformed digest passed the checks");
  return { ...rest, digest };
}

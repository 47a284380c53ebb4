import type { Digest } from "./digest.ts";
import type { InstallSpec } from "./installspec.ts";
import type { LibraryLine, LibrarySet } from "./library-set.ts";
import type { PlatformKey } from "./platform.ts";

/**
 * How an artifact is packed. `gz` and `bz2` are one compressed program, `raw` is the program
 * itself.
 */
export const archiveFormats = [
  "tar.gz",
  "tar.xz",
  "tar.bz2",
  "tar.zst",
  "tar",
  "zip",
  "gz",
  "bz2",
  "raw",
] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

/** True if the artifact is one program, so that the recipe chooses its path. */
export function isPlainFormat(format: ArchiveFormat): boolean {
  return format === "raw" || format === "gz" || format === "bz2";
}

interface ArtifactBase {
  /** Every bin's path in the tree, if one differs from the recipe's own `bins`. */
  readonly bins?: Readonly<Record<string, string>>;
  /** Smallest glibc that the programs need, such as `2.34`. */
  readonly glibc?: string;
  /** Directory of Python modules that the tree's own `python3` compiles at install. */
  readonly bytecode?: string;
  /** The version of its programs, if it is older than the recipe's. */
  readonly programVersion?: string;
  /** What its programs need at run time, if that differs from the recipe's own `needs`. */
  readonly needs?: readonly string[];
}

/** One download that becomes the whole tree. */
interface OneFile {
  readonly digest: Digest;
  /** Bytes of the download, if known. */
  readonly size?: number;
  /** Leading path components to drop. */
  readonly strip: number;
}

/** One version of a package of a registry. */
interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

/** An archive or a plain program at a literal URL. */
export interface ArchiveArtifact extends ArtifactBase, OneFile {
  readonly kind: "archive";
  readonly url: string;
  readonly format: ArchiveFormat;
}

/**
 * A package tarball of the configured npm registry, used as an archive; needs neither npm nor Node.
 */
export interface NpmPackageArtifact extends ArtifactBase, OneFile, PackageVersion {
  readonly kind: "npm-package";
}

/** A JavaScript program with all its dependencies, pinned by a lock file. */
export interface NpmClosureArtifact extends ArtifactBase, PackageVersion {
  readonly kind: "npm-closure";
  readonly packages: readonly LockedPackage[];
  /** Paths in the tree that are left out. */
  readonly without?: readonly string[];
}

/** The fields of a package-lock (version 3) entry that an installation needs. */
export interface LockedPackage extends PackageVersion {
  /** Its path in the tree: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly digest: Digest;
  /** npm's own filters: `["linux", "!win32"]`. Absent: all. */
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  /**
   * An optional package is left out if its filters do not match; for a required one that is an
   * error.
   */
  readonly optional: boolean;
}

/** A program of Debian with all its dependencies, unpacked into one tree. */
export interface DebianArtifact extends ArtifactBase, PackageVersion {
  readonly kind: "debian";
  /** A time at which the snapshot archive has every package. */
  readonly snapshot: string;
  readonly packages: readonly DebianPackage[];
  readonly start: DebianStart;
}

/** How the programs of a tree are started. `{root}` in a value is the tree's absolute path. */
export interface DebianStart {
  /** Variables, unless the user has set them. */
  readonly env: Readonly<Record<string, string>>;
  /** Bin name to arguments before the user's own. */
  readonly args: Readonly<Record<string, readonly string[]>>;
  /** One of the bins and its arguments, run once in staging. */
  readonly setup?: readonly string[];
  /** The image's own loader and C library, for programs that start themselves by /proc/self/exe. */
  readonly loader?: "system";
}

/** One package of a lock. Debian's versions are like `8:6.9.11.60+dfsg-1.6`. */
export interface DebianPackage extends PackageVersion {
  readonly archive: "debian" | "debian-security";
  /** Relative to the archive's root on any mirror: `pool/main/t/tmux/tmux_3.3a-3_amd64.deb`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** A Python program with all its dependencies, pinned by a lock of wheels. */
export interface PythonArtifact extends ArtifactBase, PackageVersion {
  readonly kind: "python";
  readonly wheels: readonly LockedWheel[];
}

/** One wheel of a lock. The package's name is normalized: `typing-extensions`. */
export interface LockedWheel extends PackageVersion {
  /** `black-26.10.1-py3-none-any.whl`: the tags at its end say where it runs. */
  readonly file: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Environments that need the package, such as `3.12-x64`; absent: all of the lock. */
  readonly only?: readonly string[];
}

/** A wheel of the configured Python index, used as an archive: a program that needs no Python. */
export interface WheelArtifact extends ArtifactBase, OneFile, PackageVersion {
  readonly kind: "wheel";
  /** `uv-0.12.5-py3-none-musllinux_1_1_x86_64.whl`. */
  readonly file: string;
}

/** A module's zip from the configured Go proxy, used as an archive: the Go toolchain itself. */
export interface GoModuleArtifact extends ArtifactBase, OneFile {
  readonly kind: "go-module";
  /** `golang.org/toolchain`. */
  readonly module: string;
  readonly version: string;
}

/** A program built from a module of the configured Go proxy. */
export interface GoBuildArtifact extends ArtifactBase {
  readonly kind: "go-build";
  readonly module: string;
  readonly version: string;
  /** Directory of the program's package in the module; `.` is its root. */
  readonly package: string;
  /** The module's checksum in the checksum database: `h1:…`. */
  readonly sum: string;
  /** Smallest Go version that builds it, such as `1.25`. */
  readonly toolchain: string;
}

/**
 * The Python packages of a library set: a tree with `site-packages` and no programs, for one interpreter line,
 * whatever Python the volume has.
 */
export interface PythonLibrariesArtifact extends ArtifactBase {
  readonly kind: "python-libraries";
  /** `cpython-311`. */
  readonly line: LibraryLine;
  readonly wheels: readonly LockedWheel[];
  /** The index to ask where none is configured; ends with `/`. */
  readonly index?: string;
}

/** The Node packages of a library set: a tree with `node_modules` and no programs. */
export interface NodeLibrariesArtifact extends ArtifactBase {
  readonly kind: "node-libraries";
  readonly packages: readonly LockedPackage[];
}

/** A skill's declaration before its first use, which pins it. */
export interface DeclaredArtifact extends ArtifactBase, Declaration {
  readonly kind: "declared";
  readonly spec: InstallSpec;
}

/** A library set before its first use, which pins it: see `recordedLibraries`. */
export interface DeclaredLibrariesArtifact extends ArtifactBase, Declaration {
  readonly kind: "declared-libraries";
  readonly set: LibrarySet;
}

/** Marks a recipe that comes from an untrusted skill. */
export interface Declaration {
  /** The declaration in one word: `npm:zog@1`. */
  readonly from: string;
  /** The skill. */
  readonly by: string;
  /** The declaration at its first use, if it has changed since. */
  readonly recorded?: string | undefined;
  /** The user has confirmed that the recorded one is replaced. */
  readonly accepted?: boolean;
}

export type Artifact =
  | ArchiveArtifact
  | NpmPackageArtifact
  | NpmClosureArtifact
  | DebianArtifact
  | PythonArtifact
  | WheelArtifact
  | GoModuleArtifact
  | GoBuildArtifact
  | PythonLibrariesArtifact
  | NodeLibrariesArtifact
  | DeclaredLibrariesArtifact
  | DeclaredArtifact;

export type ArtifactKind = Artifact["kind"];
/** The artifacts of one kind. */
export type ArtifactOf<Kind extends ArtifactKind> = Extract<Artifact, { readonly kind: Kind }>;

/** What authors' commands can check about a source beyond its digest. */
export const signatureKinds = [
  "npm-signature",
  "npm-provenance",
  "pypi-attestation",
  "github-attestation",
  "sigstore",
  "minisign",
  "pgp",
  "debian-index",
  "go-sumdb",
] as const;
export type SignatureKind = (typeof signatureKinds)[number];

/** Who has signed the bytes of a source: what a recipe records of a check. */
export interface SignedBy {
  readonly kind: SignatureKind;
  /** A key's id or fingerprint, a workflow, an address. */
  readonly by: string;
  /** Who vouched for an identity. */
  readonly issuer?: string | undefined;
  /** `REPOSITORY@COMMIT` that it was built from. */
  readonly source?: string | undefined;
  /** The URL of the signature. */
  readonly at?: string | undefined;
  /** The URL of the key. */
  readonly key?: string | undefined;
  /** The day. */
  readonly checked?: string | undefined;
}

/** How one tool is installed: literal and pinned. */
export interface Recipe {
  readonly name: string;
  /** Empty if a private recipe does not say it; so is `homepage`. */
  readonly description: string;
  readonly homepage: string;
  /** `unknown` if a private recipe does not say it. */
  readonly license: string;
  readonly version: string;
  /** Where the digests come from, in one line. */
  readonly provenance?: string;
  /** Who signed its sources, for people; installs do not read it. */
  readonly signed?: readonly SignedBy[];
  /** Bin name to path in the unpacked tree. */
  readonly bins: Readonly<Record<string, string>>;
  /** Other names of the tool and its program: see aliases.ts. */
  readonly aliases?: readonly string[];
  /** A smoke test: one of `bins` and its arguments. It passes with exit status 0, and `testOutput`. */
  readonly test: readonly string[];
  /** Files of the directory in which it is run: name to text. */
  readonly testFiles?: Readonly<Record<string, string>>;
  /** What its stdout must contain. */
  readonly testOutput?: string;
  /** Recipes whose programs this one needs at run time, such as `node`. */
  readonly needs: readonly string[];
  /** Per platform key, the sources in the order in which they are tried. */
  readonly artifacts: Readonly<Partial<Record<PlatformKey, readonly Artifact[]>>>;
  /** The file it was read from, or `bundled`. */
  readonly origin: string;
  /** Present if the recipe comes from a skill, not from a catalogue. */
  readonly declared?: Declaration;
  /** Present for a library set: see the manifest. */
  readonly libraries?: { readonly digest: string; readonly names: readonly string[] };
}

/** All known recipes, by name. A recipe in an earlier directory hides one with the same name. */
export interface Catalogue {
  readonly recipes: ReadonlyMap<string, Recipe>;
  /** Bin name, or an alias that is no recipe's name or bin, to the recipe that provides it. */
  readonly providers: ReadonlyMap<string, string>;
}

/** An error in a recipe file. */
export interface RecipeProblem {
  readonly file: string;
  /** From 1; 0 if no line is known. */
  readonly line: number;
  readonly message: string;
  /** The correct form, as YAML. */
  readonly example?: string;
  /** A lock is missing, damaged or of another version: making it again corrects it. */
  readonly isOfLock?: true;
}

/** `recipes/x.yaml:7: what is wrong`, and below it the correct form. */
export function renderProblem({ file, line, message, example }: RecipeProblem): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const right =
    example === undefined ? "" : `\n  right: ${example.replaceAll("\n", "\n         ")}`;
  return `${place}: ${message}${right}`;
}

import type { Digest } from "./digest.ts";
import type { InstallSpec } from "./installspec.ts";
import type { PlatformKey } from "./platform.ts";

/**
 * How the bytes of an artifact are packed. `gz` and `bz2` are one compressed program, `raw` the
 * program itself.
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

/** True where the bytes are one program, so that its path is the recipe's to say. */
export function isPlainFormat(format: ArchiveFormat): boolean {
  return format === "raw" || format === "gz" || format === "bz2";
}

interface ArtifactBase {
  /** Every bin's path in the tree, where one differs from the recipe's own `bins`. */
  readonly bins?: Readonly<Record<string, string>>;
  /** Smallest glibc that the programs start with, such as `2.34`. */
  readonly glibc?: string;
  /** Directory of Python modules in the tree that the tree's own `python3` compiles at install. */
  readonly bytecode?: string;
}

/** An archive or a plain program at a literal URL. */
export interface ArchiveArtifact extends ArtifactBase {
  readonly kind: "archive";
  readonly url: string;
  readonly digest: Digest;
  /** Bytes of the download, where known. */
  readonly size?: number;
  readonly format: ArchiveFormat;
  /** Leading path components to drop. */
  readonly strip: number;
}

/** One package tarball of the machine's npm registry, used as an archive: no npm, no Node. */
export interface NpmPackageArtifact extends ArtifactBase {
  readonly kind: "npm-package";
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly size?: number;
  readonly strip: number;
}

/** A JavaScript program with every package it needs, pinned by a lock file. */
export interface NpmClosureArtifact extends ArtifactBase {
  readonly kind: "npm-closure";
  readonly name: string;
  readonly version: string;
  readonly packages: readonly LockedPackage[];
}

/** One entry of a package-lock (version 3), as far as an installation needs it. */
export interface LockedPackage {
  /** Where it lies in the tree: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  /** npm's own filters: `["linux", "!win32"]`. Absent: every one. */
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  /** May be left out where its filters do not fit; one that is not optional may not. */
  readonly optional: boolean;
}

/** A program of Debian with every package it needs, unpacked side by side into one tree. */
export interface DebianArtifact extends ArtifactBase {
  readonly kind: "debian";
  readonly name: string;
  /** Debian's own: `8:6.9.11.60+dfsg-1.6`. */
  readonly version: string;
  /** A time at which the snapshot archive has every package. */
  readonly snapshot: string;
  readonly packages: readonly DebianPackage[];
  readonly start: DebianStart;
}

/** How the programs of a tree are started. `{root}` in a value is the tree's absolute path. */
export interface DebianStart {
  /** Variables that the user has not set. */
  readonly env: Readonly<Record<string, string>>;
  /** Bin name to arguments before the user's own. */
  readonly args: Readonly<Record<string, readonly string[]>>;
  /** One of the bins and its arguments, run once in staging. */
  readonly setup?: readonly string[];
}

/** One package of a lock. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly archive: "debian" | "debian-security";
  /** Relative to the archive's root on any mirror: `pool/main/t/tmux/tmux_3.3a-3_amd64.deb`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** A Python program with every package it needs, pinned by a lock of wheels. */
export interface PythonArtifact extends ArtifactBase {
  readonly kind: "python";
  readonly name: string;
  readonly version: string;
  readonly wheels: readonly LockedWheel[];
}

/** One wheel of a lock, for some of the places in which a program may run. */
export interface LockedWheel {
  /** The package's name in its normal form: `typing-extensions`. */
  readonly name: string;
  readonly version: string;
  /** `black-26.10.1-py3-none-any.whl`: its end says where it runs. */
  readonly file: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Places that need the package, such as `3.12-x64`; absent: all of the lock. */
  readonly only?: readonly string[];
}

/** A module's zip from the machine's Go proxy, used as an archive: the Go toolchain itself. */
export interface GoModuleArtifact extends ArtifactBase {
  readonly kind: "go-module";
  /** `golang.org/toolchain`. */
  readonly module: string;
  readonly version: string;
  readonly digest: Digest;
  readonly size?: number;
  readonly strip: number;
}

/** A program built from a module of the machine's Go proxy. */
export interface GoBuildArtifact extends ArtifactBase {
  readonly kind: "go-build";
  readonly module: string;
  readonly version: string;
  /** Directory of the program's package in the module; `.` is its root. */
  readonly package: string;
  /** The module's own checksum, as the checksum database has it: `h1:…`. */
  readonly sum: string;
  /** Smallest Go that builds it, such as `1.25`. */
  readonly toolchain: string;
}

/** What a skill declares and nobody has used yet: it is pinned when it is used for the first time. */
export interface DeclaredArtifact extends ArtifactBase, Declaration {
  readonly kind: "declared";
  readonly spec: InstallSpec;
}

/** That a recipe is a skill's own, untrusted word. */
export interface Declaration {
  /** The declaration in one word: `npm:zog@1`. */
  readonly from: string;
  /** The skill. */
  readonly by: string;
  /** What it was when it was used for the first time, where it is another one now. */
  readonly recorded?: string;
  /** A person has said that what was recorded is to be replaced. */
  readonly accepted?: boolean;
}

export type Artifact =
  | ArchiveArtifact
  | NpmPackageArtifact
  | NpmClosureArtifact
  | DebianArtifact
  | PythonArtifact
  | GoModuleArtifact
  | GoBuildArtifact
  | DeclaredArtifact;

export type ArtifactKind = Artifact["kind"];
/** The artifacts of one kind. */
export type ArtifactOf<Kind extends ArtifactKind> = Extract<Artifact, { readonly kind: Kind }>;

/** How one tool is had: literal, pinned, nothing computed. */
export interface Recipe {
  readonly name: string;
  readonly description: string;
  readonly homepage: string;
  readonly license: string;
  readonly version: string;
  /** Where the digests come from, in one line. */
  readonly provenance?: string;
  /** Bin name to path in the unpacked tree. */
  readonly bins: Readonly<Record<string, string>>;
  /** Other names of the tool, and of its program: see aliases.ts. */
  readonly aliases?: readonly string[];
  /** A smoke test: one of `bins` and its arguments. Exit status 0 is right. */
  readonly test: readonly string[];
  /** Recipes whose programs this one needs at run time, such as `node`. */
  readonly needs: readonly string[];
  /** Per platform key, the sources in the order they are tried. */
  readonly artifacts: Readonly<Partial<Record<PlatformKey, readonly Artifact[]>>>;
  /** The file it was read from, or `bundled`. */
  readonly origin: string;
  /** Present where a skill, and no catalogue, says how it is had. */
  readonly declared?: Declaration;
}

/** All recipes in view, by name. A recipe of an earlier directory hides one of the same name. */
export interface Catalogue {
  readonly recipes: ReadonlyMap<string, Recipe>;
  /** Bin name, or an alias that is no recipe's name or bin, to the name of the recipe that provides it. */
  readonly providers: ReadonlyMap<string, string>;
}

/** Where a recipe file is wrong. */
export interface RecipeProblem {
  readonly file: string;
  /** From 1; 0 where no line can be named. */
  readonly line: number;
  readonly message: string;
  /** What is right, as YAML. */
  readonly example?: string;
}

/** `recipes/x.yaml:7: what is wrong`, and below it what is right. */
export function renderProblem({ file, line, message, example }: RecipeProblem): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const right =
    example === undefined ? "" : `\n  right: ${example.replaceAll("\n", "\n         ")}`;
  return `${place}: ${message}${right}`;
}

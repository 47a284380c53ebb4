import { sha256Hex } from "../digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { Manifest, VerifiedRecord } from "../manifest.ts";
import type { Platform } from "../platform.ts";
import type { Artifact, Catalogue, Declaration, Recipe } from "../recipe.ts";
import { compareVersions } from "../versions.ts";
import { describeKind } from "./kinds.ts";

/** Programs that are required: all of `bins`, and one of `anyBins` unless that is empty. */
export interface Requirement {
  /** The skill's name, or the argument of the command line. */
  readonly for: string;
  readonly bins: readonly string[];
  readonly anyBins: readonly string[];
  /** Requested by name: only programs of the volume count, not those of the image. */
  readonly inVolume?: boolean;
  /** Library sets, by their tools' names. */
  readonly libraries?: readonly string[];
}

export type InstallReason =
  | "missing"
  | "damaged"
  | "recipe changed"
  | "newer version"
  /** Of the command: this version, from another build. */
  | "other build"
  /** The Python that its packages were chosen for is replaced by another minor version. */
  | "other Python"
  | "forced";

/** One tool to install; the data that apply needs. */
export interface InstallStep {
  readonly action: "install";
  readonly tool: string;
  readonly version: string;
  /** What people read in place of both, for a library set. */
  readonly title?: string | undefined;
  readonly reason: InstallReason;
  /** The version that it replaces. */
  readonly replaces?: string | undefined;
  /**
   * The installed version, from an older source of the same recipe: it stays if no better one can
   * be fetched.
   */
  readonly fallback?: string | undefined;
  /** Bytes to download, if the recipe says. */
  readonly size?: number | undefined;
  readonly bins: readonly string[];
  /** Aliases of its programs: alias to program. Included in `bins`. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  readonly needs: readonly string[];
  /** What requires it: skills, arguments, other tools. */
  readonly for: readonly string[];
  /** Absent if only the seed has the tool. */
  readonly recipe?: Recipe | undefined;
  /** The sources for this platform, in the order they are tried. */
  readonly artifacts: readonly Artifact[];
  readonly seed?: SeedSource | undefined;
  /** Present for the command itself: its only source. */
  readonly ownPackage?: OwnPackage | undefined;
  /** Present if the recipe comes only from an untrusted skill. */
  readonly declared?: Declaration | undefined;
}

/**
 * True if the tree in the volume cannot be reused: a tree for another Python is intact but useless.
 */
export function isForced({ reason }: InstallStep): boolean {
  return reason === "forced" || reason === "other Python";
}

/** The package that is running, of which the volume gets a copy. */
export interface OwnPackage {
  /** Absolute. */
  readonly dir: string;
  readonly version: string;
  /** What tells its build from others of the same version: 64 hex digits. */
  readonly build: string;
  readonly license: string;
  /** It is a copy that lies in this very volume. */
  readonly isInstalled: boolean;
}

/** The seed's tree of a tool. */
export interface SeedSource {
  readonly record: VerifiedRecord;
  /**
   * Tried before the artifacts if it equals their result or they cannot be fetched here; else
   * after.
   */
  readonly isFirst: boolean;
}

/** The tree is intact; only its links or launchers in `bin/` are recreated. */
export interface LinkStep {
  readonly action: "link";
  readonly tool: string;
  readonly version: string;
  readonly bins: readonly string[];
  readonly record: VerifiedRecord;
}

/** Present and valid: nothing is done. */
interface KeepStep {
  readonly action: "keep";
  readonly tool: string;
  readonly version: string;
  readonly bins: readonly string[];
  /** The catalogue has this newer version; `update` installs it. */
  readonly newer?: string | undefined;
  /** Why the last attempt to install the newer version failed. */
  readonly unreachable?: string | undefined;
  /** It is held: `update` does not change it. */
  readonly held?: boolean | undefined;
}

export type Step = InstallStep | LinkStep | KeepStep;

/** What cannot be installed here, and why. */
export interface Unmet {
  readonly bin: string;
  readonly for: readonly string[];
  readonly reason: string;
  readonly problem: ErrorCode;
  readonly hint?: string | undefined;
}

/** The state of one required program. */
export type BinState =
  | { readonly state: "present"; readonly path: string; readonly tool?: string }
  | {
      readonly state: "install";
      readonly tool: string;
      readonly version: string;
      /** What a skill declares, if nothing else provides the program. */
      readonly declared?: string | undefined;
    }
  | { readonly state: "unmet"; readonly reason: string; readonly problem: ErrorCode };

export interface Plan {
  readonly platform: string;
  readonly steps: readonly Step[];
  /** For tools that only a later source of another tool needs: done if that source is tried. */
  readonly spare?: readonly Step[];
  /** For the command itself, which no skill needs: it is not counted, and its failure is a warning. */
  readonly command?: Step | undefined;
  readonly unmet: readonly Unmet[];
  /** Every program that a requirement names. */
  readonly bins: Readonly<Record<string, BinState>>;
}

/** What the volume and the machine have. The caller collects it, so that planning does no I/O. */
interface Present {
  readonly manifest: Manifest;
  /** Tools of the manifest whose tree is damaged. */
  readonly damaged: ReadonlySet<string>;
  /** Tools with an intact tree but a missing or wrong link or launcher in `bin/`. */
  readonly unlinked: ReadonlySet<string>;
  /** Program name to absolute path, for programs outside the volume. */
  readonly system: ReadonlyMap<string, string>;
}

export interface PlanRequest {
  readonly requirements: readonly Requirement[];
  readonly catalogue: Catalogue;
  readonly platform: Platform;
  readonly present: Present;
  /** Absent if the running package is not complete. */
  readonly ownPackage?: OwnPackage | undefined;
  /** The contents of the image's seed, by tool. */
  readonly seed: Readonly<Record<string, VerifiedRecord>>;
  /** Nothing can be fetched. */
  readonly offline: boolean;
  /** Programs outside the volume are ignored. */
  readonly ignoreSystem: boolean;
  /** Reinstall present tools: all that are requested, or these. */
  readonly force: "all" | ReadonlySet<string>;
  /** Replace installed versions that are older than the catalogue's. */
  readonly update: boolean;
  /** Why a skill's own declaration does not provide a program. */
  readonly notDeclared?: ReadonlyMap<string, string>;
  /** The catalogue that should be used, where it cannot be used now. */
  readonly noCatalogue?: string | undefined;
}

/** A source's version, which may be older than that of the recipe's first choice. */
export function versionOf(recipe: Recipe, artifact: Artifact): string {
  const { programVersion } = artifact;
  return programVersion ?? describeKind(artifact).versionOf?.(artifact) ?? recipe.version;
}

/** The newest version among these sources. */
export function newestVersion(recipe: Recipe, artifacts: readonly Artifact[]): string {
  const versions = artifacts.map((artifact) => versionOf(recipe, artifact));
  return versions.reduce(
    (newest, version) => (compareVersions(version, newest) > 0 ? version : newest),
    versions[0] ?? recipe.version,
  );
}

/**
 * The identity of an installation: the version, the pinned bytes and how they become a tree.
 * Recipes with different resulting trees have different keys, even at the same version. 12 hex
 * digits.
 */
export function installationKey(recipe: Recipe, artifact: Artifact): string {
  const bins = Object.entries(artifact.bins ?? recipe.bins).sort(([a], [b]) => (a < b ? -1 : 1));
  const { digestOf, shapeOf } = describeKind(artifact);
  const parts = [recipe.version, artifact.kind, digestOf(artifact), shapeOf(artifact), bins];
  return sha256Hex(JSON.stringify(parts)).slice(0, 12);
}

import { sha256Hex } from "../digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { Manifest, SealedRecord } from "../manifest.ts";
import type { Platform } from "../platform.ts";
import type { Artifact, Catalogue, Declaration, Recipe } from "../recipe.ts";
import { compareVersions } from "../versions.ts";
import { describeKind } from "./kinds.ts";

/** Programs that something asks for: all of `bins`, and one of `anyBins` where there are any. */
export interface Requirement {
  /** The skill's name, or the argument of the command line. */
  readonly for: string;
  readonly bins: readonly string[];
  readonly anyBins: readonly string[];
  /** Asked for by name: only programs of the volume count, not those of the image. */
  readonly inVolume?: boolean;
}

export type InstallReason =
  | "missing"
  | "damaged"
  | "recipe changed"
  | "newer version"
  /** The Python that its packages were chosen for is replaced by one of another line. */
  | "other Python"
  | "forced";

/** One tool to be installed; the data that apply needs, and nothing else. */
export interface InstallStep {
  readonly action: "install";
  readonly tool: string;
  readonly version: string;
  readonly reason: InstallReason;
  /** The version that it replaces. */
  readonly replaces?: string;
  /** The installed version, from an older source of the same recipe: it stays where no better one can be had. */
  readonly fallback?: string;
  /** Bytes to download, where the recipe says. */
  readonly size?: number;
  readonly bins: readonly string[];
  /** Further names of its programs: name to program. Part of `bins`. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly needs: readonly string[];
  /** Who asks for it: skills, arguments, other tools. */
  readonly for: readonly string[];
  /** Absent where only the seed has the tool. */
  readonly recipe?: Recipe;
  /** The sources for this platform, in the order they are tried. */
  readonly artifacts: readonly Artifact[];
  readonly seed?: SeedSource;
  /** Present where a skill's own, untrusted word is all there is. */
  readonly declared?: Declaration;
}

/** True where what is in the volume cannot be reused: a tree for another Python is whole, and useless. */
export function isForced({ reason }: InstallStep): boolean {
  return reason === "forced" || reason === "other Python";
}

/** The seed's tree of a tool. */
export interface SeedSource {
  readonly record: SealedRecord;
  /** Before the artifacts: it is what they would give, or they cannot be fetched here. Else after. */
  readonly isFirst: boolean;
}

/** The tree is whole; only its links or launchers in `bin/` are made anew. */
export interface LinkStep {
  readonly action: "link";
  readonly tool: string;
  readonly version: string;
  readonly bins: readonly string[];
  readonly record: SealedRecord;
}

/** Present and valid: nothing is done. */
interface KeepStep {
  readonly action: "keep";
  readonly tool: string;
  readonly version: string;
  readonly bins: readonly string[];
  /** The catalogue has this newer version; `update` installs it. */
  readonly newer?: string;
  /** Why the newer version could not be had when that was tried last. */
  readonly unreachable?: string;
}

export type Step = InstallStep | LinkStep | KeepStep;

/** What cannot be had here, and why. */
export interface Unmet {
  readonly bin: string;
  readonly for: readonly string[];
  readonly reason: string;
  readonly problem: ErrorCode;
  readonly hint?: string;
}

/** How one required program stands. */
export type BinState =
  | { readonly state: "present"; readonly path: string; readonly tool?: string }
  | {
      readonly state: "install";
      readonly tool: string;
      readonly version: string;
      /** What a skill declares, where that is all there is. */
      readonly declared?: string;
    }
  | { readonly state: "unmet"; readonly reason: string; readonly problem: ErrorCode };

export interface Plan {
  readonly platform: string;
  readonly steps: readonly Step[];
  readonly unmet: readonly Unmet[];
  /** Every program that a requirement names. */
  readonly bins: Readonly<Record<string, BinState>>;
}

/** What the volume and the machine have; found by io/store.ts, so that planning touches no disk. */
interface Present {
  readonly manifest: Manifest;
  /** Tools of the manifest whose tree is not whole. */
  readonly damaged: ReadonlySet<string>;
  /** Tools whose tree is whole and whose link or launcher in `bin/` is not. */
  readonly unlinked: ReadonlySet<string>;
  /** Program name to absolute path, of programs outside the volume. */
  readonly system: ReadonlyMap<string, string>;
}

export interface PlanRequest {
  readonly requirements: readonly Requirement[];
  readonly catalogue: Catalogue;
  readonly platform: Platform;
  readonly present: Present;
  /** What the image's seed holds, by tool. */
  readonly seed: Readonly<Record<string, SealedRecord>>;
  /** Nothing can be fetched. */
  readonly offline: boolean;
  /** What is on the system counts for nothing. */
  readonly ignoreSystem: boolean;
  /** Install again what is present: everything asked for, or these tools. */
  readonly force: "all" | ReadonlySet<string>;
  /** Replace installed versions that are older than the catalogue's. */
  readonly update: boolean;
  /** Why not even a skill's own word provides a program. */
  readonly notDeclared?: ReadonlyMap<string, string>;
}

/** The version that a source has: Debian's may be another than the recipe's first choice. */
export function versionOf(recipe: Recipe, artifact: Artifact): string {
  return describeKind(artifact).versionOf?.(artifact) ?? recipe.version;
}

/** The newest version that these sources have. */
export function newestVersion(recipe: Recipe, artifacts: readonly Artifact[]): string {
  const versions = artifacts.map((artifact) => versionOf(recipe, artifact));
  return versions.reduce(
    (newest, version) => (compareVersions(version, newest) > 0 ? version : newest),
    versions[0] ?? recipe.version,
  );
}

/**
 * What identifies an installation: the version, the pinned bytes and how they become a tree. Two
 * recipes that would give different trees have different keys, also at the same version. 12 hex digits.
 */
export function installationKey(recipe: Recipe, artifact: Artifact): string {
  const bins = Object.entries(artifact.bins ?? recipe.bins).sort(([a], [b]) => (a < b ? -1 : 1));
  const { digestOf, shapeOf } = describeKind(artifact);
  const parts = [recipe.version, artifact.kind, digestOf(artifact), shapeOf(artifact), bins];
  return sha256Hex(JSON.stringify(parts)).slice(0, 12);
}

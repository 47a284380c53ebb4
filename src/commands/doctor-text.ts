import { commandName } from "../core/layout.ts";
import { titleOfTool } from "../core/library-set.ts";
import { countTools } from "../core/manifest.ts";
import { type Behind, describeBehind } from "../core/plan/behind.ts";
import { titleOfRecord } from "../core/plan/needed-by.ts";
import { nameSome } from "../core/wording.ts";
import type { LoginShell } from "../io/volume/login-shell.ts";
import { printable, titleOf, withHint } from "../report/text.ts";
import type { InstalledState } from "../run/inputs/state.ts";
import { type DisabledSkill, enableCommand } from "./disabled-skills.ts";
import { type catalogueDocument, describeCatalogue } from "./named-catalogue.ts";

/** One problem. */
export interface Finding {
  /** The tool with the damaged tree or links. */
  readonly tool?: string;
  readonly message: string;
  readonly hint: string;
}

/** A missing requirement. */
export interface Missing {
  /** A tool that a recipe or the seed has; or a program that nothing provides. */
  readonly name: string;
  /** The skills and others that require it. */
  readonly for: readonly string[];
  readonly reason: string;
}

/** The document of `doctor --json`. */
export interface Diagnosis {
  readonly prefix: string;
  readonly platform: string;
  /** What `--catalogue` led to; null without it. */
  readonly catalogue: ReturnType<typeof catalogueDocument>;
  /** Every file was hashed. */
  readonly deep: boolean;
  readonly tools: readonly string[];
  readonly missing: readonly Missing[];
  readonly findings: readonly Finding[];
  /** A tool with a newer version in the catalogue. */
  readonly older: readonly Behind[];
  /** Disabled in openclaw.json, although their programs are here. */
  readonly disabled: readonly DisabledSkill[];
  readonly loginShell: LoginShell;
  readonly lastRun: unknown;
  readonly exitStatus: number;
}

/** How many warnings of the last run are shown. */
const mostWarnings = 10;

/** The text of `doctor`; the last line is the verdict. */
export function renderDiagnosis(state: InstalledState, diagnosis: Diagnosis): string {
  const { findings, older } = diagnosis;
  const damaged = findings.filter(({ tool }) => tool !== undefined);
  const others = findings.filter(({ tool }) => tool === undefined);
  return [
    renderSound(state, diagnosis),
    ...section("missing:", renderMissing(diagnosis.missing)),
    ...section(
      "damaged:",
      damaged.map(({ message }) => message),
    ),
    ...section("older than the catalogue:", older.map(describeBehind)),
    ...renderDisabled(diagnosis.disabled),
    ...renderImage(state),
    ...others.map(({ message, hint }) => withHint(message, hint)),
    ...(isOnLoginPath(diagnosis) ? ["login shells find the volume's programs"] : []),
    ...[describeCatalogue(state)].filter((line) => line !== undefined),
    ...renderLastRun(diagnosis.lastRun),
    renderVerdict(state, diagnosis),
  ]
    .map((line) => `${printable(line)}\n`)
    .join("");
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

function renderSound(
  { manifest, inspection }: InstalledState,
  { prefix, platform, deep }: Diagnosis,
): string {
  const { damaged, unlinked } = inspection;
  const sound = Object.values(manifest.tools).filter(
    ({ tool }) => tool !== commandName && !damaged.has(tool) && !unlinked.has(tool),
  );
  const names = sound.map((record) => titleOf({ ...record, title: titleOfRecord(record) }));
  const depth = deep ? "every file was hashed" : "--deep hashes every file";
  const what =
    names.length === 0 ? "no installed tool is intact" : `intact: ${nameSome(names, 12)}`;
  const none = countTools(manifest) === 0;
  return `${prefix} (${platform}): ${none ? "nothing is installed yet" : `${what} (${depth})`}`;
}

/**
 * One line per group of programs that the same skills require and that are missing for the same
 * reason.
 */
function renderMissing(missing: readonly Missing[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { name, for: requiredBy, reason } of missing) {
    const why = `(for ${nameSome(requiredBy, 3)}): ${reason}`;
    groups.set(why, [...(groups.get(why) ?? []), name]);
  }
  return [...groups].map(([why, names]) => `${nameSome(names, 20)} ${why}`);
}

/** A hint only: an operator may have disabled them for another reason. */
function renderDisabled(disabled: Diagnosis["disabled"]): string[] {
  if (disabled.length === 0) return [];
  const skills = disabled.map(({ skill, bins }) => `${skill} (${bins.join(", ")})`);
  const message = `disabled in openclaw.json although their programs are here: ${nameSome(skills, 40)}`;
  const hint = [
    "openclaw doctor --fix disables skills whose programs are not on its PATH. To enable them again:",
    `  ${enableCommand(disabled)}`,
  ].join("\n");
  return [withHint(message, hint)];
}

/** Required programs that the image has. */
function renderImage({ plan }: InstalledState): string[] {
  const found = Object.entries(plan.bins).flatMap(([bin, state]) =>
    state.state === "present" && state.tool === undefined ? [`${bin} (${state.path})`] : [],
  );
  return found.length > 0 ? [`found in the image: ${nameSome(found)}`] : [];
}

function isOnLoginPath({ tools, loginShell }: Diagnosis): boolean {
  const { missing, shadowed } = loginShell;
  return tools.length > 0 && missing.length + Object.keys(shadowed).length === 0;
}

function renderLastRun(lastRun: unknown): string[] {
  const { at, summary, exitStatus, warnings } = (lastRun ?? {}) as Record<string, unknown>;
  if (typeof at !== "string") return ["no run is recorded here yet"];
  const time = at.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  const said = typeof summary === "string" ? summary : `it ended with status ${exitStatus}`;
  const all = (Array.isArray(warnings) ? warnings : []).map(String);
  const more = all.length - mostWarnings;
  const lines = [...all.slice(0, mostWarnings), ...(more > 0 ? [`and ${more} more`] : [])];
  // A run that had nothing to do is not recorded.
  return section(`last run that changed or warned of something, ${time}:`, [said, ...lines]);
}

function renderVerdict(
  { brokenManifest }: InstalledState,
  { missing, findings, exitStatus }: Diagnosis,
): string {
  if (exitStatus === 0) return "everything required is installed";
  const damaged = findings.flatMap(({ tool }) => (tool === undefined ? [] : titleOfTool(tool)));
  const parts = [
    ...(missing.length > 0 ? [`missing: ${nameSome(namesOf(missing), 20)}`] : []),
    ...(damaged.length > 0 ? [`damaged: ${nameSome(damaged, 20)}`] : []),
    ...(brokenManifest ? ["the manifest cannot be used"] : []),
  ];
  return `${parts.join("; ")} (doctor --repair installs what is available)`;
}

const namesOf = (missing: readonly Missing[]): string[] => missing.map(({ name }) => name);

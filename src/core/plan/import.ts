import { isHeld, type Manifest, type SelectedSkill, type VerifiedRecord } from "../manifest.ts";
import { compareVersions } from "../versions.ts";
import type { InstallReason, InstallStep, Plan } from "./plan.ts";
import { requestedTools } from "./required-by.ts";
import { seedParts } from "./seed.ts";

/** The action for one tool of another volume. */
export type ImportStep =
  | {
      readonly action: "take";
      readonly tool: string;
      readonly version: string;
      readonly why: "missing" | "damaged" | "newer" | "forced";
      /** The version that it replaces. */
      readonly replaces: string | undefined;
      readonly record: VerifiedRecord;
    }
  | {
      readonly action: "keep" | "refuse";
      readonly tool: string;
      readonly version: string;
      readonly why: string;
    };

type CopyStep = Extract<ImportStep, { action: "take" }>;

export interface ImportRequest {
  readonly own: Manifest;
  /** Tools of this volume whose tree is damaged. */
  readonly damaged: ReadonlySet<string>;
  readonly theirs: Manifest;
  /** Also import the same or an older version. */
  readonly force: boolean;
}

/**
 * Decides which tools of another volume are imported: those that are missing, damaged or older
 * here. Pure. A tool comes after the tools that it needs.
 */
export function planImport(request: ImportRequest): ImportStep[] {
  const steps = new Map(
    Object.values(request.theirs.tools).map((record) => [record.tool, stepFor(record, request)]),
  );
  // A rejected tool may be a dependency of another one.
  for (let changed = true; changed; ) {
    changed = false;
    for (const step of steps.values()) {
      if (step.action !== "take") continue;
      const why = problemOf(step, steps, request);
      if (why === undefined) continue;
      steps.set(step.tool, { action: "refuse", tool: step.tool, version: step.version, why });
      changed = true;
    }
  }
  return inOrder(steps, request.theirs);
}

function stepFor(record: VerifiedRecord, { own, damaged, force }: ImportRequest): ImportStep {
  const { tool, version } = record;
  const here = own.tools[tool];
  const take = (why: CopyStep["why"]): ImportStep => {
    return { action: "take", tool, version, why, replaces: here?.version, record };
  };
  if (!here) return take("missing");
  if (isHeld(own, tool) && version !== here.version && !damaged.has(tool))
    return { action: "keep", tool, version, why: `${here.version} is held here` };
  if (force) return take("forced");
  if (damaged.has(tool)) return take("damaged");
  if (here.contents === record.contents) return { action: "keep", tool, version, why: "the same" };
  const order = compareVersions(version, here.version);
  if (order > 0) return take("newer");
  const why =
    order < 0 ? `${here.version} here is newer` : "this version is here, from another source";
  return { action: "keep", tool, version, why };
}

/** Why a tool cannot be imported; undefined if it can. */
function problemOf(
  { tool, record }: CopyStep,
  steps: ReadonlyMap<string, ImportStep>,
  { own }: ImportRequest,
): string | undefined {
  const missing = record.needs.find(
    (need) => own.tools[need] === undefined && steps.get(need)?.action !== "take",
  );
  if (missing !== undefined) return `it needs ${missing}, which is in neither of the two`;
  for (const bin of Object.keys(record.bins)) {
    const others = [
      ...Object.values(own.tools),
      ...[...steps.values()].flatMap((step) => (step.action === "take" ? [step.record] : [])),
    ];
    const owner = others.find((other) => other.tool !== tool && other.bins[bin] !== undefined);
    if (owner) return `its program ${bin} already belongs to ${owner.tool}`;
  }
  return undefined;
}

function inOrder(steps: ReadonlyMap<string, ImportStep>, { tools }: Manifest): ImportStep[] {
  const ordered = new Set<ImportStep>();
  const under = new Set<string>();
  const place = (tool: string): void => {
    const step = steps.get(tool);
    if (!step || under.has(tool)) return;
    under.add(tool);
    for (const need of tools[tool]?.needs ?? []) place(need);
    ordered.add(step);
  };
  for (const tool of [...steps.keys()].sort()) place(tool);
  return [...ordered];
}

const reasons: Readonly<Record<CopyStep["why"], InstallReason>> = {
  missing: "missing",
  damaged: "damaged",
  newer: "newer version",
  forced: "forced",
};

/** The import as an ordinary plan: the other volume is its seed, and the only source. */
export function planOfImport(steps: readonly ImportStep[], platform: string): Plan {
  const install = ({ tool, why, replaces, record }: CopyStep): InstallStep => ({
    action: "install",
    tool,
    reason: reasons[why],
    replaces,
    for: [],
    ...seedParts(record),
    artifacts: [],
    seed: { record, isFirst: true },
  });
  const wanted = steps.filter((step) => step.action === "take");
  return { platform, steps: wanted.map(install), unmet: [], bins: {} };
}

/** Why tools are in a volume: skills and names that request them. */
export interface Reasons {
  /** Undefined: keep the recorded ones. */
  readonly skills: readonly SelectedSkill[] | undefined;
  readonly requested: readonly string[];
  /** Tools that must stay at their version from now on. */
  readonly held?: readonly string[];
}

/**
 * Why tools of another volume are in this one: an empty volume takes over all its reasons; a tool
 * that no skill requires counts as requested by the import.
 */
export function reasonsOfImport(
  installed: readonly VerifiedRecord[],
  theirs: Manifest,
  own: Manifest,
): Reasons {
  const isNew = Object.keys(own.tools).length === 0 && own.skills.length === 0;
  const skills = isNew ? theirs.skills : undefined;
  const tools = Object.fromEntries(installed.map((record) => [record.tool, record]));
  const asked = isNew ? (theirs.requested ?? []) : [];
  const { requested: _, ...unknown } = { ...theirs, tools, skills: skills ?? own.skills };
  const held = (theirs.held ?? []).filter((tool) => tools[tool]);
  return { skills, requested: [...asked, ...requestedTools(unknown)], held };
}

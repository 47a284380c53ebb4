import type { ErrorCode } from "../errors.ts";
import type { Manifest, SelectedSkill } from "../manifest.ts";
import type { ProgramStatus, SkillStatus } from "../status-skill.ts";
import type { BinState, Plan } from "./plan.ts";

/** What tells whether the programs of skills are there. */
interface Known {
  /** Of a plan for all of these skills. */
  readonly bins: Plan["bins"];
  readonly tools: Manifest["tools"];
  /** Why tools could not be installed, by their name. */
  readonly failed: ReadonlyMap<string, string>;
  /** Why programs cannot be installed, by an earlier plan that knew more. */
  readonly unmet: ReadonlyMap<string, { readonly reason: string; readonly problem: ErrorCode }>;
}

/** The state of every program of these skills; skills that require none are left out. */
export function availabilityOf(skills: readonly SelectedSkill[], known: Known): SkillStatus[] {
  return skills.flatMap(({ name, bins, anyBins }) => {
    const programs = [...new Set(bins)].map((bin) => statusOf(bin, known));
    if (anyBins.length > 0) programs.push(oneOf(anyBins, known));
    return programs.length > 0 ? [{ skill: name, programs }] : [];
  });
}

/** The alternative that is there, else all of them as one that is missing. */
function oneOf(anyBins: readonly string[], known: Known): ProgramStatus {
  const states = anyBins.map((bin) => statusOf(bin, known));
  const there = states.find(({ state }) => state !== "missing");
  const [first] = states;
  return there ?? { ...(first ?? missing("", "", "failed")), name: anyBins.join(" or ") };
}

function statusOf(name: string, known: Known): ProgramStatus {
  const state: BinState | undefined = known.bins[name];
  const tool = state === undefined || state.state === "unmet" ? undefined : state.tool;
  switch (state?.state) {
    case "present": {
      const version = tool === undefined ? undefined : known.tools[tool]?.version;
      return version === undefined
        ? { name, state: "on PATH" }
        : { name, state: "installed", version };
    }
    case "unmet": {
      const { reason, problem } = known.unmet.get(name) ?? state;
      return missing(name, reason, problem);
    }
    default:
      return missing(name, known.failed.get(tool ?? "") ?? "it is not installed.", "failed");
  }
}

function missing(name: string, reason: string, problem: ErrorCode | "failed"): ProgramStatus {
  return { name, state: "missing", reason, problem };
}

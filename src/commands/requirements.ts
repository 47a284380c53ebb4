import type { Place } from "../context.ts";
import { exitStatus, exitStatusFor } from "../core/errors.ts";
import { isBinName } from "../core/names.ts";
import type { BinState } from "../core/plan/plan.ts";
import { renderTable } from "../report/text.ts";
import type { SurveyedSkill } from "../run/inputs/requirements.ts";
import { type Survey, survey } from "../run/inputs/state.ts";

/** `requirements`: what the skills in view ask for, whether each is selected, and how it stands. */
export async function requirements(place: Place): Promise<number> {
  const seen = await survey(place);
  const text =
    place.options.json === false
      ? renderRequirements(seen)
      : `${JSON.stringify(requirementsDocument(seen), null, 2)}\n`;
  place.stdout.write(text);
  const unmet = seen.plan.unmet.length > 0 ? (["unmet"] as const) : [];
  return unmet.length > 0 ? exitStatusFor(unmet, place.options.strict) : exitStatus.done;
}

/** The document of `requirements --json`; entrypoint/README.md describes it. */
export function requirementsDocument(seen: Survey): unknown {
  return {
    schema: 1,
    platform: seen.plan.platform,
    prefix: seen.prefix,
    skills: seen.skills.map(skillDocument),
    bins: Object.fromEntries(
      Object.entries(seen.plan.bins).map(([bin, state]) => [
        bin,
        { ...state, ...absolute(state, seen), for: askers(seen, bin) },
      ]),
    ),
  };
}

function skillDocument({ found, selected, reason }: SurveyedSkill): unknown {
  const { file, root, verdict } = found;
  const common = { name: found.name, file, root: root.kind, selected, reason };
  if (!verdict.ok) {
    const empty = { os: [], always: false, skillKey: null, bins: [], anyBins: [], install: [] };
    return { ...common, ...empty, error: verdict.error };
  }
  const { os, always, skillKey, bins, anyBins, install, hints } = verdict.skill;
  const document = { ...common, os, always, skillKey, bins, anyBins, install };
  return hints.length > 0 ? { ...document, hints } : document;
}

/** A path in the volume is told in full. */
function absolute(state: BinState, seen: Survey): { path?: string } {
  return state.state === "present" && state.tool !== undefined
    ? { path: `${seen.prefix}/${state.path}` }
    : {};
}

function askers(seen: Survey, bin: string): string[] {
  return seen.skills.flatMap(({ found, selected }) =>
    selected && found.verdict.ok && requires(found.verdict.skill, bin) ? [found.name] : [],
  );
}

function requires(skill: { bins: readonly string[]; anyBins: readonly string[] }, bin: string) {
  return skill.bins.includes(bin) || skill.anyBins.includes(bin);
}

function renderRequirements(seen: Survey): string {
  if (seen.skills.length === 0) return "no skills in view\n";
  const rows = [["SKILL", "SELECTED", "NEEDS", "WHY"]];
  for (const { found, selected, reason } of seen.skills) {
    const needs = found.verdict.ok ? describeNeeds(found.verdict.skill) : "";
    rows.push([found.name, selected ? "yes" : "no", needs || "nothing", reason]);
  }
  const bins = [["PROGRAM", "STATE", "WHERE, BY WHICH RECIPE, OR WHY NOT"]];
  for (const [bin, state] of Object.entries(seen.plan.bins)) {
    bins.push([bin, words[state.state], describeState(state, seen)]);
  }
  const programs = bins.length > 1 ? `\n${renderTable(bins)}\n` : "\nno program is required\n";
  return `${renderTable(rows)}\n${programs}`;
}

const words = { present: "present", install: "to be installed", unmet: "unmet" } as const;

function describeState(state: BinState, seen: Survey): string {
  if (state.state === "install" && state.declared !== undefined) {
    return `declared (untrusted): ${state.declared}`;
  }
  if (state.state === "install") return `recipe ${state.tool} ${state.version}`;
  if (state.state === "unmet") return state.reason;
  return absolute(state, seen).path ?? state.path;
}

function describeNeeds(skill: { bins: readonly string[]; anyBins: readonly string[] }): string {
  const shown = (bin: string): string => (isBinName(bin) ? bin : JSON.stringify(bin));
  const any = skill.anyBins.length > 0 ? [`one of ${skill.anyBins.map(shown).join(" | ")}`] : [];
  return [...skill.bins.map(shown), ...any].join(", ");
}

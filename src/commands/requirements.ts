import type { Context } from "../context.ts";
import { exitStatus, exitStatusFor } from "../core/errors.ts";
import { describeRefusal } from "../core/libraries/declaration.ts";
import { titleOfSet } from "../core/library-set.ts";
import { isBinName } from "../core/names.ts";
import type { BinState } from "../core/plan/plan.ts";
import { shownText } from "../core/shown-url.ts";
import { nameSome } from "../core/wording.ts";
import { renderDocument, renderTable } from "../report/text.ts";
import type { SetWithTools } from "../run/inputs/libraries.ts";
import type { LoadedSkill } from "../run/inputs/skills.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";
import { catalogueDocument, describeCatalogue } from "./named-catalogue.ts";

/** `requirements`: what the skills in view require, whether each is selected, and its state. */
export async function requirements(context: Context): Promise<number> {
  const state = await loadState(context);
  const text =
    context.options.json === false
      ? renderRequirements(state)
      : renderDocument(requirementsDocument(state));
  context.stdout.write(text);
  const unmet = state.plan.unmet.length > 0 ? (["unmet"] as const) : [];
  return unmet.length > 0 ? exitStatusFor(unmet, context.options.strict) : exitStatus.done;
}

/** The document of `requirements --json`; entrypoint/README.md describes it. */
function requirementsDocument(seen: InstalledState): object {
  return {
    platform: seen.plan.platform,
    prefix: seen.prefix,
    catalogue: catalogueDocument(seen),
    skills: seen.skills.map((skill) => skillDocument(skill, seen)),
    mcpServers: seen.mcpServers.map(({ title: _, program, ...server }) => ({
      ...server,
      program: program ?? null,
    })),
    bins: Object.fromEntries(
      Object.entries(seen.plan.bins).map(([bin, state]) => [
        bin,
        { ...state, ...absolute(state, seen), for: requiredBy(seen, bin) },
      ]),
    ),
  };
}

function skillDocument({ found, selected, reason }: LoadedSkill, seen: InstalledState): unknown {
  const { file, root, verdict } = found;
  const common = { name: found.name, file, root: root.kind, selected, reason };
  if (!verdict.ok) {
    const empty = { os: [], always: false, skillKey: null, bins: [], anyBins: [], install: [] };
    return { ...common, ...empty, error: verdict.error };
  }
  const { os, always, skillKey, bins, anyBins, install, hints } = verdict.skill;
  const libraries = librariesOf(found.name, selected, seen);
  return {
    ...{ ...common, os, always, skillKey, bins, anyBins, install },
    ...(hints.length > 0 && { hints }),
    ...(libraries.length > 0 && { libraries: libraries.map((set) => setDocument(set, seen)) }),
  };
}

function librariesOf(
  skill: string,
  selected: boolean,
  { libraries }: InstalledState,
): readonly SetWithTools[] {
  const found = selected ? libraries.find(({ name }) => name === skill) : undefined;
  return found?.sets ?? [];
}

function setDocument(set: SetWithTools, seen: InstalledState): unknown {
  const { language, file, names, requirements, constraints, digest } = set;
  const refused = set.refused.map((each) => ({ ...each, text: shownText(each.text) }));
  const tools = set.tools.map((tool) => ({ tool, state: stateOfSet(tool, seen) }));
  return { language, file, names, requirements, constraints, refused, digest, tools };
}

/** `off`: nothing allows it. */
function stateOfSet(tool: string, { plan, notDeclared }: InstalledState): LibraryState {
  const step = plan.steps.find((each) => each.tool === tool);
  if (step) return step.action === "install" ? "install" : "present";
  return notDeclared.has(tool) ? "unmet" : "off";
}

type LibraryState = "present" | "install" | "unmet" | "off";

function renderSet(skill: string, set: SetWithTools, seen: InstalledState): string[] {
  const language = set.language === "python" ? "Python" : "Node";
  const states = set.tools.map((tool) => {
    const line = language === "Node" ? "" : ` for ${titleOfSet(tool).replace(" packages", "")}`;
    return `${stateWords[stateOfSet(tool, seen)]}${line}`;
  });
  const state = states.length > 0 ? [...new Set(states)].join(", ") : "not installed, because:";
  return [
    `${skill} declares ${language} packages: ${nameSome(set.names, 20) || "none that can be used"} (${set.file}); ${state}`,
    ...[...set.refused, ...(set.ignored ?? [])].map((each) => `  ${describeRefusal(each)}`),
  ];
}

const stateWords: Readonly<Record<LibraryState, string>> = {
  present: "present",
  install: "to be installed",
  unmet: "unmet",
  off: "not installed without --allow-libraries",
};

/** A path in the volume is printed in full. */
function absolute(state: BinState, seen: InstalledState): { path?: string } {
  return state.state === "present" && state.tool !== undefined
    ? { path: `${seen.prefix}/${state.path}` }
    : {};
}

function requiredBy(state: InstalledState, bin: string): string[] {
  const servers = state.mcpServers.filter(({ program, selected }) => selected && program === bin);
  const skills = state.skills.flatMap(({ found, selected }) =>
    selected && found.verdict.ok && requires(found.verdict.skill, bin) ? [found.name] : [],
  );
  return [...skills, ...servers.map(({ title }) => title)];
}

function requires(skill: { bins: readonly string[]; anyBins: readonly string[] }, bin: string) {
  return skill.bins.includes(bin) || skill.anyBins.includes(bin);
}

function renderRequirements(seen: InstalledState): string {
  const named = describeCatalogue(seen);
  const last = named === undefined ? "" : `\n${named}\n`;
  if (seen.skills.length + seen.mcpServers.length === 0) return `no skills in view\n${last}`;
  const rows = [["SKILL", "SELECTED", "NEEDS", "WHY"]];
  for (const { found, selected, reason } of seen.skills) {
    const needs = found.verdict.ok ? describeNeeds(found.verdict.skill) : "";
    rows.push([found.name, selected ? "yes" : "no", needs || "nothing", reason]);
  }
  for (const { title, program, selected, reason } of seen.mcpServers) {
    rows.push([title, selected ? "yes" : "no", program ?? "nothing", reason]);
  }
  const bins = [["PROGRAM", "STATE", "PATH, RECIPE OR REASON"]];
  for (const [bin, state] of Object.entries(seen.plan.bins)) {
    bins.push([bin, words[state.state], describeState(state, seen)]);
  }
  const programs = bins.length > 1 ? `\n${renderTable(bins)}\n` : "\nno program is required\n";
  const libraries = seen.libraries.flatMap(({ name, sets }) =>
    sets.flatMap((set) => renderSet(name, set, seen)),
  );
  return `${renderTable(rows)}\n${programs}${["", ...libraries].join("\n")}${libraries.length > 0 ? "\n" : ""}${last}`;
}

const words = { present: "present", install: "to be installed", unmet: "unmet" } as const;

function describeState(state: BinState, seen: InstalledState): string {
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

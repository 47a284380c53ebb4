import { join } from "node:path";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { normalName } from "../core/locks/wheel-tags.ts";
import { isBinName } from "../core/names.ts";
import { programOfAlias } from "../core/plan/aliases.ts";
import type { BinState } from "../core/plan/plan.ts";
import { toolsThatNeed } from "../core/plan/required-by.ts";
import type { McpServer } from "../core/skills/mcp.ts";
import { didYouMean, nameSome, nearest } from "../core/wording.ts";
import { renderDocument } from "../report/text.ts";
import { type InstalledState, loadState } from "../run/inputs/state.ts";
import { findPackages, isScoped, type PackageAnswer, renderPackage } from "./why-packages.ts";

/** A skill in view that requires the program. */
interface AskingSkill {
  readonly name: string;
  readonly file: string;
  readonly selected: boolean;
  /** Why it is selected or not. */
  readonly reason: string;
  /** The alternatives, of which one is enough; empty: it requires exactly this one. */
  readonly alternatives: readonly string[];
}

/** One program in the document of `why --json`; entrypoint/README.md describes it. */
interface Answer {
  readonly program: string;
  readonly skills: readonly AskingSkill[];
  /** MCP servers that the gateway starts with it. */
  readonly mcpServers: readonly McpServer[];
  /** What requests its tool by name. */
  readonly requestedBy: readonly string[];
  /** Installed tools that need its tool. */
  readonly neededBy: readonly string[];
  readonly recipe: {
    readonly name: string;
    readonly version: string;
    readonly origin: string;
  } | null;
  readonly state: BinState;
  /** Its path outside the volume, if it is on PATH. */
  readonly onPath: string | null;
}

/**
 * `why NAME…`: what requires the program, which recipe provides it, and where it is or why it is missing; of a package
 * in library sets, which skills' sets have it.
 */
export async function why(context: Context): Promise<number> {
  const { options, stdout } = context;
  const { names } = options;
  const wrong = names.find((name) => !isBinName(name) && !isScoped(name));
  if (names.length === 0 || wrong !== undefined) {
    const what = wrong === undefined ? "no program is named" : `"${wrong}" is no program's name`;
    throw new UserError("E_USAGE", `why: ${what}`, {
      hint: "Use openclaw-install-skill-deps why gog.",
    });
  }
  const plain = { ...context, options: { ...options, names: [] } };
  const distinct = [...new Set(names)];
  const programs = distinct.filter(isBinName);
  const also = [{ for: "why", bins: programs, anyBins: [] }];
  const state = await loadState(plain, also);
  const packages = await findPackages(distinct, state);
  const answers = distinct.flatMap((name) => answerFor(name, state, packages) ?? []);
  if (options.json !== false) {
    const { prefix, plan } = state;
    stdout.write(renderDocument({ prefix, platform: plan.platform, programs: answers, packages }));
  } else {
    const texts = answers.map((answer) => renderAnswer(answer, context));
    stdout.write([...texts, ...packages.map(renderPackage)].join("\n"));
  }
  return exitStatus.done;
}

/** Undefined for what is only a package. */
function answerFor(
  program: string,
  seen: InstalledState,
  packages: readonly PackageAnswer[],
): Answer | undefined {
  const { catalogue, manifest, plan, requests, onPath } = seen;
  const skills = seen.skills.flatMap(({ found, selected, reason }): AskingSkill[] => {
    if (!found.verdict.ok) return [];
    const { bins, anyBins } = found.verdict.skill;
    const isOne = !bins.includes(program);
    if (isOne && !anyBins.includes(program)) return [];
    const alternatives = isOne ? anyBins.filter((bin) => bin !== program) : [];
    return [{ name: found.name, file: found.file, selected, reason, alternatives }];
  });
  const mcpServers = seen.mcpServers.filter((server) => server.program === program);
  const recipe = catalogue.recipes.get(catalogue.providers.get(program) ?? "");
  const holder = Object.values(manifest.tools).find(({ bins }) => bins[program]);
  const state = plan.bins[program];
  const isPackage = packages.some(({ name }) => normalName(name) === normalName(program));
  if (!state && isScoped(program)) return isPackage ? undefined : refuse(program, seen);
  if (!state) throw new Error(`${program} is not in the plan that it was added to`);
  const isKnown = skills.length + mcpServers.length > 0 || recipe || holder;
  if (state.state === "unmet" && !isKnown) return isPackage ? undefined : refuse(program, seen);
  const tool = recipe?.name ?? holder?.tool ?? program;
  return {
    program,
    skills,
    mcpServers,
    requestedBy: requests.filter((it) => it.tool === tool).map(({ by }) => by),
    neededBy: toolsThatNeed(tool, manifest),
    recipe: recipe ? { name: recipe.name, version: recipe.version, origin: recipe.origin } : null,
    state: inFull(program, state, seen),
    onPath: onPath.get(program) ?? null,
  };
}

/**
 * A path in the volume is printed in full; an alias that was never requested is not linked there.
 */
function inFull(program: string, state: BinState, seen: InstalledState): BinState {
  if (state.state !== "present" || state.tool === undefined) return state;
  const { prefix, manifest, catalogue } = seen;
  const isLinked = manifest.tools[state.tool]?.bins[program] !== undefined;
  const name = isLinked ? program : (programOfAlias(program, catalogue) ?? program);
  return { ...state, path: join(prefix, layout.binPath(name)) };
}

function refuse(program: string, { catalogue, skills, manifest }: InstalledState): never {
  if (catalogue.recipes.has(program) || manifest.tools[program]) {
    const bins = Object.keys(
      (catalogue.recipes.get(program) ?? manifest.tools[program])?.bins ?? {},
    );
    throw new UserError("E_UNKNOWN_NAME", `${program} is a tool without a program of this name`, {
      hint: `Its programs are ${nameSome(bins)}; info ${program} shows details.`,
    });
  }
  const asked = skills.flatMap(({ found: { verdict } }) =>
    verdict.ok ? [...verdict.skill.bins, ...verdict.skill.anyBins] : [],
  );
  const near = nearest(program, [...catalogue.providers.keys(), ...asked]);
  const what = `no skill requires "${program}", no recipe provides it, PATH does not have it, and no skill's packages are called so`;
  throw new UserError("E_UNKNOWN_NAME", what, {
    hint: didYouMean(near, "openclaw-install-skill-deps search WORD finds programs."),
  });
}

function renderAnswer(answer: Answer, { options }: Context): string {
  const { program, skills, mcpServers, requestedBy, neededBy, recipe, state, onPath } = answer;
  const isSelected = [...skills, ...mcpServers].some(({ selected }) => selected);
  const isCounted = isSelected || requestedBy.length > 0;
  const asked = [
    ...skills.map(describeSkill),
    ...mcpServers.map(({ title, reason, file }) => `${title}: selected (${reason}); ${file}`),
    ...requestedBy.map((by) => `by name: ${by}`),
    ...neededBy.map((tool) => `the tool ${tool} needs it`),
  ];
  const other = state.state === "present" && state.path === onPath ? undefined : onPath;
  const rows: (readonly [string, string | null | undefined])[] = [
    ...(asked.length > 0 ? asked : ["nothing"]).map((by) => ["asked by", by] as const),
    ["recipe", recipe ? `${recipe.name} ${recipe.version} (${recipe.origin})` : "none"],
    ["found", state.state === "present" ? state.path : undefined],
    ["not found", whyNot(state, program, isCounted)],
    ["on PATH", other && `${other}${options.ignoreSystem ? " (--ignore-system)" : ""}`],
  ];
  const lines = rows.flatMap(([label, text]) => (text ? [`  ${label.padEnd(11)}${text}\n`] : []));
  return `${program}\n${lines.join("")}`;
}

function describeSkill({ name, selected, reason, alternatives, file }: AskingSkill): string {
  const among = alternatives.length > 0 ? `, or one of ${alternatives.join(", ")}` : "";
  const how = selected ? `selected (${reason})` : `not selected (${reason}), so it does not count`;
  return `skill ${name}${among}: ${how}; ${file}`;
}

function whyNot(state: BinState, program: string, isCounted: boolean): string | undefined {
  if (state.state === "unmet") return `${state.reason} [${state.problem}]`;
  if (state.state === "present") return undefined;
  if (state.declared !== undefined)
    return `only declared by a skill (untrusted): ${state.declared}`;
  const what = `${state.tool} ${state.version} is not installed yet`;
  const how = `openclaw-install-skill-deps ${program} installs it`;
  return isCounted ? `${what}; the next run installs it` : `${what}; ${how}`;
}

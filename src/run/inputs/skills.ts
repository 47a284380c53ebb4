import { resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import type { Manifest, SelectedSkill } from "../../core/manifest.ts";
import { isBinName } from "../../core/names.ts";
import { isOfServer, requirementsOfServers } from "../../core/skills/mcp.ts";
import {
  type FoundSkill,
  type Selection,
  type SkillRoot,
  selectSkills,
  unknownSkills,
} from "../../core/skills/select.ts";
import { didYouMean, nearest } from "../../core/wording.ts";
import { findMcpServers, type McpServersInView } from "../../io/inputs/mcp-servers.ts";
import type { ReadConfig } from "../../io/inputs/openclaw-config.ts";
import {
  candidateRoots,
  findSkills,
  type SkillsInView,
  skillRoots,
} from "../../io/inputs/skills.ts";
import type { Emit } from "../../report/events.ts";

/** A found skill, and whether it is selected. */
export interface LoadedSkill extends Selection {
  readonly found: FoundSkill;
}

/** The skills and MCP servers that OpenClaw has here. */
export interface View {
  readonly skills: readonly LoadedSkill[];
  readonly mcp: McpServersInView;
  /** The requirements of the selected skills and MCP servers; undefined if there are neither. */
  readonly selected: readonly SelectedSkill[] | undefined;
  /** Directories in which a skill would count, also those that do not exist yet. */
  readonly roots: readonly string[];
  /** Directories that were searched for skills. */
  readonly directories: readonly string[];
}

/** Reads the skills and MCP servers in view, and reports what is wrong with them. */
export function loadView(openclaw: ReadConfig, manifest: Manifest, context: Context): View {
  const { options, home, reporter } = context;
  const { env, config } = openclaw;
  const candidates = candidateRoots({ env, home, config, skillsDirs: options.skillsDirs });
  const roots = skillRoots(candidates);
  const mcp = readServers(openclaw, context);
  const ofServers = requirementsOfServers(mcp.servers);
  const found = findSkills(roots, config.limits);
  sayProblems(found, reporter.emit);
  const isAsked = (manifest.requested ?? []).length > 0 || ofServers.length > 0;
  if (found.skills.length === 0 && isMissed(isAsked, context)) sayNoSkills(roots, context);
  refuseUnknown(found.skills, context);
  const selections = selectSkills(found.skills, config, options);
  const skills = found.skills.flatMap((skill, i) => {
    const selection = selections[i];
    return selection ? [{ found: skill, ...selection }] : [];
  });
  const ofSkills = skills.length > 0 ? selectedSkills(skills, reporter.emit) : undefined;
  // Where no skills are in view, those of the last run count beside the MCP servers.
  const known = ofSkills ?? manifest.skills.filter((skill) => !isOfServer(skill));
  return {
    skills,
    mcp,
    selected: ofServers.length > 0 ? [...known, ...ofServers] : ofSkills,
    roots: candidates.map(({ dir }) => dir),
    directories: found.directories,
  };
}

/** With `--skills-dir` only what is there is required. */
function readServers(
  { config, env, file }: ReadConfig,
  { options, home }: Context,
): McpServersInView {
  if (options.skillsDirs.length === 0) return findMcpServers({ env, home, config, file });
  return { servers: [], files: [], absent: [], directories: [] };
}

function sayProblems({ skills, problems }: SkillsInView, emit: Emit): void {
  for (const message of problems) emit({ type: "warning", problem: "E_SKILL", message });
  for (const { file, verdict } of skills) {
    if (verdict.ok) {
      for (const hint of verdict.skill.hints) emit({ type: "note", message: `${file} ${hint}` });
    } else {
      const message = `${file} is not read: ${verdict.error}`;
      emit({ type: "warning", problem: "E_SKILL", message });
    }
  }
}

/** True if skills should be there: they were named, or nothing else says what is needed. */
function isMissed(isAsked: boolean, { options }: Context): boolean {
  const { names, tools, requestsDir, skillsDirs } = options;
  if (names.length + tools.length > 0 || requestsDir !== undefined) return false;
  return skillsDirs.length > 0 || !isAsked;
}

function sayNoSkills(roots: readonly SkillRoot[], { options, reporter }: Context): void {
  if (options.skillsDirs.length > 0) {
    const dirs = options.skillsDirs.map((dir) => resolve(dir));
    const message = `no skill (SKILL.md) in ${dirs.join(", ")}`;
    if (!options.isWatched) throw new UserError("E_SKILLS_DIRECTORY", message);
    const hint = "watch installs what the first one requires as soon as it is there.";
    reporter.emit({ type: "warning", problem: "E_NO_SKILLS", message, hint });
    return;
  }
  const looked = roots.map(({ dir }) => dir).join(", ");
  reporter.emit({
    type: "warning",
    problem: "E_NO_SKILLS",
    message: `no skills found${looked ? ` in ${looked}` : ": none of OpenClaw's skill directories exists here"}`,
    hint: "Give the directory with --skills-dir DIR, or name the programs: openclaw-install-skill-deps gog",
  });
}

function refuseUnknown(skills: readonly FoundSkill[], { options }: Context): void {
  const unknown = unknownSkills(skills, options);
  const [first] = unknown;
  if (first === undefined) return;
  const known = skills.map(({ name }) => name);
  const near = nearest(first, known);
  throw new UserError("E_UNKNOWN_NAME", `no skill is called ${unknown.join(", ")}`, {
    hint: didYouMean(near, "See openclaw-install-skill-deps requirements."),
  });
}

/** The requirements of the selected skills. Names that no program can have are reported and left out. */
function selectedSkills(skills: readonly LoadedSkill[], emit: Emit): SelectedSkill[] {
  return skills.flatMap(({ found, selected }) => {
    if (!selected || !found.verdict.ok) return [];
    const { skill } = found.verdict;
    for (const bin of [...skill.bins, ...skill.anyBins].filter((it) => !isBinName(it))) {
      const message = `${found.file} requires ${JSON.stringify(bin)}, which is not a valid program name; it is ignored`;
      emit({ type: "warning", problem: "E_SKILL", message });
    }
    const [bins, anyBins] = [skill.bins.filter(isBinName), skill.anyBins.filter(isBinName)];
    return [{ name: found.name, sha256: found.sha256, bins, anyBins }];
  });
}

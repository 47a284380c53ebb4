import { resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { commandName } from "../../core/layout.ts";
import type { SelectedSkill } from "../../core/manifest.ts";
import { isBinName, nearest } from "../../core/names.ts";
import type { OwnPackage, Plan, Requirement } from "../../core/plan/plan.ts";
import { requirementOf, type ToolRequest, toolRequests } from "../../core/plan/required-by.ts";
import { resolvePlan } from "../../core/plan/resolve.ts";
import { type Platform, parsePlatform, platformId } from "../../core/platform.ts";
import type { Catalogue } from "../../core/recipe.ts";
import { isOfServer, type McpServer, requirementsOfServers } from "../../core/skills/mcp.ts";
import { selectSkills, unknownSkills } from "../../core/skills/select.ts";
import { findMcpServers, type McpServersInView } from "../../io/inputs/mcp-servers.ts";
import { type ReadConfig, readOpenClawConfig } from "../../io/inputs/openclaw-config.ts";
import { candidateRoots, findSkills, type SkillRoot, skillRoots } from "../../io/inputs/skills.ts";
import { findOnPath } from "../../io/on-path.ts";
import { readAgentLog } from "../../io/volume/agent-log-file.ts";
import type { Emit } from "../../report/events.ts";
import type { FoundCatalogue } from "../catalogue/find.ts";
import { type AgentRequests, grantedRequirements, loadAgentRequests } from "./agent-requests.ts";
import { readCatalogue } from "./catalogue.ts";
import { addDeclarations, type Declarations } from "./declarations.ts";
import type { SkillWithLibraries } from "./libraries.ts";
import { loadOwnPackage } from "./own-package.ts";
import {
  type AskedFor,
  forced,
  type LoadedSkill,
  ofDamaged,
  ofInstalled,
  requirementsFor,
  selectedSkills,
} from "./requirements.ts";
import { loadSeed, type Seed } from "./seed.ts";
import { loadVolume, resolvePrefix, type VolumeState } from "./volume.ts";

/** Everything that is known before the run changes anything. */
export interface InstalledState extends VolumeState {
  readonly prefix: string;
  readonly platform: Platform;
  readonly catalogue: Catalogue;
  /** What `--catalogue` led to; undefined without it. */
  readonly named: FoundCatalogue | undefined;
  readonly skills: readonly LoadedSkill[];
  /** The MCP servers that openclaw.json and plugins declare. */
  readonly mcpServers: readonly McpServer[];
  /** What dependency files of the selected skills declare, whether or not it is allowed. */
  readonly libraries: readonly SkillWithLibraries[];
  /** Included in `inputs` and `directories`: what decides which libraries belong here. */
  readonly dependencies: Declarations["dependencies"];
  /** Why a skill's own declaration does not provide a program or a library set. */
  readonly notDeclared: ReadonlyMap<string, string>;
  /** Directories in which a skill would count, also those that do not exist yet. */
  readonly roots: readonly string[];
  /**
   * The requirements of the selected skills and MCP servers; undefined if there are neither.
   */
  readonly selected: readonly SelectedSkill[] | undefined;
  /** Requests by name, besides NAMEs of this run's command line. */
  readonly requests: readonly ToolRequest[];
  readonly requirements: readonly Requirement[];
  /** What agents ask for; undefined where they may not. */
  readonly agents: AgentRequests | undefined;
  readonly seed: Seed | undefined;
  /** The package that is running; undefined where it is not complete. */
  readonly ownPackage: OwnPackage | undefined;
  readonly plan: Plan;
  /** Required programs that PATH finds outside the volume. */
  readonly onPath: ReadonlyMap<string, string>;
  /** Every file whose content affects the result, for the freshness record. */
  readonly inputs: readonly { path: string; sha256: string; skill: boolean }[];
  /** Files that would affect the result if they existed. */
  readonly absent: readonly string[];
  /**
   * False if the result depends on something that the entrypoint does not see, such as a variable.
   */
  readonly isRecordable: boolean;
  readonly directories: readonly string[];
  /** Directories in which only the names of files affect the result. */
  readonly listings: readonly string[];
}

/**
 * Reads skills, configuration, recipes and the volume, and makes the plan. Changes nothing. `also`:
 * additional requirements.
 */
export async function loadState(
  context: Context,
  update = false,
  also: readonly Requirement[] = [],
): Promise<InstalledState> {
  const { options } = context;
  const { emit } = context.reporter;
  const platform = options.platform ? parsePlatform(options.platform) : context.machine;
  const prefix = await resolvePrefix(context);
  const volume = await loadVolume(prefix, platform, context);
  const { manifest, inspection } = volume;
  const configured = await readOpenClawConfig(context.env, context.home);
  for (const message of configured.problems)
    emit({ type: "warning", problem: "E_OPENCLAW_CONFIG", message });
  const seed = await loadSeed(prefix, platform, context);
  const loaded = await readCatalogue(context, { prefix, manifest, seed, refresh: update });
  const isRequested = (manifest.requested ?? []).length > 0;
  const mcp = readServers(context, configured);
  const ofServers = requirementsOfServers(mcp.servers);
  const isAsked = isRequested || ofServers.length > 0;
  const found = readSkills(context, configured, isAsked, emit);
  const { skills, roots, directories } = found;
  const chosen = withServers(selectedSkills(skills, emit), ofServers, manifest.skills);
  const inView = chosen ?? (manifest.skills.length > 0 ? manifest.skills : wholeSeed(seed));
  const tools = { ...seed?.tools, ...manifest.tools };
  const variable = namesOfVariable(options.tools, emit);
  const { granted: ofAgents } = readAgentLog(prefix);
  const requesters = { manifest, variable, granted: ofAgents, seed: seed?.requested ?? [] };
  const requests = toolRequests(requesters, loaded.catalogue);
  const byName = options.names.length > 0 ? [] : requests;
  const ofPrograms = [
    ...requirementsFor(options, inView, skills, loaded.catalogue, tools),
    ...byName.map((request) => requirementOf(request, tools, loaded.catalogue)),
    ...(options.repair ? ofDamaged(manifest, inspection) : []),
    ...(options.verb === "outdated" || update
      ? ofInstalled(options.names, manifest, loaded.catalogue)
      : []),
    ...also,
  ];
  const asked = ofPrograms.flatMap(({ bins, anyBins }) => [...bins, ...anyBins]);
  // Programs of this machine do not run on another platform.
  const isNative = platformId(platform) === platformId(context.machine);
  const onPath = findOnPath(asked, (isNative && context.env.PATH) || "", prefix);
  const { damaged } = inspection;
  const ownPackage = loadOwnPackage(prefix, context);
  const ofSeed = seed?.tools ?? {};
  const given = {
    platform,
    present: {
      manifest,
      damaged: new Set(damaged.keys()),
      unlinked: inspection.unlinked,
      system: onPath,
    },
    ownPackage,
    seed: ofSeed,
    offline: options.offline,
    ignoreSystem: options.ignoreSystem,
    update,
    ...(loaded.named && !loaded.named.catalogue && { noCatalogue: loaded.named.called }),
  };
  const base = { prefix, catalogue: loaded.catalogue, requirements: ofPrograms, skills, manifest };
  const declarations = await addDeclarations(
    {
      ...{ ...base, selected: chosen, damaged, seed: ofSeed },
      planFor: (found) =>
        resolvePlan({ requirements: ofPrograms, ...given, ...found, force: new Set() }),
    },
    context,
  );
  const { catalogue, accepted, notDeclared, selected } = declarations;
  const requirements = [...ofPrograms, ...declarations.requirements];
  const force = forced(options.force, options.names, catalogue);
  const planOf = (some: readonly Requirement[]): Plan =>
    resolvePlan({
      ...{ requirements: some, ...given, catalogue, notDeclared },
      force: force === "all" ? force : new Set([...force, ...accepted]),
    });
  const without = planOf(requirements);
  const known = { prefix, manifest, catalogue: loaded.catalogue, without, planOf };
  const agents = loadAgentRequests(known, context);
  const granted = grantedRequirements(agents);
  const plan = granted.length > 0 ? planOf([...requirements, ...granted]) : without;
  const inputs = [
    ...skills.map(({ found }) => ({ path: found.file, sha256: found.sha256, skill: true })),
    ...[
      ...[...configured.files, ...mcp.files, ...loaded.files, ...(seed ? [seed.file] : [])],
      ...[...declarations.inputs, ...declarations.dependencies.files],
    ].map((file) => ({ ...file, skill: false })),
  ];
  const { isWhole: isRecordable } = configured;
  const seen = {
    prefix,
    platform,
    catalogue,
    named: loaded.named,
    skills,
    mcpServers: mcp.servers,
    roots,
    selected,
    onPath,
    seed,
    ownPackage,
    plan,
    agents,
    libraries: declarations.libraries,
    dependencies: declarations.dependencies,
    notDeclared,
  };
  const directoriesSeen = [
    ...[...directories, ...declarations.dependencies.directories],
    ...options.recipeDirs.map((dir) => resolve(dir)),
  ];
  const absent = [...configured.absent, ...mcp.absent, ...(loaded.named?.absent ?? [])];
  const { directories: listings } = mcp;
  const watched = { inputs, absent, directories: directoriesSeen, listings, isRecordable };
  return { ...volume, ...seen, requests, requirements: [...requirements, ...granted], ...watched };
}

/** With `--skills-dir` only what is there is required. */
function readServers(
  { options, home }: Context,
  { config, env, file }: ReadConfig,
): McpServersInView {
  if (options.skillsDirs.length === 0) return findMcpServers({ env, home, config, file });
  return { servers: [], files: [], absent: [], directories: [] };
}

/** Where no skills are in view, those of the last run count beside the MCP servers. */
function withServers(
  skills: readonly SelectedSkill[] | undefined,
  ofServers: readonly SelectedSkill[],
  ofLastRun: readonly SelectedSkill[],
): readonly SelectedSkill[] | undefined {
  if (ofServers.length === 0) return skills;
  return [...(skills ?? ofLastRun.filter((skill) => !isOfServer(skill))), ...ofServers];
}

/** The valid names in `OPENCLAW_SKILL_TOOLS`; others are reported. */
function namesOfVariable(names: readonly string[], emit: Emit): string[] {
  return names.filter((name) => {
    if (isBinName(name)) return true;
    const message = `OPENCLAW_SKILL_TOOLS: ${JSON.stringify(name)} is not the name of a tool`;
    emit({
      type: "warning",
      problem: "E_SETTING",
      message,
      hint: 'Write names, with spaces between them: "gh jq".',
    });
    return false;
  });
}

/** If nothing else says what is needed, all tools of the seed are required. */
function wholeSeed(seed: Seed | undefined): AskedFor[] {
  const tools = Object.values(seed?.tools ?? {}).filter(({ tool }) => tool !== commandName);
  return tools.map(({ tool, bins }) => ({
    name: `the seed's ${tool}`,
    bins: Object.keys(bins),
    anyBins: [],
  }));
}

function readSkills(
  context: Context,
  { config, env }: ReadConfig,
  isRequested: boolean,
  emit: Emit,
): Pick<InstalledState, "skills" | "roots" | "directories"> {
  const { options, home } = context;
  const where = { env, home, config, skillsDirs: options.skillsDirs };
  const candidates = candidateRoots(where);
  const roots = skillRoots(candidates);
  const view = findSkills(roots, config.limits);
  for (const message of view.problems) emit({ type: "warning", problem: "E_SKILL", message });
  for (const { file, verdict } of view.skills) {
    if (!verdict.ok)
      emit({
        type: "warning",
        problem: "E_SKILL",
        message: `${file} is not read: ${verdict.error}`,
      });
    else for (const hint of verdict.skill.hints) emit({ type: "note", message: `${file} ${hint}` });
  }
  const isNamed =
    options.names.length + options.tools.length > 0 || options.requestsDir !== undefined;
  const { skillsDirs } = options;
  const isMissed = skillsDirs.length > 0 || !isRequested;
  if (view.skills.length === 0 && !isNamed && isMissed) sayNoSkills(skillsDirs, roots, emit);
  const unknown = unknownSkills(view.skills, options);
  if (unknown[0] !== undefined) {
    const near = nearest(
      unknown[0],
      view.skills.map(({ name }) => name),
    );
    throw new UserError("E_UNKNOWN_NAME", `no skill is called ${unknown.join(", ")}`, {
      hint: near ? `Did you mean ${near}?` : "See openclaw-install-skill-deps requirements.",
    });
  }
  const selections = selectSkills(view.skills, config, options);
  const skills = view.skills.flatMap((found, i) => {
    const selection = selections[i];
    return selection ? [{ found, ...selection }] : [];
  });
  return { skills, roots: candidates.map(({ dir }) => dir), directories: view.directories };
}

function sayNoSkills(named: readonly string[], roots: readonly SkillRoot[], emit: Emit): void {
  if (named.length > 0) {
    throw new UserError("E_SKILLS_DIRECTORY", `no skill (SKILL.md) in ${named.join(", ")}`);
  }
  const looked = roots.map(({ dir }) => dir).join(", ");
  emit({
    type: "warning",
    problem: "E_NO_SKILLS",
    message: `no skills found${looked ? ` in ${looked}` : ": none of OpenClaw's skill directories exists here"}`,
    hint: "Give the directory with --skills-dir DIR, or name the programs: openclaw-install-skill-deps gog",
  });
}

import { resolve } from "node:path";
import { type Context, isNative, targetPlatform } from "../../context.ts";
import type { SelectedSkill } from "../../core/manifest.ts";
import type { OwnPackage, Plan, PlanRequest, Requirement } from "../../core/plan/plan.ts";
import type { ToolRequest } from "../../core/plan/required-by.ts";
import { resolvePlan } from "../../core/plan/resolve.ts";
import type { Platform } from "../../core/platform.ts";
import type { Catalogue } from "../../core/recipe.ts";
import type { McpServer } from "../../core/skills/mcp.ts";
import type { FreshnessFacts } from "../../io/freshness/facts.ts";
import { type ReadConfig, readOpenClawConfig } from "../../io/inputs/openclaw-config.ts";
import { findOnPath } from "../../io/on-path.ts";
import type { FoundCatalogue } from "../catalogue/find.ts";
import { type AgentRequests, grantedRequirements, loadAgentRequests } from "./agent-requests.ts";
import { type ReadCatalogue, readCatalogue } from "./catalogue.ts";
import { addDeclarations, type Declarations } from "./declarations.ts";
import type { SkillWithLibraries } from "./libraries.ts";
import { loadOwnPackage } from "./own-package.ts";
import { forced, requirementsOf } from "./requirements.ts";
import { loadSeed, type Seed } from "./seed.ts";
import { type LoadedSkill, loadView, type View } from "./skills.ts";
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
  /** Why a skill's own declaration does not provide a program or a library set. */
  readonly notDeclared: ReadonlyMap<string, string>;
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
  readonly watched: Watched;
}

/** What the result depends on besides the volume, for the freshness record. */
type Watched = Required<
  Pick<FreshnessFacts, "inputs" | "absent" | "roots" | "directories" | "listings" | "dependencies">
> & {
  /**
   * False if the result depends on something that the entrypoint does not see, such as a variable.
   */
  readonly isRecordable: boolean;
};

/**
 * Reads everything that a plan depends on, and makes the plan. Changes nothing:
 *
 * 1. the volume: its manifest, and what is damaged;
 * 2. openclaw.json, the image's seed and the recipes;
 * 3. the skills and MCP servers in view;
 * 4. what these, the command line and earlier runs require, and which of it PATH has;
 * 5. what skills declare themselves, as far as it is allowed;
 * 6. what agents ask for, which is judged by the plan without it;
 * 7. the plan.
 *
 * `also`: additional requirements.
 */
export async function loadState(
  context: Context,
  also: readonly Requirement[] = [],
): Promise<InstalledState> {
  const { options, env } = context;
  const platform = targetPlatform(context);
  const prefix = await resolvePrefix(context);
  const volume = await loadVolume(prefix, platform, context); // 1
  const { manifest, inspection } = volume;
  const openclaw = await readOpenClaw(context); // 2
  const seed = await loadSeed(prefix, platform, context);
  const recipes = await readCatalogue(context, { prefix, manifest, seed });
  const view = loadView(openclaw, manifest, context); // 3
  const base = { prefix, manifest, catalogue: recipes.catalogue };
  const { named } = recipes;
  const required = requirementsOf({ ...base, named, inspection, seed, view }, context); // 4
  const ofPrograms = [...required.requirements, ...also];
  const bins = ofPrograms.flatMap(({ bins, anyBins }) => [...bins, ...anyBins]);
  const onPath = findOnPath(bins, (isNative(context) && env.PATH) || "", prefix);
  const ownPackage = loadOwnPackage(prefix, context);
  const planning = planningOf({ platform, volume, onPath, ownPackage, seed, named }, context);
  const declared = await addDeclarations(
    {
      ...base,
      ...view,
      requirements: ofPrograms,
      damaged: inspection.damaged,
      seed: planning.seed,
      planWith: (programs) =>
        resolvePlan({ ...planning, ...programs, requirements: ofPrograms, force: new Set() }),
    },
    context,
  ); // 5
  const { catalogue, notDeclared, selected, libraries } = declared;
  const force = forced(options, catalogue, declared.accepted);
  const planOf = (requirements: readonly Requirement[]): Plan =>
    resolvePlan({ ...planning, requirements, catalogue, notDeclared, force });
  const ofOperator = [...ofPrograms, ...declared.requirements];
  const without = planOf(ofOperator);
  const agents = loadAgentRequests({ ...base, without, planOf }, context); // 6
  const granted = grantedRequirements(agents);
  const requirements = [...ofOperator, ...granted];
  return {
    ...volume,
    prefix,
    platform,
    seed,
    ownPackage,
    named,
    catalogue,
    skills: view.skills,
    mcpServers: view.mcp.servers,
    selected,
    libraries,
    notDeclared,
    onPath,
    agents,
    requests: required.requests,
    requirements,
    plan: granted.length > 0 ? planOf(requirements) : without, // 7
    watched: watchedBy({ openclaw, seed, recipes, view, declared }, context),
  };
}

async function readOpenClaw({ env, home, reporter }: Context): Promise<ReadConfig> {
  const read = await readOpenClawConfig(env, home);
  for (const message of read.problems)
    reporter.emit({ type: "warning", problem: "E_OPENCLAW_CONFIG", message });
  return read;
}

/** What all plans of a run have in common. */
function planningOf(
  { volume, onPath, seed, named, ...given }: PlanningInput,
  { options }: Context,
): Omit<PlanRequest, "requirements" | "catalogue" | "notDeclared" | "force"> {
  const { manifest, inspection } = volume;
  return {
    ...given,
    present: {
      manifest,
      damaged: new Set(inspection.damaged.keys()),
      unlinked: inspection.unlinked,
      system: onPath,
    },
    seed: seed?.tools ?? {},
    offline: options.offline,
    ignoreSystem: options.ignoreSystem,
    update: options.verb === "update",
    noCatalogue: named?.catalogue ? undefined : named?.called,
  };
}

type PlanningInput = { readonly volume: VolumeState } & Pick<
  InstalledState,
  "platform" | "onPath" | "ownPackage" | "seed" | "named"
>;

interface Read {
  readonly openclaw: ReadConfig;
  readonly seed: Seed | undefined;
  readonly recipes: ReadCatalogue;
  readonly view: View;
  readonly declared: Declarations;
}

function watchedBy(
  { openclaw, seed, recipes, view, declared }: Read,
  { options }: Context,
): Watched {
  const { skills, mcp, roots } = view;
  const { dependencies } = declared;
  const ofSeed = seed ? [seed.file] : [];
  const files = [
    ...openclaw.files,
    ...mcp.files,
    ...recipes.files,
    ...ofSeed,
    ...declared.inputs,
    ...dependencies.files,
  ];
  return {
    inputs: [
      ...skills.map(({ found }) => ({ path: found.file, sha256: found.sha256, skill: true })),
      ...files.map((file) => ({ ...file, skill: false })),
    ],
    absent: [...openclaw.absent, ...mcp.absent, ...(recipes.named?.absent ?? [])],
    roots,
    directories: [
      ...view.directories,
      ...dependencies.directories,
      ...options.recipeDirs.map((dir) => resolve(dir)),
    ],
    listings: mcp.directories,
    dependencies,
    isRecordable: openclaw.isWhole,
  };
}

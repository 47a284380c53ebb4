import { join, resolve } from "node:path";
import type { Options } from "../cli.ts";
import { parseCatalogueSpec } from "../core/catalogue-spec.ts";
import { describeError } from "../core/errors.ts";
import { defaultPrefix, defaultSeed, layout } from "../core/layout.ts";
import { emptyManifest, type Manifest } from "../core/manifest.ts";
import { isBinName } from "../core/names.ts";
import type { Plan } from "../core/plan/plan.ts";
import { resolvePlan } from "../core/plan/resolve.ts";
import { type Platform, platformId } from "../core/platform.ts";
import { defaultLimits } from "../core/skills/config.ts";
import type { Skill } from "../core/skills/skill.ts";
import { loadCatalogue } from "../io/inputs/catalogue.ts";
import { type CompiledCatalogue, parseCompiled } from "../io/inputs/compiled.ts";
import { readSkill } from "../io/inputs/skills.ts";
import { findOnPath } from "../io/on-path.ts";
import { readStoredCatalogue } from "../io/volume/catalogues.ts";
import { findManifest } from "../io/volume/manifest-file.ts";
import { answerFor, notChecked, type PolicyAnswer, type PolicyRequest } from "./policy-answer.ts";

/** What the answer to a request depends on. */
export interface PolicyContext {
  readonly options: Pick<
    Options,
    "prefix" | "recipeDirs" | "catalogue" | "seed" | "strict" | "allowDeclared" | "ignoreSystem"
  >;
  /** The PATH on which programs count. */
  readonly path: string;
  readonly machine: Platform;
  readonly packageDir: string;
}

/** More programs than any skill needs: looking for all would take too long. */
const maxPrograms = 100;

/**
 * `policy`: answers a request of OpenClaw's `security.installPolicy`. Uses no network and writes nothing.
 * Never throws: OpenClaw installs no skill at all while its policy fails.
 */
export async function answerPolicy(
  request: PolicyRequest,
  context: PolicyContext,
): Promise<PolicyAnswer> {
  try {
    const root = { dir: request.sourcePath, kind: "named" } as const;
    const { verdict } = readSkill(root.dir, root, defaultLimits).skill;
    if (!verdict.ok) return notChecked(`the skill's SKILL.md is not read: ${verdict.error}`);
    const { skill } = verdict;
    const { os } = skill;
    // OpenClaw does not use it here, so it needs nothing.
    if (os.length > 0 && !os.includes("linux"))
      return answerFor(withoutPrograms(skill), none, false);
    const count = skill.bins.length + skill.anyBins.length;
    if (count > maxPrograms) return notChecked(`it needs ${count} programs, too many to check`);
    const plan = await planFor(skill, context);
    const isStrict = context.options.strict && !request.isInstaller;
    return answerFor(skill, plan, isStrict && !mayDeclare(skill, plan, context));
  } catch (error) {
    return notChecked(`it could not be checked which programs it needs: ${describeError(error)}`);
  }
}

const none = { bins: {} };

function withoutPrograms(skill: Skill): Skill {
  return { ...skill, bins: [], anyBins: [] };
}

/** True if what is unmet may come from the skill's own install spec, which the network decides. */
function mayDeclare({ install }: Skill, { bins }: Pick<Plan, "bins">, { options }: PolicyContext) {
  const unmet = Object.entries(bins).filter(([, { state }]) => state === "unmet");
  const isDeclared = ([bin]: [string, unknown]) =>
    install.some((spec) => spec.bins === undefined || spec.bins.includes(bin));
  return options.allowDeclared && unmet.every(isDeclared);
}

async function planFor(skill: Skill, context: PolicyContext): Promise<Plan> {
  const { options, machine: platform, path, packageDir } = context;
  const prefix = options.prefix ?? defaultPrefix;
  const bins = skill.bins.filter(isBinName);
  const anyBins = skill.anyBins.filter(isBinName);
  const manifest = (await manifestOf(prefix, platform)) ?? emptyManifest(platformId(platform));
  const compiled =
    storedCatalogue(prefix, manifest, options) ?? join(packageDir, "dist", "catalogue.json");
  const { catalogue } = await loadCatalogue({ dirs: options.recipeDirs, compiled });
  const seed =
    options.seed === "" ? undefined : await manifestOf(options.seed ?? defaultSeed, platform);
  const asked = [...bins, ...anyBins];
  return resolvePlan({
    requirements: [{ for: skill.name, bins, anyBins }],
    catalogue,
    platform,
    present: {
      manifest,
      damaged: damagedTools(asked, manifest, prefix),
      unlinked: new Set(),
      system: findOnPath(asked, path, prefix),
    },
    seed: seed?.tools ?? {},
    offline: false,
    ignoreSystem: options.ignoreSystem,
    force: new Set(),
    update: false,
  });
}

/** The volume's copy of what `--catalogue` names: a policy uses no network. Throws if there is none. */
function storedCatalogue(
  prefix: string,
  manifest: Manifest,
  { catalogue }: PolicyContext["options"],
): CompiledCatalogue | undefined {
  if (catalogue === undefined) return undefined;
  const spec = parseCatalogueSpec(catalogue, (path) => resolve(path));
  if (typeof spec === "string") throw new Error(`--catalogue ${spec}`);
  const copy = readStoredCatalogue(prefix, manifest, spec.called);
  if (copy) return parseCompiled(copy.text, (read) => read(), spec.called);
  throw new Error(`the volume does not have the catalogue ${spec.called} yet`);
}

/** A volume's manifest; undefined where a run would make a new one, or refuse the volume. */
async function manifestOf(dir: string, platform: Platform): Promise<Manifest | undefined> {
  const found = await findManifest(dir);
  return found && "tools" in found && found.platform === platformId(platform) ? found : undefined;
}

/** Tools without a program that is asked for: the next run repairs them. */
function damagedTools(
  asked: readonly string[],
  { tools }: Manifest,
  prefix: string,
): ReadonlySet<string> {
  const there = findOnPath(asked, join(prefix, layout.bin), "");
  const broken = Object.values(tools).filter(({ bins }) =>
    asked.some((bin) => bins[bin] !== undefined && !there.has(bin)),
  );
  return new Set(broken.map(({ tool }) => tool));
}

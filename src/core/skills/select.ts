import type { OpenClawConfig } from "./config.ts";
import type { SkillVerdict } from "./skill.ts";

/** A directory in which OpenClaw searches for skills, and its role. */
export interface SkillRoot {
  /** Absolute. */
  readonly dir: string;
  readonly kind:
    | "named"
    | "sandbox"
    | "workspace"
    | "personal"
    | "managed"
    | "workshop"
    | "bundled"
    | "plugin"
    | "extra";
}

/** A SKILL.md on disk and its contents. */
export interface FoundSkill {
  /** The skill's name; for a rejected one, its directory's. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly root: SkillRoot;
  /** Of the file's bytes; empty if it was not read. */
  readonly sha256: string;
  readonly verdict: SkillVerdict;
  /** The file of the skill with the same name that OpenClaw uses instead. */
  readonly shadowedBy?: string;
}

/** The skills that were named on the command line. */
export interface Wish {
  readonly all: boolean;
  /** Names or keys. */
  readonly skills: readonly string[];
}

/** Whether a skill is selected, and a short phrase why. */
export interface Selection {
  readonly selected: boolean;
  readonly reason: string;
  /** The key below `skills.entries` whose `enabled: false` alone deselects it. */
  readonly disabledBy?: string;
}

const whereFound: Readonly<Record<SkillRoot["kind"], string>> = {
  named: "in a directory that was named",
  sandbox: "in the sandbox's workspace",
  workspace: "in the workspace",
  personal: "a personal skill",
  managed: "installed with OpenClaw",
  workshop: "from the skill workshop",
  bundled: "bundled",
  plugin: "from a plugin",
  extra: "in skills.load.extraDirs",
};

/** One selection for each skill found, in the same order. */
export function selectSkills(
  found: readonly FoundSkill[],
  config: OpenClawConfig,
  wish: Wish,
): Selection[] {
  return found.map((skill) => select(skill, config, wish));
}

/** The requested names that match no skill's name or key. */
export function unknownSkills(found: readonly FoundSkill[], wish: Wish): string[] {
  const known = new Set(found.flatMap(({ name, verdict }) => [name, keyOf(name, verdict)]));
  return wish.skills.filter((name) => !known.has(name));
}

function select(
  { name, root, verdict, shadowedBy }: FoundSkill,
  config: OpenClawConfig,
  wish: Wish,
): Selection {
  if (!verdict.ok) return no(`rejected: ${verdict.error}`);
  if (shadowedBy !== undefined) return no(`hidden by ${shadowedBy}`);
  const { os } = verdict.skill;
  if (os.length > 0 && !os.includes("linux")) return no(`for ${os.join(", ")}, not for linux`);
  const key = keyOf(name, verdict);
  if (config.enabled.get(key) === false) {
    const reason = `openclaw.json disables it (skills.entries.${key}.enabled: false)`;
    return { ...no(reason), disabledBy: key };
  }
  if (root.kind !== "bundled") return yes(whereFound[root.kind]);
  const choice = choiceOf(name, key, config, wish);
  if (choice) return yes(`bundled, chosen by ${choice}`);
  const ways = `skills.entries.${key}.enabled: true, or --skill ${name}`;
  return no(`bundled, and openclaw.json does not choose it (${ways})`);
}

/** What selects a bundled skill. */
function choiceOf(
  name: string,
  key: string,
  { enabled, allowBundled, defaults, agents }: OpenClawConfig,
  wish: Wish,
): string | undefined {
  if (wish.all) return "--all";
  const wished = wish.skills.find((wanted) => wanted === name || wanted === key);
  if (wished !== undefined) return `--skill ${wished}`;
  if (enabled.get(key)) return `skills.entries.${key}.enabled`;
  if (allowBundled.includes(key) || allowBundled.includes(name)) return "skills.allowBundled";
  if (defaults.skills?.includes(name)) return "agents.defaults.skills";
  const agent = [...agents].find(([, { skills }]) => skills?.includes(name));
  return agent && `the skills of agent ${agent[0]}`;
}

function keyOf(name: string, verdict: SkillVerdict): string {
  return (verdict.ok ? verdict.skill.skillKey : null) ?? name;
}

function yes(reason: string): Selection {
  return { selected: true, reason };
}

function no(reason: string): Selection {
  return { selected: false, reason };
}

import { isBinName } from "../core/names.ts";
import { orNothing } from "../core/or-nothing.ts";
import type { BinState, Plan } from "../core/plan/plan.ts";
import type { Skill } from "../core/skills/skill.ts";
import { asFields, type Fields, plainFields } from "../core/values.ts";
import { nameSome } from "../core/wording.ts";

/** The version of the protocol between OpenClaw 2026.9.6 and its install policy. */
const protocol = 1;
/** OpenClaw cuts longer texts (characters). */
const maxText = 900;
const maxName = 60;

/**
 * What OpenClaw prints of an answer: of `allow` only findings with the severity `warn`; a `block`
 * must have a reason.
 */
interface Finding {
  readonly ruleId:
    | "skill-deps/present"
    | "skill-deps/to-be-installed"
    | "skill-deps/unmet"
    | "skill-deps/not-checked";
  readonly severity: "info" | "warn";
  readonly message: string;
}

/** The answer to a request of `security.installPolicy.exec`. */
export interface PolicyAnswer {
  readonly protocolVersion: typeof protocol;
  readonly decision: "allow" | "block";
  readonly reason?: string;
  readonly findings?: readonly Finding[];
}

/** A skill that is about to be installed. */
export interface PolicyRequest {
  /** The directory with its SKILL.md. Absolute. */
  readonly sourcePath: string;
  /**
   * One of the skill's own installers is about to install a program, so that a missing one is no
   * reason to block.
   */
  readonly isInstaller: boolean;
}

/** Allowed, because nothing about it can be said: a policy that fails would block every skill. */
export function notChecked(why: string): PolicyAnswer {
  return allow([{ ruleId: "skill-deps/not-checked", severity: "warn", message: why }]);
}

/** Reads OpenClaw's request; the answer, if it is about no skill that can be checked. */
export function parsePolicyRequest(text: string): PolicyRequest | PolicyAnswer {
  const json: unknown = orNothing(() => JSON.parse(text));
  const fields = plainFields(json);
  if (!fields) return notChecked("the request is no JSON object, so nothing was checked");
  return requestOf(fields);
}

function requestOf({ protocolVersion, targetType, sourcePath, skill }: Fields) {
  if (protocolVersion !== protocol) {
    const version = shown(protocolVersion);
    return notChecked(`the request has protocolVersion ${version}; this version reads ${protocol}`);
  }
  if (targetType === "plugin") {
    const message = "only skills are checked for programs that they need";
    return allow([{ ruleId: "skill-deps/not-checked", severity: "info", message }]);
  }
  if (targetType !== "skill") return notChecked(`targetType ${shown(targetType)} is not known`);
  if (typeof sourcePath !== "string" || !/^\/[^\0]*$/.test(sourcePath)) {
    return notChecked(`sourcePath ${shown(sourcePath)} is not an absolute path`);
  }
  return { sourcePath, isInstaller: asFields(asFields(skill)?.installSpec) !== undefined };
}

/** A value of somebody else's, short and in one line. */
function shown(value: unknown): string {
  return value === undefined ? "(none)" : (JSON.stringify(value) ?? "").slice(0, maxName);
}

/** The answer for a skill whose requirements are in the plan. `isStrict`: block what cannot run. */
export function answerFor(
  { name, bins, anyBins }: Pick<Skill, "name" | "bins" | "anyBins">,
  plan: Pick<Plan, "bins">,
  isStrict: boolean,
): PolicyAnswer {
  const who = JSON.stringify(name).slice(1, -1).slice(0, maxName);
  const needs = [
    ...bins.map((bin) => needOf([bin], plan)),
    ...(anyBins.length > 0 ? [needOf(anyBins, plan)] : []),
  ];
  const present = needs.filter(({ state }) => state.state === "present");
  const install = needs.flatMap(({ name, state }) =>
    state.state === "install" ? [`${name} (${state.tool} ${state.version})`] : [],
  );
  const unmet = needs.flatMap(({ name, state }) =>
    state.state === "unmet" ? [`${name}: ${state.reason} [${state.problem}]`] : [],
  );
  const findings: Finding[] = [];
  if (unmet.length > 0) {
    const message = `${who} needs what cannot be installed here: ${nameSome(unmet)}`;
    findings.push({ ruleId: "skill-deps/unmet", severity: "warn", message });
  }
  if (install.length > 0) {
    const message = `${who} needs ${nameSome(install)}, not installed yet; the next run of openclaw-install-skill-deps installs it`;
    findings.push({ ruleId: "skill-deps/to-be-installed", severity: "warn", message });
  }
  if (install.length + unmet.length === 0) {
    const message = `all programs that ${who} needs are present: ${nameSome(present.map((it) => it.name)) || "none"}`;
    findings.push({ ruleId: "skill-deps/present", severity: "info", message });
  }
  const [first] = findings;
  if (!isStrict || unmet.length === 0 || !first) return allow(findings);
  const { decision, ...answer } = allow(findings.slice(1));
  const hint = "Write a recipe, or leave out --strict.";
  return { ...answer, decision: "block", reason: `${cut(first.message)}. ${hint}` };
}

interface Need {
  readonly name: string;
  readonly state: BinState;
}

/** A program, or the first usable one of alternatives. */
function needOf(bins: readonly string[], plan: Pick<Plan, "bins">): Need {
  const needs = bins.map((bin): Need => {
    const state = plan.bins[bin] ?? invalid;
    return { name: isBinName(bin) ? bin : shown(bin), state };
  });
  const [first] = needs;
  const usable = needs.find(({ state }) => state.state !== "unmet");
  const state = usable?.state ?? first?.state ?? invalid;
  const name = `one of ${nameSome(needs.map((need) => need.name))}`;
  return usable ?? { name: needs.length === 1 && first ? first.name : name, state };
}

const invalid: BinState = {
  state: "unmet",
  reason: "this is not a program's name",
  problem: "E_NO_RECIPE",
};

function allow(findings: readonly Finding[]): PolicyAnswer {
  const short = findings.map((finding) => ({ ...finding, message: cut(finding.message) }));
  return { protocolVersion: protocol, decision: "allow", findings: short };
}

function cut(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText - 3)}...` : text;
}

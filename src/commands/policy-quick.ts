import { join } from "node:path";
import { layout } from "../core/layout.ts";
import { isBinName } from "../core/names.ts";
import { orNothing } from "../core/or-nothing.ts";
import type { BinState } from "../core/plan/plan.ts";
import type { ProgramIndex } from "../core/plan/program-index.ts";
import { whyNoRecipe } from "../core/plan/unavailable.ts";
import { parsePlainSkill } from "../core/skills/plain-skill.ts";
import type { Requires } from "../core/skills/requires.ts";
import { asFields } from "../core/values.ts";
import { findOnPath } from "../io/on-path.ts";
import { plainText } from "../io/plain-file.ts";
import { answerFor, type PolicyAnswer, type PolicyRequest } from "./policy-answer.ts";

/** What a quick answer depends on. */
export interface QuickContext {
  /** The volume. Absolute. */
  readonly prefix: string;
  readonly isStrict: boolean;
  readonly path: string;
  /** `linux-x64-glibc`. */
  readonly platform: string;
  /** The directory with programs.json. */
  readonly dist: string;
}

/** OpenClaw's own default (bytes). */
const maxSkill = 256_000;
const maxManifest = 16 * 1024 * 1024;
const maxPrograms = 20;

/**
 * The answer to most requests, by a small part of the code: the whole takes longer to load than a process
 * takes to start. Undefined where anything is unusual; then `answerPolicy` answers.
 */
export function answerQuickly(
  { sourcePath, isInstaller }: PolicyRequest,
  context: QuickContext,
): PolicyAnswer | undefined {
  const text = plainText(join(sourcePath, "SKILL.md"), maxSkill);
  const skill = text === undefined ? undefined : parsePlainSkill(text);
  if (!skill || (skill.os.length > 0 && !skill.os.includes("linux"))) return undefined;
  const bins = statesOf(skill, context);
  return bins && answerFor(skill, { bins }, context.isStrict && !isInstaller);
}

function statesOf(
  { bins, anyBins }: Requires,
  { prefix, path, platform, dist }: QuickContext,
): Record<string, BinState> | undefined {
  const asked = [...bins, ...anyBins];
  if (asked.length > maxPrograms || !asked.every(isBinName)) return undefined;
  const installed = installedIn(prefix, platform);
  const index = orNothing(() =>
    JSON.parse(plainText(join(dist, "programs.json"), maxManifest) ?? ""),
  );
  if (!installed || !index) return undefined;
  const onPath = findOnPath(asked, path, prefix);
  const inBin = findOnPath(asked, join(prefix, layout.bin), "");
  const states: Record<string, BinState> = {};
  for (const bin of asked) {
    const state = stateOf(bin, installed, index, { platform, onPath, inBin });
    if (!state) return undefined;
    states[bin] = state;
  }
  return states;
}

/** Tools of the volume and their programs; undefined if it is for another platform or unusual. */
function installedIn(prefix: string, platform: string): Installed | undefined {
  const text = plainText(join(prefix, layout.manifest), maxManifest);
  const manifest = text === undefined ? undefined : orNothing(() => asFields(JSON.parse(text)));
  const tools = asFields(manifest?.tools);
  if (manifest?.schema !== 1 || manifest.platform !== platform || !tools) return undefined;
  const records = Object.values(tools).map((record) => asFields(asFields(record)?.bins));
  const programs = records.flatMap((bins) => Object.keys(bins ?? {}));
  return { tools: new Set(Object.keys(tools)), programs: new Set(programs) };
}

interface Installed {
  readonly tools: ReadonlySet<string>;
  readonly programs: ReadonlySet<string>;
}

interface Found {
  readonly platform: string;
  readonly onPath: ReadonlyMap<string, string>;
  readonly inBin: ReadonlyMap<string, string>;
}

/** As `resolvePlan` decides; undefined if a tool is damaged, lacks a link, or may not fit this machine. */
function stateOf(
  bin: string,
  { tools, programs }: Installed,
  index: ProgramIndex,
  { platform, onPath, inBin }: Found,
): BinState | undefined {
  if (programs.has(bin)) return inBin.has(bin) ? { state: "present", path: bin } : undefined;
  const system = onPath.get(bin);
  if (system !== undefined) return { state: "present", path: system };
  if (!Object.hasOwn(index, bin)) {
    return { state: "unmet", reason: whyNoRecipe(bin), problem: "E_NO_RECIPE" };
  }
  const [tool, version, platforms] = index[bin] ?? ["", "", []];
  if (tools.has(tool) || !platforms.includes(platform)) return undefined;
  return { state: "install", tool, version };
}

import type { Context } from "../context.ts";
import { quote, shellWord } from "../core/launcher.ts";
import { isBinName } from "../core/names.ts";
import { findOnPath } from "../io/on-path.ts";
import type { InstalledState } from "../run/inputs/state.ts";

/** A skill that openclaw.json disables although its programs are available. */
export interface DisabledSkill {
  readonly skill: string;
  /** Its name below `skills.entries`. */
  readonly key: string;
  /** Programs that it requires. */
  readonly bins: readonly string[];
}

/**
 * Skills that `enabled: false` disables, whose programs are all here, at least one of them in the volume.
 * `openclaw doctor --fix` writes that for every skill whose programs its own PATH lacks, for example when it
 * runs in a one-off container without the volume's `bin` on PATH. An operator may also have meant it.
 */
export function findDisabledSkills(state: InstalledState, { env }: Context): DisabledSkill[] {
  const { prefix, manifest, inspection } = state;
  const sound = Object.values(manifest.tools).filter(
    ({ tool }) => !inspection.damaged.has(tool) && !inspection.unlinked.has(tool),
  );
  const inVolume = new Set(sound.flatMap(({ bins }) => Object.keys(bins)));
  return state.skills.flatMap(({ found, disabledBy: key }) => {
    if (key === undefined || !found.verdict.ok) return [];
    const { bins, anyBins } = found.verdict.skill;
    const asked = [...bins, ...anyBins].filter(isBinName);
    const onPath = findOnPath(asked, env.PATH ?? "", prefix);
    const isHere = (bin: string): boolean => inVolume.has(bin) || onPath.has(bin);
    const areHere = bins.every(isHere) && (anyBins.length === 0 || anyBins.some(isHere));
    if (!areHere || !asked.some((bin) => inVolume.has(bin))) return [];
    return [{ skill: found.name, key, bins: asked.filter(isHere) }];
  });
}

/** The shell command that enables these skills again; OpenClaw takes 4 s for each, so several are one batch. */
export function enableCommand(skills: readonly DisabledSkill[]): string {
  const paths = [...new Set(skills.map(({ key }) => enabledPath(key)))];
  const [path = ""] = paths;
  if (paths.length === 1) return `openclaw config set ${shellWord(path)} true`;
  const batch = paths.map((each) => ({ path: each, value: true }));
  return `openclaw config set --batch-json ${quote(JSON.stringify(batch))}`;
}

/** As OpenClaw reads paths: a key with a dot or a space goes into brackets. */
function enabledPath(key: string): string {
  const isPlain = /^[A-Za-z0-9_-]+$/.test(key);
  return `skills.entries${isPlain ? `.${key}` : `[${JSON.stringify(key)}]`}.enabled`;
}

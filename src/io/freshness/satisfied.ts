import { rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { layout } from "../../core/layout.ts";
import type { SelectedSkill } from "../../core/manifest.ts";
import { isBinName } from "../../core/names.ts";
import { moveOnto, orNothing, token } from "../files.ts";
import { readPlain } from "../input.ts";
import type { FreshnessFacts } from "./facts.ts";

const maxSatisfied = 4096;
/** Size limit: other users can write here (bytes). */
const maxBytes = 16 * 1024 * 1024;

/**
 * SKILL.md files that are satisfied (by their sha256), with their required programs, from this run
 * and earlier ones with the same catalogue. They are kept beyond `forgetFreshness`. An entry stays
 * valid when the volume changes, because the entrypoint checks the programs each time.
 */
export function mergeSatisfied(
  facts: FreshnessFacts,
  catalogue: string,
  selected: readonly SelectedSkill[],
): Record<string, string[]> {
  const file = join(facts.prefix, layout.share, "satisfied.json");
  const skills = new Map(Object.entries(readSatisfied(file, catalogue)));
  const asked = new Map(selected.map((s) => [s.sha256, s]));
  const bins = facts.programs.map(({ path }) => basename(path));
  const present = new Set([...facts.system, ...bins]);
  for (const hash of facts.satisfied) {
    const skill = asked.get(hash);
    const names = skill && [...skill.bins, ...skill.anyBins.filter((bin) => present.has(bin))];
    skills.delete(hash);
    skills.set(hash, names ?? [...facts.system]);
  }
  if (facts.status !== undefined) skills.set(facts.status, []);
  for (const { path, sha256 } of facts.dependencies?.files ?? [])
    if (!path.endsWith(".py") && !skills.has(sha256)) skills.set(sha256, []);
  const merged = Object.fromEntries([...skills].slice(-maxSatisfied));
  const draft = `${file}.${token()}`;
  try {
    writeFileSync(draft, `${JSON.stringify({ catalogue, skills: merged })}\n`, { flag: "wx" });
    moveOnto(draft, file);
  } finally {
    orNothing(() => rmSync(draft, { force: true })); // another user's directory may have this name
  }
  return merged;
}

/**
 * Empty if the file is not a valid list. Throws if it cannot be read, because its entries would be
 * lost.
 */
function readSatisfied(file: string, catalogue: string): Record<string, string[]> {
  const text = readPlain(file, maxBytes) ?? "";
  const known = orNothing(() => {
    const read = JSON.parse(text);
    if (read.catalogue !== catalogue) return {};
    const sound = Object.entries<string[]>(read.skills).filter(
      ([hash, names]) => /^[0-9a-f]{64}$/.test(hash) && names.every(isBinName),
    );
    return Object.fromEntries(sound);
  });
  return known ?? {};
}

import { parseSkill } from "../../src/core/skills/skill.ts";
import { maxSkillBytes, worstSkills } from "../support/worst-skills.ts";
import type { Sample } from "./measure.ts";
import { type Line, medianOf, type Part } from "./report.ts";

const shown = 5;
const prose = `---\nname: x\ndescription: y\n---\n${"Plain words. ".repeat(maxSkillBytes / 14)}`;

/** What the worst SKILL.md files of the size that is read cost to parse; a quadratic reader takes seconds. */
export const skills: Part = async (place, tell) => {
  const runs = place.quick ? 3 : 10;
  const lines: Line[] = worstSkills.map(([name, text]) => ({ name, samples: parse(text, runs) }));
  const median = ({ samples }: Line): number => medianOf(samples.map(({ wall }) => wall));
  const slowest = lines.sort((a, b) => median(b) - median(a)).slice(0, shown);
  tell({
    title: "Parsing the worst SKILL.md files",
    note: `The ${shown} slowest of ${worstSkills.length} files of ${maxSkillBytes} bytes.`,
    unit: "ms",
    lines: [...slowest, { name: "plain prose", floor: true, samples: parse(prose, runs) }],
  });
};

function parse(text: string, runs: number): Sample[] {
  return Array.from({ length: runs }, () => {
    const [began, used] = [performance.now(), process.cpuUsage()];
    parseSkill(text, "directory");
    const { user, system } = process.cpuUsage(used);
    return { wall: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 };
  });
}

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseFrontmatter } from "../../src/core/skills/frontmatter.ts";
import { parseSkill } from "../../src/core/skills/skill.ts";

interface Row {
  readonly case: string;
  readonly source: string;
  readonly text: string;
  readonly expected: {
    /** Whether the front matter can be read. That there is a description is asked for later. */
    readonly ok: boolean;
    /** Null where the front matter has none: the directory's counts. */
    readonly name?: string | null;
    /** Null where no key of metadata counts. */
    readonly manifest?: object | null;
  };
}

const file = process.env.OPENCLAW_SKILL_CORPUS;
const rows: Row[] = file
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
  : [];
const nothing = { os: [], always: false, skillKey: null, bins: [], anyBins: [], install: [] };

describe.skipIf(!file)("OpenClaw's verdicts on real SKILL.md files", () => {
  it.each(rows.map((row) => [row.case, row.source, row] as const))(
    "%s %s",
    (_case, _source, row) => {
      const { text, expected } = row;
      const front = parseFrontmatter(text);
      expect(front.ok).toBe(expected.ok);
      const verdict = parseSkill(text, "directory");
      const described = front.ok && Boolean(front.values.get("description")?.trim());
      expect(verdict.ok).toBe(described);
      if (!verdict.ok) return;
      const { os, always, skillKey, bins, anyBins, install, name } = verdict.skill;
      expect(name).toBe(expected.name ?? "directory");
      expect({ os, always, skillKey, bins, anyBins, install }).toStrictEqual(
        expected.manifest ?? nothing,
      );
    },
  );

  it("has rows", () => expect(rows.length).toBeGreaterThan(300));
});

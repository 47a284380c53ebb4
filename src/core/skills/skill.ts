import JSON5 from "json5";
import { describeError } from "../errors.ts";
import { type InstallSpec, parseInstallSpec } from "../installspec.ts";
import { isBinName } from "../names.ts";
import { asFields, type Fields } from "../values.ts";
import { parseFrontmatter } from "./frontmatter.ts";
import { hintsFor } from "./hints.ts";
import { manifestIn, type Requires, requiresOf } from "./requires.ts";

/** A skill's requirements, as OpenClaw 2026.9.6 reads them. */
export interface Skill extends Requires {
  readonly name: string;
  readonly description: string;
  readonly always: boolean;
  /** Its key in openclaw.json, if it differs from the name. */
  readonly skillKey: string | null;
  readonly install: readonly InstallSpec[];
  /** Requirements that OpenClaw does not see, and where they belong; each follows "FILE ". */
  readonly hints: readonly string[];
}

/** The name of a rejected skill is its directory's. The error names the line if possible. */
export type SkillVerdict =
  | { readonly ok: true; readonly skill: Skill }
  | { readonly ok: false; readonly name: string; readonly error: string };

/** The metadata, or why it cannot be read. */
interface Metadata {
  readonly fields?: Fields;
  readonly problem?: string;
}

/** Reads a SKILL.md. Never throws: a skill that OpenClaw skips is returned with the reason. */
export function parseSkill(text: string, directoryName: string): SkillVerdict {
  const fallback = directoryName.trim();
  const front = parseFrontmatter(text);
  if (!front.ok) return { ok: false, name: fallback, error: front.error };
  const { values } = front;
  const name = values.get("name")?.trim() || fallback;
  const description = values.get("description")?.trim();
  if (!name || !description) {
    const missing = description ? "name" : "description";
    const error =
      values.size === 0
        ? `line 1 is not ---, so there is no front matter and no ${missing}`
        : `the front matter has no ${missing}`;
    return { ok: false, name: fallback, error };
  }
  return { ok: true, skill: { name, description, ...manifestOf(values) } };
}

/**
 * Names among `bins` and `anyBins` that are not plain program names: they are reported and never
 * used.
 */
export function hostileBins(skill: Skill): string[] {
  const names = new Set([...skill.bins, ...skill.anyBins]);
  return [...names].filter((name) => !isBinName(name));
}

function manifestOf(values: ReadonlyMap<string, string>): Omit<Skill, "name" | "description"> {
  const metadata = parseMetadata(values.get("metadata"));
  const manifest = manifestIn(metadata.fields);
  const requires = requiresOf(manifest);
  const { skillKey, install } = manifest ?? {};
  return {
    ...requires,
    always: manifest?.always === true,
    skillKey: typeof skillKey === "string" && skillKey !== "" ? skillKey : null,
    install: (Array.isArray(install) ? install : [])
      .map(parseInstallSpec)
      .filter((spec) => spec !== undefined),
    hints:
      unreadable(values, metadata) ??
      hintsFor({
        values,
        metadata: metadata.fields,
        manifest,
        known: new Set([...requires.bins, ...requires.anyBins]),
        read: (text) => parseMetadata(text).fields,
      }),
  };
}

function parseMetadata(text: string | undefined): Metadata {
  if (!text) return {};
  try {
    return withFields(JSON.parse(text));
  } catch {
    // JSON5 is tried second, and its message is better.
  }
  try {
    return withFields(JSON5.parse(text));
  } catch (error) {
    return { problem: describeError(error).replace(/^JSON5: /, "") };
  }
}

function withFields(value: unknown): Metadata {
  const fields = asFields(value);
  return fields ? { fields } : {};
}

function unreadable(
  values: ReadonlyMap<string, string>,
  { problem }: Metadata,
): string[] | undefined {
  if (problem === undefined || !values.get("metadata")?.includes("requires")) return undefined;
  return [`says requires in metadata that OpenClaw cannot read as JSON5 (${problem})`];
}

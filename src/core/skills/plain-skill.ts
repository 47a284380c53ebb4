import { asFields } from "../values.ts";
import { parsePlainYaml } from "./plain-yaml.ts";
import { manifestIn, type Requires, requiresOf } from "./requires.ts";

/** A skill's name and requirements. */
export interface PlainSkill extends Requires {
  readonly name: string;
}

/**
 * Reads most SKILL.md files quicker than parseSkill, and in the same way; undefined where it is not
 * certain that the two agree.
 */
export function parsePlainSkill(bytes: string): PlainSkill | undefined {
  const text = bytes.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const end = text.indexOf("\n---\n", 3);
  if (!text.startsWith("---\n") || end === -1) return undefined;
  const fields = parsePlainYaml(text.slice(4, end));
  const { name, description, metadata = {} } = fields ?? {};
  if (!isText(name) || !isText(description) || !asFields(metadata)) return undefined;
  return { name: name.trim(), ...requiresOf(manifestIn(asFields(metadata))) };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

/** Values out of JSON or YAML that somebody else wrote, taken as OpenClaw takes them. */

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object (or an array, which has none that are asked for). */
export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** The items of an array as text, or of a comma string; trimmed, without empty ones. */
export function textList(value: unknown): string[] {
  const items: unknown[] =
    typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : [];
  return items.map((item) => asText(item).trim()).filter((item) => item !== "");
}

/** Trimmed text; undefined where it is none or empty. */
export function trimmed(value: unknown): string | undefined {
  return (typeof value === "string" && value.trim()) || undefined;
}

function asText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return ""; // an object whose toString is no function
  }
}

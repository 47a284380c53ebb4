/** Reads values of JSON or YAML from other authors, as OpenClaw does. */

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object (or of an array, which has no named ones). */
export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** The fields of an object that is no list. */
export function plainFields(value: unknown): Fields | undefined {
  return Array.isArray(value) ? undefined : asFields(value);
}

/** The items of an array or a comma-separated text; trimmed, without empty ones. */
export function textList(value: unknown): string[] {
  const items: unknown[] =
    typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : [];
  return items.map((item) => asText(item).trim()).filter((item) => item !== "");
}

/** Trimmed text; undefined if it is empty or not a text. */
export function trimmed(value: unknown): string | undefined {
  return (typeof value === "string" && value.trim()) || undefined;
}

function asText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return ""; // toString is not a function
  }
}

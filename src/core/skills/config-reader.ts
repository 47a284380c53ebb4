import type { Env } from "../platform.ts";
import { type Fields, plainFields } from "../values.ts";
import { hasReference, substitute } from "./config-env.ts";

export type Reader = ReturnType<typeof reader>;

/** Reads values by type. Absent values are undefined; wrong ones too, and they are reported. */
export function reader(env: Env, problem: (text: string) => void) {
  // The value is not shown: it may be a misplaced secret.
  const wrong = (value: unknown, key: string, expected: string): undefined => {
    if (value !== undefined) problem(`${key} is ${kindOf(value)}; expected ${expected}`);
    return undefined;
  };
  let hasVariables = false;
  const read = {
    hasVariables: () => hasVariables,
    fields(value: unknown, key: string, keys?: readonly string[]): Fields {
      const fields = plainFields(value);
      if (!fields) return wrong(value, key, "an object { ... }") ?? {};
      for (const name of keys ? Object.keys(fields) : []) {
        if (keys?.includes(name)) continue;
        problem(`${key}.${name} is unknown to OpenClaw; ${key} has ${keys?.join(", ")}`);
      }
      return fields;
    },
    list(value: unknown, key: string): unknown[] {
      return Array.isArray(value) ? value : (wrong(value, key, "a list [ ... ]") ?? []);
    },
    text(value: unknown, key: string): string | undefined {
      if (typeof value !== "string") return wrong(value, key, "a text");
      hasVariables ||= hasReference(value);
      return substitute(value, env, (name) => problem(`${key} needs ${name}, which is not set`));
    },
    texts(value: unknown, key: string): string[] | undefined {
      if (value === undefined) return undefined;
      return read.list(value, key).flatMap((item, i) => {
        const text = read.text(item, `${key}[${i}]`)?.trim();
        return text ? [text] : [];
      });
    },
    flag(value: unknown, key: string): boolean | undefined {
      return typeof value === "boolean" ? value : wrong(value, key, "true or false");
    },
    integer(value: unknown, key: string, least: number): number | undefined {
      const fits = Number.isInteger(value) && (value as number) >= least;
      return fits ? (value as number) : wrong(value, key, `a whole number from ${least}`);
    },
  };
  return read;
}

/** A value's type in words, without the value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "a text" : String(value);
}

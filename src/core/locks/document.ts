import type * as z from "zod";
import { orNothing } from "../or-nothing.ts";
import type { RecipeProblem } from "../recipe.ts";

/** The contents of a lock, or its errors. */
export type ParsedLock<Held> =
  | { readonly ok: true; readonly held: Held }
  | { readonly ok: false; readonly problems: readonly RecipeProblem[] };

/**
 * The parsed document, or what is wrong with it as a whole. `what`: the expected kind, such as `a
 * lock of wheels`.
 */
export function readDocument<T>(text: string, schema: z.ZodType<T>, what: string): T | string {
  const json: unknown = orNothing(() => JSON.parse(text));
  if (json === undefined) return "is not JSON";
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `is not ${what}: ${issue?.path.join(" ")}: ${issue?.message}`;
}

/** The error for a lock that is invalid as a whole; `example` is the command that creates it. */
export function wrongLock(file: string, message: string, example: string): ParsedLock<never> {
  return { ok: false, problems: [{ file, line: 0, message, example }] };
}

/** The line of a lock's text that has this part, from 1. */
export function lineOf(text: string, part: string): number {
  return text.split("\n").findIndex((line) => line.includes(part)) + 1;
}

import type * as z from "zod";
import { orNothing } from "../or-nothing.ts";
import type { RecipeProblem } from "../recipe.ts";

/** What a lock's text holds, or what is wrong with it. */
export type ParsedLock<Held> =
  | { readonly ok: true; readonly held: Held }
  | { readonly ok: false; readonly problems: readonly RecipeProblem[] };

/** The document that a text is, or what is wrong with it as a whole. `what` it should be: `a lock of wheels`. */
export function readDocument<T>(text: string, schema: z.ZodType<T>, what: string): T | string {
  const json: unknown = orNothing(() => JSON.parse(text));
  if (json === undefined) return "is not JSON";
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return `is not ${what}: ${issue?.path.join(" ")}: ${issue?.message}`;
}

/** A lock that is wrong as a whole; `example` is how to make it. */
export function wrongLock(file: string, message: string, example: string): ParsedLock<never> {
  return { ok: false, problems: [{ file, line: 0, message, example }] };
}

import * as z from "zod";
import type { TextRule } from "./rules.ts";

/** A field of text in a recipe: what its rule says is wrong, and what the schema says of it. */
export function text(rule: TextRule, description: string, ...examples: string[]) {
  return z
    .string()
    .superRefine((value, context) => {
      const wrong = rule(value);
      if (wrong !== undefined) context.addIssue({ code: "custom", message: wrong });
    })
    .meta({ description, ...(examples.length > 0 && { examples }) });
}

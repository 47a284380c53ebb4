import * as z from "zod";
import type { TextRule } from "./rules.ts";

/** A text that has a rule, whose words say what is wrong. */
export function ruled(rule: TextRule) {
  return z.string().superRefine((value, context) => {
    const message = rule(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

/** A text field of a recipe's schema: its rule, what it is, and examples for editors and messages. */
export function text(rule: TextRule, description: string, ...examples: string[]) {
  return ruled(rule).meta({ description, ...(examples.length > 0 && { examples }) });
}

import * as z from "zod";
import { type SignatureKind, signatureKinds } from "../recipe.ts";
import { lineRule, type TextRule } from "./rules.ts";

/** The part of a source that says who has signed its bytes. */

function word(rule: TextRule, description: string, ...examples: string[]) {
  return z
    .string()
    .superRefine((value, context) => {
      const message = rule(value);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .meta({ description, ...(examples.length > 0 && { examples }) });
}

const addressRule: TextRule = (text) =>
  URL.canParse(text) && /^(https:\/\/|http:\/\/(127\.\d+\.\d+\.\d+|localhost)[:/])/.test(text)
    ? undefined
    : "must be an https:// address";

const dayRule: TextRule = (text) =>
  /^\d{4}-\d\d-\d\d$/.test(text) ? undefined : "is not a day such as 2026-11-30";

const signature = z.strictObject({
  kind: z.enum(signatureKinds).meta({
    description: "What was checked.",
    examples: ["npm-signature"] satisfies SignatureKind[],
  }),
  by: word(
    lineRule,
    "The signer: a key's id or fingerprint, a workflow, an address; of minisign the whole key; `go` for the one that go has.",
    "https://github.com/cli/cli/.github/workflows/deployment.yml@refs/heads/trunk",
  ),
  issuer: word(addressRule, "Who vouched for the signer's identity.").optional(),
  source: word(
    lineRule,
    "REPOSITORY@COMMIT that it was built from.",
    "https://github.com/cli/cli@0f4e6e9b",
  ).optional(),
  at: word(
    addressRule,
    "The signature's file, if the source's own registry does not have it.",
  ).optional(),
  key: word(addressRule, "Where the key comes from, which is trusted since then.").optional(),
  checked: word(dayRule, "The day; absent if not checked yet: `recipe pin` does it.").optional(),
});

export const signedSchema = z.array(signature).min(1).meta({
  description:
    "Signatures that `recipe new`, `pin` and `bump` have checked; `recipe check --fetch` repeats it.",
});

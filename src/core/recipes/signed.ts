import * as z from "zod";
import { type SignatureKind, signatureKinds } from "../recipe.ts";
import { lineRule, type TextRule } from "./rules.ts";
import { text } from "./text-field.ts";

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
  by: text(
    lineRule,
    "The signer: a key's id or fingerprint, a workflow, an address; of minisign the whole key; `go` for the one that go has.",
    "https://github.com/cli/cli/.github/workflows/deployment.yml@refs/heads/trunk",
  ),
  issuer: text(addressRule, "Who vouched for the signer's identity.").optional(),
  source: text(
    lineRule,
    "REPOSITORY@COMMIT that it was built from.",
    "https://github.com/cli/cli@0f4e6e9b",
  ).optional(),
  at: text(
    addressRule,
    "The signature's file, if the source's own registry does not have it.",
  ).optional(),
  key: text(addressRule, "Where the key comes from, which is trusted since then.").optional(),
  checked: text(dayRule, "The day; absent if not checked yet: `recipe pin` does it.").optional(),
});

/** The part of a source that says who has signed its bytes. */
export const signedSchema = z.array(signature).min(1).meta({
  description:
    "Signatures that `recipe new`, `pin` and `bump` have checked; `recipe check --fetch` repeats it.",
});

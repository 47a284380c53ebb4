import { type MinisignKey, parseMinisignKey, verifyMinisign } from "../../core/minisign.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { signaturesBeside, textAt } from "./beside.ts";
import {
  firstUse,
  keyIsMissing,
  type SignatureCheck,
  type SignatureContext,
  type Subject,
  wrongSignature,
} from "./evidence.ts";

/** Files of minisign beside a release's. */
export const minisign: SignatureCheck = {
  kinds: ["minisign"],
  sources: ["archive"],
  async find(subject, context) {
    const files = await signaturesBeside({ endings: [".minisig"], whyNot }, subject, context);
    const found: SignedBy[] = [];
    for (const { of, url, text } of files.slice(0, 1)) {
      const known = await keyFor(subject, url, context);
      if (!known) {
        keyIsMissing("minisign", url, "RW...", context);
        continue;
      }
      const signed = verifyMinisign(await of.bytes(), text, known.key);
      if (typeof signed === "string" && !signed.startsWith("has no timestamp")) {
        throw wrongSignature(url, `it ${signed}`);
      }
      const { key } = known;
      found.push({
        kind: "minisign",
        by: key.text,
        at: url,
        ...(known.from && { key: known.from }),
      });
    }
    return found;
  },
};

const whyNot = (text: string): string | undefined =>
  text.startsWith("untrusted comment:") ? undefined : "is not a signature of minisign";

interface KnownKey {
  readonly key: MinisignKey;
  /** Its URL. */
  readonly from?: string | undefined;
}

/** The key that the recipe names, else the one beside the file, which is trusted from now on. */
async function keyFor(
  { source, recorded }: Subject,
  url: string,
  context: SignatureContext,
): Promise<KnownKey | undefined> {
  const named = recorded.find(({ kind }) => kind === "minisign");
  const from = named?.key ?? new URL("minisign.pub", source.url).href;
  if (named && !named.key) {
    const key = parseMinisignKey(named.by);
    if (key) return { key };
    throw wrongSignature(url, `${named.by} is not a key of minisign`);
  }
  const key = parseMinisignKey((await textAt(from, context, named !== undefined)) ?? "");
  if (!key && named) throw wrongSignature(from, "there is no key of minisign");
  if (!key) return undefined;
  if (!named) firstUse(`the minisign key ${key.id}`, from, context);
  return { key, from };
}

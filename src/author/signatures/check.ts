import { join } from "node:path";
import { describeError, UserError } from "../../core/errors.ts";
import { once } from "../../core/once.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { kindOfSource } from "../../core/recipes/artifacts.ts";
import type { RecipeSource } from "../../core/recipes/schema.ts";
import type { DraftContext } from "../draft.ts";
import { sigstore } from "./cosign.ts";
import { debianIndex } from "./debian.ts";
import type { SignatureCheck, SignatureContext } from "./evidence.ts";
import { githubAttestation } from "./github.ts";
import { goSumdb } from "./go.ts";
import { minisign } from "./minisign.ts";
import { npmProvenance, npmSignature } from "./npm.ts";
import { pgp } from "./pgp.ts";
import { pypiAttestation } from "./pypi.ts";
import { openTrustRoot } from "./trust-root.ts";

const checks: readonly SignatureCheck[] = [
  npmSignature,
  npmProvenance,
  pypiAttestation,
  githubAttestation,
  sigstore,
  minisign,
  pgp,
  debianIndex,
  goSumdb,
];

/** Finds and verifies what signs a pinned source. `lock`: the text of its lock. */
export type FindSignatures = (
  source: RecipeSource,
  lock: string | undefined,
) => Promise<readonly SignedBy[]>;

/** Opens what all checks of a run share: keys, documents and downloads are fetched once. */
export function openSignatures(draft: DraftContext): FindSignatures {
  const seen = new Map<string, Promise<unknown>>();
  let files = 0;
  const context: SignatureContext = {
    draft,
    trust: once(() => openTrustRoot(draft)),
    file: () => {
      files += 1;
      return join(draft.dir, `signed-${files}`);
    },
    memo: <T>(key: string, make: () => Promise<T>) => {
      const made = (seen.get(key) as Promise<T> | undefined) ?? make();
      seen.set(key, made);
      return made;
    },
  };
  return async (source, lock) => {
    const kind = kindOfSource(source);
    if (kind === undefined) return [];
    const { signed: recorded = [] } = source;
    const found: SignedBy[] = [];
    for (const check of checks.filter(({ sources }) => sources.includes(kind))) {
      const hadOne = recorded.some((each) => check.kinds.includes(each.kind));
      const subject = { source, lock, recorded };
      found.push(...(await findOrSay(check, subject, context, hadOne)));
    }
    return unique(found);
  };
}

/** Where nothing is recorded, a server that cannot be asked is no error: it is only not recorded. */
async function findOrSay(
  check: SignatureCheck,
  subject: Parameters<SignatureCheck["find"]>[0],
  context: SignatureContext,
  hadOne: boolean,
): Promise<readonly SignedBy[]> {
  try {
    return await check.find(subject, context);
  } catch (error) {
    const isAsked = error instanceof UserError && !["network", "unmet"].includes(error.kind);
    if (hadOne || isAsked || !(error instanceof UserError)) throw error;
    const message = `${check.kinds[0]} was not looked for: ${describeError(error)}`;
    context.draft.emit({ type: "detail", message });
    return [];
  }
}

function unique(signed: readonly SignedBy[]): SignedBy[] {
  return [...new Map(signed.map((each) => [JSON.stringify(each), each])).values()];
}

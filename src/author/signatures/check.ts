import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { once, onceFor } from "../../core/once.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { kindOfSource } from "../../core/recipes/artifacts.ts";
import type { RecipeSource } from "../../core/recipes/schema.ts";
import { plural } from "../../core/wording.ts";
import type { DraftContext } from "../draft-context.ts";
import { whyDoubted } from "./beside.ts";
import { sigstore } from "./cosign.ts";
import { debianIndex } from "./debian.ts";
import type { Doubt, SignatureCheck, SignatureContext, Subject } from "./evidence.ts";
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
  let doubts: Doubt[] = [];
  const context: SignatureContext = {
    draft,
    trust: once(() => openTrustRoot(draft)),
    file: () => {
      files += 1;
      return join(draft.dir, `signed-${files}`);
    },
    memo: <T>(key: string, make: () => Promise<T>) => onceFor(seen, key, make) as Promise<T>,
    doubt: (doubt) => void doubts.push(doubt),
  };
  const said = new Set<string>();
  const sayDoubts = (): void => {
    for (const message of describeDoubts(doubts).filter((each) => !said.has(each))) {
      said.add(message);
      draft.emit({ type: "warning", problem: "E_SIGNATURE_UNKNOWN", message });
    }
    doubts = [];
  };
  return async (source, lock) => {
    const kind = kindOfSource(source);
    if (kind === undefined) return [];
    const { signed: recorded = [] } = source;
    const found: SignedBy[] = [];
    for (const check of checks.filter(({ sources }) => sources.includes(kind))) {
      const hadOne = recorded.some((each) => check.kinds.includes(each.kind));
      const subject = { source, lock, recorded };
      found.push(...(await findOrDoubt(check, subject, context, hadOne)));
    }
    sayDoubts();
    return unique(found);
  };
}

/** Where nothing is recorded, a server that cannot be asked is no error: it is only not recorded. */
async function findOrDoubt(
  check: SignatureCheck,
  subject: Subject,
  context: SignatureContext,
  hadOne: boolean,
): Promise<readonly SignedBy[]> {
  try {
    return await check.find(subject, context);
  } catch (error) {
    if (hadOne || !(error instanceof UserError)) throw error;
    if (error.kind !== "network" && error.kind !== "unmet") throw error;
    context.doubt({ why: whyDoubted(error), at: check.kinds.join(", ") });
    return [];
  }
}

/** One line for each reason: a server that answers everything alike is asked for many files. */
function describeDoubts(doubts: readonly Doubt[]): string[] {
  return [...Map.groupBy(doubts, ({ why }) => why)].map(([why, [first, ...more]]) => {
    const others = more.length > 0 ? ` and ${plural(more.length, "other place")}` : "";
    return `whether it is signed is not known: ${why} (${first?.at}${others})`;
  });
}

function unique(signed: readonly SignedBy[]): SignedBy[] {
  return [...new Map(signed.map((each) => [JSON.stringify(each), each])).values()];
}

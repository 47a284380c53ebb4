import { UserError } from "../../core/errors.ts";
import { orNothing } from "../../core/or-nothing.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { asFields } from "../../core/values.ts";
import { isNotFound, nothingIf } from "../../net/errors.ts";
import { signedBy, verifyBundle } from "./bundle.ts";
import { digestsOf } from "./bytes.ts";
import { type SignatureCheck, wrongSignature } from "./evidence.ts";

function attestationsIn(text: string, host: string): unknown {
  const list = asFields(orNothing(() => JSON.parse(text)))?.attestations;
  if (Array.isArray(list)) return list;
  throw new UserError("E_PROTOCOL", `${host} answered with something else than attestations`);
}

/** Attestations that GitHub keeps of a release's files. */
export const githubAttestation: SignatureCheck = {
  kinds: ["github-attestation"],
  sources: ["archive"],
  async find({ source }, context) {
    const path = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/releases\/download\//.exec(
      source.url ?? "",
    )?.[1];
    if (path === undefined) return [];
    const { draft, trust } = context;
    const { sha256 } = await digestsOf(source, context);
    const url = `https://api.github.com/repos/${path}/attestations/sha256:${sha256.hex}?predicate_type=https://slsa.dev/provenance/v1`;
    const token = draft.env.GH_TOKEN || draft.env.GITHUB_TOKEN; // empty: as if it were not set
    const headers = {
      accept: "application/vnd.github+json",
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const { http, signal } = draft;
    const answer = await http
      .text(url, { headers, hasAlternative: true, signal })
      .catch(nothingIf(isNotFound));
    const listed = answer && attestationsIn(answer.text, new URL(url).host);
    const found: SignedBy[] = [];
    for (const each of Array.isArray(listed) ? listed : []) {
      const what = `GitHub's attestation of ${source.url}`;
      const { bundle } = asFields(each) ?? {};
      if (!asFields(bundle)) continue; // it is elsewhere, compressed
      const signer = await verifyBundle({ what, bundle, digests: [sha256], trust: await trust() });
      const { by, repository } = signer;
      // Anyone may attest anything about any bytes; only the repository itself counts.
      if (repository?.toLowerCase() !== `https://github.com/${path}`.toLowerCase()) {
        throw wrongSignature(what, `it is by ${repository ?? by}, not by ${path}`);
      }
      found.push(signedBy("github-attestation", signer));
    }
    return found;
  },
};

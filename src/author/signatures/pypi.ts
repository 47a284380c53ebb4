import { parsePypiLock } from "../../core/locks/pypi-lock.ts";
import type { LockedWheel, SignedBy } from "../../core/recipe.ts";
import { splitPackage } from "../../core/recipes/rules.ts";
import { asFields, trimmed } from "../../core/values.ts";
import { looksLikePage, pageInstead } from "../../net/web-page.ts";
import { listFiles } from "../../sources/python/index.ts";
import { signedBy, verifyBundle } from "./bundle.ts";
import { type SignatureCheck, type SignatureContext, wrongSignature } from "./evidence.ts";
import type { TrustRoot } from "./trust-root.ts";

/** Attestations of the workflow that published a program's own wheels (PEP 740). */
export const pypiAttestation: SignatureCheck = {
  kinds: ["pypi-attestation"],
  sources: ["python"],
  async find({ source, lock = "" }, context) {
    const { name } = splitPackage(source.pypi ?? "");
    const parsed = parsePypiLock(lock, "lock");
    const wheels = parsed.ok ? parsed.held.filter((wheel) => wheel.name === name) : [];
    const { draft, memo } = context;
    const pip = await draft.pip();
    const files = await memo(`pypi ${name}`, () => listFiles(name, { http: draft.http, pip }));
    const found: SignedBy[] = [];
    for (const wheel of wheels) {
      const url = files.find((file) => file.name === wheel.file)?.provenance;
      if (url === undefined) return []; // each wheel is what some machine gets
      found.push(...(await verifyWheel(wheel, url, context)));
    }
    return found;
  },
};

async function verifyWheel(
  { file, digest }: LockedWheel,
  url: string,
  { draft, trust }: SignatureContext,
): Promise<SignedBy[]> {
  const pip = await draft.pip();
  const { http, signal } = draft;
  const headers = { accept: "application/vnd.pypi.integrity.v1+json", ...pip.headersFor(url) };
  const { text, url: from } = await http.text(url, { headers, ...pip.through, signal });
  if (looksLikePage(text)) throw pageInstead(from, "attestations");
  return await readAttestations(text, { file, digest }, await trust());
}

/** Verifies what an index says about a file. Throws a UserError (`integrity`) if anything of it is wrong. */
export async function readAttestations(
  text: string,
  { file, digest }: Pick<LockedWheel, "file" | "digest">,
  trust: TrustRoot,
): Promise<SignedBy[]> {
  const what = `an attestation of ${file}`;
  const bundles = asFields(parseJson(text, what))?.attestation_bundles;
  const found: SignedBy[] = [];
  for (const each of Array.isArray(bundles) ? bundles.map(asFields) : []) {
    const publisher = asFields(each?.publisher);
    for (const attestation of Array.isArray(each?.attestations) ? each.attestations : []) {
      const bundle = toBundle(attestation);
      const signer = await verifyBundle({ what, bundle, digests: [digest], trust });
      refuseOtherPublisher(what, signer.repository, trimmed(publisher?.repository));
      found.push(signedBy("pypi-attestation", signer));
    }
  }
  return found;
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw wrongSignature(what, "it is not JSON", cause);
  }
}

/** Python's form of an attestation as a bundle of sigstore. */
function toBundle(attestation: unknown): unknown {
  const material = asFields(asFields(attestation)?.verification_material);
  const envelope = asFields(asFields(attestation)?.envelope);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: material?.certificate },
      tlogEntries: material?.transparency_entries,
    },
    dsseEnvelope: {
      payload: envelope?.statement,
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: envelope?.signature }],
    },
  };
}

/** The index says which repository may publish the package. */
function refuseOtherPublisher(what: string, built?: string, named?: string): void {
  if (built === undefined || named === undefined || !built.startsWith("https://github.com/"))
    return;
  if (built.toLowerCase() === `https://github.com/${named}`.toLowerCase()) return;
  throw wrongSignature(what, `it was built from ${built}, but the index names ${named}`);
}

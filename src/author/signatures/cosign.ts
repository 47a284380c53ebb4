import { sha256Of } from "../../core/digest.ts";
import { orNothing } from "../../core/or-nothing.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { shownUrl } from "../../core/shown-url.ts";
import { asFields, type Fields } from "../../core/values.ts";
import { filesBeside, signaturesBeside } from "./beside.ts";
import { signedBy, verifyBundle } from "./bundle.ts";
import { digestsOf } from "./bytes.ts";
import type { SignatureCheck, SignatureContext, Subject } from "./evidence.ts";

/** Bundles of sigstore beside a release's files, also in cosign's older form. */
export const sigstore: SignatureCheck = {
  kinds: ["sigstore"],
  sources: ["archive"],
  async find(subject, context) {
    const endings = [".sigstore.json", ".sigstore", ".bundle"];
    const files = await signaturesBeside({ endings, whyNot }, subject, context);
    const found: SignedBy[] = [];
    if (files.length === 0) await sayLogless(subject, context);
    for (const { of, url, text } of files) {
      const bytes = await of.bytes();
      const bundle = bundleIn(text);
      if (!bundle) continue; // what git makes
      const isFile = of.url === subject.source.url;
      const { sha256, sha512 } = isFile
        ? await digestsOf(subject.source, context)
        : { sha256: sha256Of(bytes) };
      const digests = sha512 ? [sha256, sha512] : [sha256];
      const signer = await verifyBundle({
        what: url,
        bundle,
        digests,
        bytes: async () => bytes,
        trust: await context.trust(),
      });
      found.push({ ...signedBy("sigstore", signer), at: url });
    }
    return found;
  },
};

const bundleIn = (text: string): unknown => toBundle(orNothing(() => JSON.parse(text)));

/** A file `.bundle` may also be one of git, which signs nothing. */
const whyNot = (text: string): string | undefined =>
  bundleIn(text) || /^# v\d+ git bundle/.test(text) ? undefined : "is not a bundle of sigstore";

/** A bundle as it is, or made of cosign's older form; undefined if it is neither. */
function toBundle(document: unknown): unknown {
  const fields = asFields(document);
  if (typeof fields?.mediaType === "string") return document;
  const { base64Signature, cert, rekorBundle } = fields ?? {};
  const entry = asFields(asFields(rekorBundle)?.Payload);
  if (typeof base64Signature !== "string" || typeof cert !== "string" || !entry) return undefined;
  return fromCosign({ signature: base64Signature, cert, entry, log: asFields(rekorBundle) ?? {} });
}

interface CosignBundle {
  readonly signature: string;
  /** PEM in base64. */
  readonly cert: string;
  readonly entry: Fields;
  readonly log: Fields;
}

function fromCosign({ signature, cert, entry, log }: CosignBundle): unknown {
  const pem = Buffer.from(cert, "base64").toString("latin1");
  const body = asFields(
    orNothing(() => JSON.parse(Buffer.from(String(entry.body), "base64").toString())),
  );
  const hash = asFields(asFields(asFields(body?.spec)?.data)?.hash);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
    verificationMaterial: {
      x509CertificateChain: {
        certificates: [{ rawBytes: pem.replace(/-----[A-Z ]+-----|\s/g, "") }],
      },
      tlogEntries: [
        {
          logIndex: String(entry.logIndex),
          logId: { keyId: Buffer.from(String(entry.logID), "hex").toString("base64") },
          kindVersion: { kind: body?.kind, version: body?.apiVersion },
          integratedTime: String(entry.integratedTime),
          inclusionPromise: { signedEntryTimestamp: log.SignedEntryTimestamp },
          canonicalizedBody: entry.body,
        },
      ],
    },
    messageSignature: {
      messageDigest: {
        algorithm: "SHA2_256",
        digest: Buffer.from(String(hash?.value), "hex").toString("base64"),
      },
      signature,
    },
  };
}

/** PEM, or its base64, which is what cosign writes. */
const isCertificate = (text: string): boolean => /BEGIN CERTIFICATE|^LS0tLS1CRUdJTi/.test(text);

/** A certificate lives for minutes: without an entry in the log nobody knows whether it was valid. */
async function sayLogless(subject: Subject, context: SignatureContext): Promise<void> {
  const files = await filesBeside([".pem"], subject, context);
  const certificate = files.find(({ text }) => isCertificate(text));
  if (!certificate) return;
  const message = `${shownUrl(certificate.url)} was not checked: cosign's log entry is not beside it`;
  context.draft.emit({ type: "note", message });
}

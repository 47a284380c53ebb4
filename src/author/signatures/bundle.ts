import type { PublicKey } from "@sigstore/protobuf-specs";
import type { Signer } from "@sigstore/verify";
import type { Digest } from "../../core/digest.ts";
import { describeError } from "../../core/errors.ts";
import type { SignatureKind, SignedBy } from "../../core/recipe.ts";
import { asFields, type Fields } from "../../core/values.ts";
import { wrongSignature } from "./evidence.ts";
import type { TrustRoot } from "./trust-root.ts";

/** What a bundle is expected to be about. */
export interface BundleRequest {
  /** For messages: whose bundle it is. */
  readonly what: string;
  readonly bundle: unknown;
  /** The digests of the bytes, any of which the bundle may name. */
  readonly digests: readonly Digest[];
  /** The bytes themselves, if the bundle does not name a digest. */
  readonly bytes?: (() => Promise<Buffer>) | undefined;
  readonly trust: TrustRoot;
  /** Keys by their hints, for a bundle that is signed by a key instead of an identity. */
  readonly keys?: ReadonlyMap<string, PublicKey> | undefined;
}

/** The signer of a bundle that is right. */
export interface BundleSigner {
  /** The identity in the certificate, or the key's hint. */
  readonly by: string;
  readonly issuer?: string | undefined;
  /** `https://github.com/OWNER/NAME` */
  readonly repository?: string | undefined;
  /** `REPOSITORY@COMMIT` */
  readonly source?: string | undefined;
  /** What an attestation says. */
  readonly predicateType?: string | undefined;
}

/**
 * Verifies a bundle of sigstore: certificate and its log, time, the entry in the transparency log, the signature,
 * and that it is about these bytes. Throws a UserError (`integrity`) that says what is wrong.
 */
export async function verifyBundle(request: BundleRequest): Promise<BundleSigner> {
  const { what, trust, keys = new Map() } = request;
  const library = await import("./library.ts");
  try {
    const bundle = library.bundleFromJSON(request.bundle);
    const hint =
      bundle.verificationMaterial.content.$case === "publicKey"
        ? bundle.verificationMaterial.content.publicKey.hint
        : undefined;
    if (hint !== undefined && !keys.has(hint)) throw new Error(`its key ${hint} is not known`);
    const { content } = bundle;
    const statement =
      content.$case === "dsseEnvelope" ? statementOf(content.dsseEnvelope, request) : undefined;
    const artifact = statement ? undefined : await request.bytes?.();
    if (!statement && !artifact) throw new Error("it names no digest");
    const material = library.toTrustMaterial(trust.sigstore, Object.fromEntries(keys));
    const signer = new library.Verifier(material).verify(library.toSignedEntity(bundle, artifact));
    const predicateType = statement?.predicateType;
    return {
      ...signerOf(signer, hint),
      ...(typeof predicateType === "string" && { predicateType }),
    };
  } catch (error) {
    // The library throws anything where a bundle is not what it should be.
    throw wrongSignature(what, describeError(error), error);
  }
}

/** What a recipe records of it. */
export function signedBy(kind: SignatureKind, { by, issuer, source }: BundleSigner): SignedBy {
  return { kind, by, issuer, ...(source && { source }) };
}

/** What an attestation says, if it is about these bytes. */
function statementOf(
  { payload, payloadType }: { payload: Buffer; payloadType: string },
  { digests }: BundleRequest,
): Fields {
  if (payloadType !== "application/vnd.in-toto+json") {
    throw new Error(`it attests something of the type ${payloadType}`);
  }
  const statement = asFields(JSON.parse(payload.toString("utf8"))) ?? {};
  const subjects: unknown[] = Array.isArray(statement.subject) ? statement.subject : [];
  const isAbout = subjects.some((subject) => {
    const named = asFields(asFields(subject)?.digest);
    return digests.some(({ algorithm, hex }) => named?.[algorithm] === hex);
  });
  if (!isAbout) throw new Error("it is about other bytes");
  return statement;
}

function signerOf({ identity }: Signer, hint: string | undefined): BundleSigner {
  const by = identity?.subjectAlternativeName ?? hint;
  if (by === undefined) throw new Error("its certificate names nobody");
  const extension = (last: number) =>
    identity?.oids?.find(({ oid }) => oid?.id.join(".") === `1.3.6.1.4.1.57264.1.${last}`)?.value;
  const field = (last: number): string | undefined => derText(extension(last) ?? Buffer.alloc(0));
  const raw = (last: number): string | undefined => extension(last)?.toString("utf8");
  const issuer = identity?.extensions?.issuer;
  // Certificates of 2022 have GitHub's words only, as they are.
  const [name, sha] = issuer === githubIssuer ? [raw(5), raw(3)] : [];
  const repository = field(12) ?? (name && `https://github.com/${name}`);
  const commit = field(13) ?? sha;
  const source = repository && commit && `${repository}@${commit}`;
  return { by, issuer, repository, ...(source && { source }) };
}

const githubIssuer = "https://token.actions.githubusercontent.com";

/** A UTF-8 text in DER: a tag, its length in one or two bytes, the text. */
function derText(value: Buffer): string | undefined {
  const [tag, length = 0] = value;
  if (tag !== 0x0c || length > 0x81) return undefined;
  return value.subarray(length === 0x81 ? 3 : 2).toString("utf8");
}

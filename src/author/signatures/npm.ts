import { createPublicKey, verify } from "node:crypto";
import type { PublicKey } from "@sigstore/protobuf-specs";
import { type Digest, formatIntegrity, parseIntegrity } from "../../core/digest.ts";
import { parseLock } from "../../core/locks/npm-lock.ts";
import type { SignedBy } from "../../core/recipe.ts";
import { splitPackage } from "../../core/recipes/rules.ts";
import { asFields, type Fields, trimmed } from "../../core/values.ts";
import { isNotFound, isRefusal, nothingIf } from "../../net/errors.ts";
import {
  type NpmRegistry,
  publishedAt,
  versionDocument,
  versionsOf,
} from "../../sources/npm/registry.ts";
import { signedBy, verifyBundle } from "./bundle.ts";
import {
  type SignatureCheck,
  type SignatureContext,
  type Subject,
  wrongSignature,
} from "./evidence.ts";

/** One version of a package, as its registry describes it. */
interface Published {
  readonly spec: string;
  /** That the recipe or its lock pins. */
  readonly digest: Digest;
  readonly dist: Fields;
  /** The registry's URL. */
  readonly base: string;
  readonly registry: NpmRegistry;
}

/** npm's signature of the name, version and digest. */
export const npmSignature: SignatureCheck = {
  kinds: ["npm-signature"],
  sources: ["npm-package", "npm-closure"],
  async find(subject, context) {
    const published = await readPublished(subject, context);
    const listed: unknown = published.dist.signatures;
    const signatures = Array.isArray(listed) ? listed.map(asFields) : [];
    if (signatures.length === 0) return [];
    const known = await keysFor(published, signatures, context);
    const signers: SignedBy[] = [];
    for (const signature of signatures) {
      const id = trimmed(signature?.keyid) ?? "";
      const key = known.get(id);
      if (!key) continue;
      await refuseWrong(published, { id, key, sig: trimmed(signature?.sig) ?? "" });
      signers.push({ kind: "npm-signature", by: id });
    }
    if (signers.length > 0) return signers;
    const ids = signatures.map((signature) => String(signature?.keyid)).join(", ");
    throw wrongSignature(nameOf(published), `it is by a key that is not known: ${ids}`);
  },
};

const nameOf = ({ spec }: Published): string => `the npm registry's signature of ${spec}`;

/** The keys of npm, and of a registry that signs by itself. */
async function keysFor(
  { base }: Published,
  signatures: readonly (Fields | undefined)[],
  { trust, draft }: SignatureContext,
): Promise<ReadonlyMap<string, PublicKey>> {
  const known = (await trust()).npmKeys("npm:signatures");
  if (signatures.some((signature) => known.has(String(signature?.keyid)))) return known;
  const url = `${base}-/npm/v1/keys`;
  const { http, npm } = draft;
  const headers = (await npm()).headersFor(url, base);
  const own = await http.json(url, headers).catch(nothingIf(isRefusal));
  const listed: unknown = asFields(own)?.keys;
  const { PublicKey } = await import("./library.ts");
  const keys = (Array.isArray(listed) ? listed : []).map((each: unknown) => asFields(each) ?? {});
  return new Map(
    keys.map(({ keyid, key, expires }) => [
      String(keyid),
      PublicKey.fromJSON({
        rawBytes: String(key),
        keyDetails: "PKIX_ECDSA_P256_SHA_256",
        validFor: { start: new Date(0).toISOString(), ...(expires ? { end: expires } : {}) },
      }),
    ]),
  );
}

interface KeySignature {
  readonly id: string;
  readonly key: PublicKey;
  readonly sig: string;
}

async function refuseWrong(published: Published, { id, key, sig }: KeySignature): Promise<void> {
  const { spec, digest, dist, registry } = published;
  const what = nameOf(published);
  const integrity = trimmed(dist.integrity) ?? "";
  if (formatIntegrity(digest) !== integrity) throw wrongSignature(what, "it is of other bytes");
  const publicKey = createPublicKey({
    key: key.rawBytes ?? Buffer.alloc(0),
    format: "der",
    type: "spki",
  });
  const message = Buffer.from(`${spec}:${integrity}`);
  if (!verify("sha256", message, publicKey, Buffer.from(sig, "base64"))) {
    throw wrongSignature(what, `it is not by its key ${id}`);
  }
  const end = key.validFor?.end;
  if (end === undefined) return;
  const { name, version } = splitPackage(spec);
  // Without a time it is not known to be before the end.
  if ((await publishedAt(name, version, registry)) <= end.getTime()) return;
  throw wrongSignature(what, `its key ${id} is valid until ${end.toISOString().slice(0, 10)}`);
}

const slsa = "https://slsa.dev/provenance/";

/** Attestations of the workflow that built and published a package. */
export const npmProvenance: SignatureCheck = {
  kinds: ["npm-provenance"],
  sources: ["npm-package", "npm-closure"],
  async find(subject, context) {
    const published = await readPublished(subject, context);
    const { spec, digest, dist, base } = published;
    const named = trimmed(asFields(dist.attestations)?.url);
    if (named === undefined) return [];
    // Mirrors have npm's own host in it.
    const url = named.replace(/^.*?\/-\//, `${base}-/`);
    const { http, npm, emit } = context.draft;
    const answer = await http
      .json(url, (await npm()).headersFor(url, base))
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        emit({
          type: "note",
          message: `${spec} has attestations, which its registry does not serve`,
        });
        return undefined;
      });
    const listed: unknown = asFields(answer)?.attestations;
    const trust = await context.trust();
    const keys = trust.npmKeys("npm:attestations");
    const found: SignedBy[] = [];
    for (const each of Array.isArray(listed) ? listed : []) {
      const what = `an attestation of ${spec}`;
      const { bundle } = asFields(each) ?? {};
      const signer = await verifyBundle({ what, bundle, digests: [digest], trust, keys });
      if (!signer.predicateType?.startsWith(slsa)) continue;
      refuseOtherRepository(what, signer.repository, await repositoryOf(published));
      found.push(signedBy("npm-provenance", signer));
    }
    return found;
  },
};

/** The package says where its source is, and npm compares it with the workflow's repository, too. */
function refuseOtherRepository(what: string, built?: string, named?: string): void {
  if (built === undefined || named === undefined) return;
  if (built.toLowerCase() === named.toLowerCase()) return;
  throw wrongSignature(what, `it was built from ${built}, but the package names ${named}`);
}

async function repositoryOf({ spec, registry }: Published): Promise<string | undefined> {
  const { name, version } = splitPackage(spec);
  const { repository } = (await versionDocument(name, version, registry)) ?? {};
  const url = trimmed(asFields(repository)?.url) ?? trimmed(repository);
  const path = /(?:github\.com[/:]|^github:)([\w.-]+\/[\w.-]+?)(?:\.git)?(?:[/#].*)?$/.exec(
    url ?? "",
  )?.[1];
  return path && `https://github.com/${path}`;
}

async function readPublished(
  { source, lock }: Subject,
  { draft, memo }: SignatureContext,
): Promise<Published> {
  const spec = source.npm ?? "";
  const { name, version } = splitPackage(spec);
  const npm = await draft.npm();
  const registry = { http: draft.http, npm };
  const versions = await memo(`npm ${name}`, () => versionsOf(name, registry));
  const dist = asFields(asFields(versions[version])?.dist) ?? {};
  const digest =
    source.lock !== undefined ? lockedDigest(name, lock) : parseIntegrity(source.integrity ?? "");
  if (!digest) throw wrongSignature(spec, "the recipe has no sha512 of it");
  return { spec, digest, dist, registry, base: npm.registryFor(name) };
}

function lockedDigest(name: string, lock = ""): Digest | undefined {
  const parsed = parseLock(lock, "lock");
  return parsed.ok
    ? parsed.held.find(({ path }) => path === `node_modules/${name}`)?.digest
    : undefined;
}

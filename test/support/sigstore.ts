/**
 * A sigstore of one's own: a certificate authority, its log, and a transparency log, whose trust root the command is
 * given in a file; and npm's keys.
 *
 *   const place = await openSignedPlace();
 *   const bundle = await place.sigstore.attest(statement, { repository: "o/zog" });
 *   place.runWith({ SIGSTORE_TRUSTED_ROOT: place.sigstore.root }, ...);
 *   await place.close();
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bundleToJSON, type SerializedBundle } from "@sigstore/bundle";
import { fulcioHandler, initializeCA, initializeCTLog } from "@sigstore/mock/dist/fulcio/index.js";
import { initializeTLog, rekorHandler } from "@sigstore/mock/dist/rekor/index.js";
import {
  DSSEBundleBuilder,
  FulcioSigner,
  MessageSignatureBundleBuilder,
  RekorWitness,
} from "@sigstore/sign";
import { openWorkplace, type Workplace } from "./workplace.ts";

/** Who signs, as a workflow's token says it. */
interface Workflow {
  readonly repository: string;
  /** Of the workflow's file; default `.github/workflows/release.yml`. */
  readonly file?: string;
  readonly ref?: string;
}

export interface Sigstore {
  /** The file of its trust root. */
  readonly root: string;
  /** A bundle of a statement. */
  attest(statement: object, by: Workflow): Promise<SerializedBundle>;
  /** A bundle of a file's bytes. */
  sign(bytes: Buffer, by: Workflow): Promise<SerializedBundle>;
  close(): Promise<void>;
}

/** A workplace with a sigstore. */
export interface SignedPlace extends Workplace {
  readonly sigstore: Sigstore;
}

export async function openSignedPlace(): Promise<SignedPlace> {
  const place = await openWorkplace();
  const sigstore = await openSigstore(place.dir);
  const close = async (): Promise<void> => {
    await sigstore.close();
    await place.close();
  };
  return { ...place, sigstore, close };
}

/** `certifiedAt`: when the authority thinks that it is. */
export async function openSigstore(
  dir: string,
  { certifiedAt, file = "trusted_root.json" }: { certifiedAt?: Date; file?: string } = {},
): Promise<Sigstore> {
  const keys = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const ctLog = await initializeCTLog(keys());
  const ca = await initializeCA(keys(), ctLog, certifiedAt);
  const log = await initializeTLog("https://rekor.test", keys());
  const handlers = [fulcioHandler(ca), rekorHandler(log)];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const found = handlers.find(({ path }) => path === request.url);
      const answer = await found?.fn(Buffer.concat(chunks).toString("utf8"));
      response.writeHead(answer?.statusCode ?? 404, { "content-type": "application/json" });
      response.end(answer?.response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = join(dir, file);
  writeFileSync(root, JSON.stringify(trustRoot(ca, ctLog, log.publicKey)));
  const tools = (by: Workflow) => ({
    signer: new FulcioSigner({
      fulcioBaseURL: url,
      identityProvider: { getToken: async () => tokenOf(by) },
    }),
    witnesses: [new RekorWitness({ rekorBaseURL: url, entryType: "intoto" })],
  });
  return {
    root,
    async attest(statement, by) {
      const builder = new DSSEBundleBuilder(tools(by));
      const data = Buffer.from(JSON.stringify(statement));
      return bundleToJSON(await builder.create({ data, type: "application/vnd.in-toto+json" }));
    },
    async sign(data, by) {
      const builder = new MessageSignatureBundleBuilder(tools(by));
      return bundleToJSON(await builder.create({ data }));
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A token that nobody signs: the authority of the test believes it. */
function tokenOf({
  repository,
  file = ".github/workflows/release.yml",
  ref = "v1",
}: Workflow): string {
  const workflow = `${repository}/${file}@refs/tags/${ref}`;
  const claims = {
    iss: "https://token.actions.githubusercontent.com",
    sub: `https://github.com/${workflow}`,
    aud: "sigstore",
    repository,
    sha: createHash("sha1").update(ref).digest("hex"),
    ref: `refs/tags/${ref}`,
    workflow_ref: workflow,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.x`;
}

function trustRoot(
  ca: Awaited<ReturnType<typeof initializeCA>>,
  ctLog: Awaited<ReturnType<typeof initializeCTLog>>,
  logKey: Buffer,
): object {
  const validFor = { start: "2000-01-01T00:00:00.000Z" };
  const instance = (baseUrl: string, key: Buffer) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: key.toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor,
    },
    logId: { keyId: createHash("sha256").update(key).digest("base64") },
  });
  const certificate = Buffer.from(ca.rootCertificate.buffer).toString("base64");
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [instance("https://rekor.test", logKey)],
    certificateAuthorities: [
      {
        subject: { organization: "sigstore.mock", commonName: "sigstore" },
        uri: "https://fulcio.test",
        certChain: { certificates: [{ rawBytes: certificate }] },
        validFor,
      },
    ],
    ctlogs: [instance("https://ctfe.test", ctLog.publicKey)],
    timestampAuthorities: [],
  };
}

/** A key that a registry of npm packages signs with. */
export interface RegistryKey {
  readonly id: string;
  /** As `/-/npm/v1/keys` lists it. */
  readonly listed: { keyid: string; key: string; expires: string | null };
  /** The entry of `dist.signatures` for a tarball. */
  sign(spec: string, tarball: Buffer): { keyid: string; sig: string };
}

export function registryKey(expires: string | null = null): RegistryKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const id = `SHA256:${randomBytes(32).toString("base64").replace(/=/g, "")}`;
  return {
    id,
    listed: { keyid: id, key: spki(publicKey), expires },
    sign(spec, tarball) {
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const sig = sign("sha256", Buffer.from(`${spec}:${integrity}`), privateKey);
      return { keyid: id, sig: sig.toString("base64") };
    },
  };
}

const spki = (key: KeyObject): string =>
  key.export({ format: "der", type: "spki" }).toString("base64");

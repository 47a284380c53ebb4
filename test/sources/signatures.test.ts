/** Signatures that were really made, traced back to the trust root that this package has; and what is refused of them. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DraftContext, draftContext } from "../../src/author/draft-context.ts";
import { type BundleRequest, verifyBundle } from "../../src/author/signatures/bundle.ts";
import type { SignatureContext } from "../../src/author/signatures/evidence.ts";
import { sumdbSigner } from "../../src/author/signatures/go.ts";
import { npmSignature } from "../../src/author/signatures/npm.ts";
import { readAttestations } from "../../src/author/signatures/pypi.ts";
import { differences, writeSigned } from "../../src/author/signatures/record.ts";
import { openTrustRoot, type TrustRoot } from "../../src/author/signatures/trust-root.ts";
import type { SignedBy } from "../../src/core/recipe.ts";
import { machineHttp } from "../../src/net/machine-http.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";

const fixture = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, "..", "fixtures", "signatures", name));
const sha = (algorithm: "sha256" | "sha512", bytes: Buffer | string) => ({
  algorithm,
  hex: createHash(algorithm).update(bytes).digest("hex"),
});

let dir: string;
let server: Loopback;
let draft: DraftContext;
let trust: TrustRoot;
const said: string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "skill-deps-"));
  server = await startLoopback();
  const env = {
    npm_config_registry: server.registry,
    npm_config_userconfig: join(dir, "npmrc"),
    npm_config_globalconfig: join(dir, "npmrc"),
  };
  // The repository of the trust root is this server, which has nothing.
  const mirrors = () => [
    { from: "https://tuf-repo-cdn.sigstore.dev/", to: `${server.origin}/tuf/` },
  ];
  const network = machineHttp({ env, home: dir }, { mirrors, offline: false });
  draft = draftContext({
    ...{ ...network, env, home: dir, dir, offline: false, clock: () => new Date() },
    emit: (event) => void said.push("message" in event ? event.message : ""),
  });
  trust = await openTrustRoot(draft);
});
afterAll(async () => {
  await draft.http.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

test("a trust root that cannot be updated is that of the package, which is said", () => {
  expect(said).toEqual([
    expect.stringMatching(
      /^sigstore's trust root is that of this package, because it cannot be updated: /,
    ),
  ]);
  expect(server.hits("/tuf/timestamp.json")).toBeGreaterThan(0);
});

const attestations = JSON.parse(fixture("sigstore-0.4.0.attestations").toString()).attestations;
const [provenance, publication] = attestations.map(({ bundle }: { bundle: object }) => bundle);
const sigstore040 = {
  algorithm: "sha512",
  hex: "282c0c5fa936d264321643581b65d3de5c0af6ed4fdfac12f5851115df39cc25cfaf0ad22d908487bfef30114d61c25746206d1834be4f8fd1659178f77cc004",
} as const;
const wheel = fixture("rfc8785-0.1.2-py3-none-any.whl");
const wheelBundle = JSON.parse(fixture("rfc8785-0.1.2-py3-none-any.whl.sigstore").toString());
const verify = (bundle: object, more: Partial<BundleRequest> = {}) =>
  verifyBundle({ what: "it", bundle, digests: [sigstore040], trust, ...more });
const ofWheel = (bytes = wheel): Partial<BundleRequest> => ({
  digests: [sha("sha256", bytes)],
  bytes: async () => bytes,
});
const github = "https://token.actions.githubusercontent.com";

describe("real bundles", () => {
  test("npm's provenance", async () => {
    expect(await verify(provenance)).toEqual({
      by: "https://github.com/sigstore/sigstore-js/.github/workflows/publish.yml@refs/tags/v0.4.0",
      issuer: github,
      repository: "https://github.com/sigstore/sigstore-js",
      source: "https://github.com/sigstore/sigstore-js@8a2ee2fd20dda58ffa4a8d808a65cb1e04711c03",
      predicateType: "https://slsa.dev/provenance/v0.2",
    });
  });

  test("npm's own attestation, by its key", async () => {
    const keys = trust.npmKeys("npm:attestations");
    const by = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA";
    expect(await verify(publication, { keys })).toMatchObject({ by });
    await expect(verify(publication)).rejects.toThrow(`it: its key ${by} is not known`);
    const other = keys.get("SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U");
    const swapped = new Map(other && [[by, other]]);
    await expect(verify(publication, { keys: swapped })).rejects.toThrow(/^it: /);
  });

  test("a file's, by its workflow", async () => {
    expect(await verify(wheelBundle, ofWheel())).toEqual({
      by: "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
      issuer: github,
      repository: "https://github.com/trailofbits/rfc8785.py",
      source: "https://github.com/trailofbits/rfc8785.py@d8b4a6445f38c48b9137a8099706d9b8073146e4",
    });
  });

  test("PyPI's, as its index gives them", async () => {
    const file = "pypi_attestations-0.0.19.tar.gz";
    const digest = {
      algorithm: "sha256",
      hex: "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
    } as const;
    const text = fixture("pypi_attestations-0.0.19.provenance").toString();
    const found = await readAttestations(text, { file, digest }, trust);
    expect(new Set(found.map(({ by }) => by))).toEqual(
      new Set([
        "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
      ]),
    );
    const other = { file, digest: sha("sha256", "other") };
    await expect(readAttestations(text, other, trust)).rejects.toThrow(/it is about other bytes/);
    const forged = text.replaceAll('"repository":"trailofbits/', '"repository":"evil/');
    expect(forged).not.toBe(text);
    await expect(readAttestations(forged, { file, digest }, trust)).rejects.toThrow(
      /built from https:\/\/github\.com\/trailofbits\/pypi-attestations, but the index names evil\//,
    );
  });
});

/** A copy with a change. */
function changed(bundle: object, change: (copy: Loose) => void): object {
  const copy = structuredClone(bundle) as Loose;
  change(copy);
  return copy;
}
interface Loose {
  mediaType?: string;
  verificationMaterial: {
    tlogEntries: Record<string, unknown>[];
    x509CertificateChain?: { certificates: { rawBytes: string }[] };
  };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
  messageSignature: { signature: string };
}

describe("is refused", () => {
  const wrong: [string, () => Promise<unknown>, RegExp][] = [
    [
      "of other bytes",
      () => verify(provenance, { digests: [sha("sha512", "x")] }),
      /about other bytes/,
    ],
    [
      "of a changed file",
      () => verify(wheelBundle, ofWheel(Buffer.concat([wheel, Buffer.from("x")]))),
      /tlog|digest|signature/i,
    ],
    [
      "without the log's entry",
      () =>
        verify(
          changed(provenance, (it) => {
            it.verificationMaterial.tlogEntries = [];
          }),
        ),
      /expected 1 timestamps|tlog|log/,
    ],
    [
      "with another time in the log",
      () =>
        verify(
          changed(provenance, (it) => {
            for (const entry of it.verificationMaterial.tlogEntries)
              entry.integratedTime = "1673458000";
          }),
        ),
      /certificate|log/i,
    ],
    [
      "after the certificate had expired",
      () =>
        verify(
          changed(wheelBundle, (it) => {
            for (const entry of it.verificationMaterial.tlogEntries)
              entry.integratedTime = "1900000000";
          }),
          ofWheel(),
        ),
      /certificate/i,
    ],
    [
      "with another statement",
      () =>
        verify(
          changed(provenance, (it) => {
            const text = Buffer.from(it.dsseEnvelope.payload, "base64").toString();
            it.dsseEnvelope.payload = Buffer.from(text.replace("sigstore-js", "evil-js")).toString(
              "base64",
            );
          }),
        ),
      /^it: /,
    ],
    [
      "with another signature",
      () =>
        verify(
          changed(wheelBundle, (it) => {
            it.messageSignature.signature = "AAAA";
          }),
          ofWheel(),
        ),
      /signature/,
    ],
    ["that is no bundle", () => verify({ attestations: [] }), /^it: /],
    ["that is nothing", () => verify(undefined as unknown as object), /^it: /],
  ];
  test.each(wrong)("a bundle %s", async (_, work, message) => {
    await expect(work()).rejects.toMatchObject({
      problem: "E_SIGNATURE",
      message: expect.stringMatching(message),
    });
  });
});

describe("a real signature of npm", () => {
  const integrity =
    "sha512-QqZ7VJ/8xPkS9s2IWB7Shj3qTJdcRyeXKbPQnsZjsPEwvutGv0EGeVchPcauoiDFJlGbZMFq5GDCurAGNSghJQ==";
  const keyid = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA";
  const sig =
    "MEUCIDrLNspFeU5NZ6d55ycVBZIMXnPJi/XnI1Y2dlJvK8P1AiEAnXjn1IOMUd+U7YfPH+FNjwfLq+jCwfH8uaxocq+mpPk=";
  async function find(dist: object, time: string | undefined, pinned = integrity) {
    const document = { versions: { "1.0.0": { dist } }, time: { "1.0.0": time } };
    server.serve("/registry/kms-demo", JSON.stringify(document));
    const context: SignatureContext = {
      draft,
      trust: async () => trust,
      file: () => join(dir, "file"),
      memo: (_, make) => make(),
      doubt: () => {},
    };
    const source = { npm: "kms-demo@1.0.0", integrity: pinned };
    return await npmSignature.find({ source, recorded: [] }, context);
  }
  const signed = { integrity, signatures: [{ keyid, sig }] };

  test("verifies with the keys of the trust root", async () => {
    expect(await find(signed, "2022-05-01T00:00:00Z")).toEqual([
      { kind: "npm-signature", by: keyid },
    ]);
  });

  test.each([
    ["after its key's end", signed, "2025-02-01T00:00:00Z", integrity, /valid until 2025-01-29/],
    ["without a time", signed, undefined, integrity, /valid until 2025-01-29/],
    [
      "that was changed",
      { integrity, signatures: [{ keyid, sig: sig.replace("MEUCID", "MEUCIE") }] },
      "2022-05-01T00:00:00Z",
      integrity,
      /not by its key/,
    ],
    [
      "of other bytes than the recipe's",
      signed,
      "2022-05-01T00:00:00Z",
      `sha512-${"A".repeat(86)}==`,
      /of other bytes/,
    ],
  ])("is refused %s", async (_, dist, time, pinned, message) => {
    await expect(find(dist, time, pinned)).rejects.toThrow(message);
  });
});

describe("what is recorded", () => {
  const one: SignedBy = {
    kind: "pgp",
    by: "1234567890",
    at: "https://x.test/a.asc",
    checked: "2026-11-30",
  };
  test("is written into a source in any style, and replaced", () => {
    const block =
      "artifacts:\n  any:\n    url: https://x.test/a # why\n    bins: { a: a }\n# end\n";
    const written = writeSigned(block, ["artifacts", "any"], [one]);
    expect(written).toBe(
      'artifacts:\n  any:\n    url: https://x.test/a # why\n    bins: { a: a }\n    signed:\n      - { kind: pgp, by: "1234567890", at: https://x.test/a.asc, checked: 2026-11-30 }\n# end\n',
    );
    expect(writeSigned(written, ["artifacts", "any"], [one, one]).match(/kind/g)).toHaveLength(2);
    expect(writeSigned(written, ["artifacts", "any"], [])).toBe(block);
    const flow = "artifacts:\n  any: { url: https://x.test/a, sha256: aa }\nbins: {}\n";
    const inFlow = writeSigned(flow, ["artifacts", "any"], [{ ...one, at: undefined }]);
    expect(inFlow).toBe(
      'artifacts:\n  any: { url: https://x.test/a, sha256: aa, signed: [{ kind: pgp, by: "1234567890", checked: 2026-11-30 }] }\nbins: {}\n',
    );
    expect(writeSigned(inFlow, ["artifacts", "any"], [])).toBe(flow);
    const list =
      "artifacts:\n  any:\n    - url: https://x.test/a\n      sha256: aa\n    - url: https://x.test/b\n";
    const first = writeSigned(list, ["artifacts", "any", 0], [one]);
    expect(first).toMatch(
      / {6}sha256: aa\n {6}signed:\n {8}- \{.*\}\n {4}- url: https:\/\/x\.test\/b\n$/,
    );
    expect(writeSigned(first, ["artifacts", "any", 0], [])).toBe(list);
  });

  test.each(["\n", "\r\n"])("behind a comment, in lines that end with %j", (lineBreak) => {
    const bare = ["artifacts:", "  any:", "    sha256: aa # by hand", "    # end", ""].join(
      lineBreak,
    );
    const written = writeSigned(bare, ["artifacts", "any"], [{ kind: "pgp", by: "aa" }]);
    const added = ["", "    signed:", "      - { kind: pgp, by: aa }"].join(lineBreak);
    expect(written).toBe(bare.replace("# by hand", `# by hand${added}`));
    expect(writeSigned(written, ["artifacts", "any"], [])).toBe(bare);
  });

  test("a signer is the same in another branch or tag, not in another repository", () => {
    const of = (repository: string, ref: string): SignedBy => ({
      kind: "npm-provenance",
      by: `https://github.com/${repository}/.github/workflows/release.yml@refs/tags/${ref}`,
      issuer: github,
      source: `https://github.com/${repository}@${ref}`,
    });
    expect(differences([of("o/zog", "v1")], [of("o/zog", "v2")])).toEqual([]);
    expect(differences([of("o/zog", "v1")], [of("o/zig", "v2")])).toEqual([
      expect.stringMatching(/^signer changed: npm provenance by .*o\/zog.* -> .*o\/zig/),
    ]);
    expect(differences([of("o/zog", "v1")], [])).toEqual([
      expect.stringMatching(/^no longer signed: npm provenance by /),
    ]);
    expect(differences([], [of("o/zog", "v1")])).toEqual([]);
  });
});

test.each([
  ["sums.example.test", "go"],
  ["sums.example.test https://mirror.example.test/sums", "go"],
  ["sums.example.test+1a2b3c4d+AbCd", "1a2b3c4d"],
  ["sums.example.test+1a2b3c4d+AbCd https://mirror.example.test", "1a2b3c4d"],
])("GOSUMDB=%s is signed by %s", (setting, by) => expect(sumdbSigner(setting)).toBe(by));

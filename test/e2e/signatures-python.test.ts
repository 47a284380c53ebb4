/** Attestations of a Python program's wheels (PEP 740): an index and a sigstore of the test. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { describe as weigh } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { openSignedPlace, type SignedPlace } from "../support/sigstore.ts";
import { makeWheel } from "../support/wheels.ts";

let place: SignedPlace;
perTest(openSignedPlace, (opened) => {
  place = opened;
});

const metadata = "Metadata-Version: 2.1\nName: zog\nVersion: 1.0\nSummary: The zog\n";
const main = { "zog.py": "def main(): print('zog')" };
const wheel = makeWheel("zog", "1.0", main, { zog: "zog:main" }, { metadata });
const { sha256 } = weigh(wheel.bytes);

interface Offered {
  /** Who has signed; who the index says may. */
  readonly by?: string;
  readonly publisher?: string;
  readonly digest?: string;
  readonly form?: "json" | "html";
}

/** Serves the wheel with an attestation, in Python's form of it. */
async function offer({ by = "o/zog", publisher = by, digest = sha256, form = "json" }: Offered) {
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: wheel.file, digest: { sha256: digest } }],
    predicateType: "https://docs.example.test/attestations/publish/v1",
    predicate: null,
  };
  const bundle = await place.sigstore.attest(statement, { repository: by });
  const { certificate, tlogEntries } = bundle.verificationMaterial;
  const attestation = {
    version: 1,
    verification_material: {
      certificate: certificate?.rawBytes,
      transparency_entries: tlogEntries,
    },
    envelope: {
      statement: bundle.dsseEnvelope?.payload,
      signature: bundle.dsseEnvelope?.signatures[0]?.sig,
    },
  };
  const said = { kind: "GitHub", repository: publisher, workflow: "release.yml" };
  const answer = {
    version: 1,
    attestation_bundles: [{ publisher: said, attestations: [attestation] }],
  };
  const provenance = place.server.serve("/integrity/zog", JSON.stringify(answer));
  place.server.serve(`/files/${wheel.file}`, wheel.bytes);
  const url = `/files/${wheel.file}`;
  const page =
    form === "json"
      ? JSON.stringify({ files: [{ filename: wheel.file, url, hashes: { sha256 }, provenance }] })
      : `<a href="${url}#sha256=${sha256}" data-provenance="${provenance}">${wheel.file}</a>`;
  place.server.serve("/simple/zog/", page);
}

/** uv, which resolves the dependencies, is none of this. */
function create() {
  const bin = join(place.dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "uv"), "#!/bin/sh\necho zog==1.0\n", { mode: 0o755 });
  return place.runWith(
    {
      PATH: `${bin}:${place.env.PATH}`,
      PIP_INDEX_URL: `${place.server.origin}/simple`,
      PIP_CONFIG_FILE: "/dev/null",
      SIGSTORE_TRUSTED_ROOT: place.sigstore.root,
    },
    ...["recipe", "new", "pypi:zog"],
  );
}
const file = (): string => join(place.recipes, "zog.yaml");

test.each(["json", "html"] as const)(
  "records who published the wheels: index in %s",
  async (form) => {
    await offer({ form });
    expect((await create()).status).toBe(0);
    expect(parse(readFileSync(file(), "utf8")).artifacts.any.signed).toEqual([
      {
        kind: "pypi-attestation",
        by: "https://github.com/o/zog/.github/workflows/release.yml@refs/tags/v1",
        issuer: "https://token.actions.githubusercontent.com",
        source: expect.stringMatching(/^https:\/\/github\.com\/o\/zog@[0-9a-f]{40}$/),
        checked: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      },
    ]);
  },
);

test.each([
  [
    "of another wheel",
    { digest: "0".repeat(64) },
    /an attestation of zog-1\.0-\S+: it is about other bytes/,
  ],
  [
    "by another repository",
    { by: "evil/zog", publisher: "o/zog" },
    /built from https:\S+evil\/zog, but the index names o\/zog/,
  ],
])("refuses an attestation %s", async (_, offered, message) => {
  await offer(offered);
  const { status, stderr } = await create();
  expect([status, stderr]).toEqual([4, expect.stringMatching(message)]);
  expect(() => readFileSync(file())).toThrow(/ENOENT/);
});

test("a web page in place of attestations is no wrong one: nothing is recorded, and it is said", async () => {
  await offer({});
  place.server.serve("/integrity/zog", "", { fault: "html" });
  const { status, stderr } = await create();
  expect([status, stderr]).toEqual([
    0,
    expect.stringMatching(/is not known: \S+ responded with a web page .*E_SIGNATURE_UNKNOWN/),
  ]);
  expect(parse(readFileSync(file(), "utf8")).artifacts.any.signed).toBeUndefined();
});

/** Signatures and provenance of npm packages: a registry and a sigstore of the test, and the built command. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { npmTarball, program } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import {
  openSignedPlace,
  openSigstore,
  registryKey,
  type SignedPlace,
} from "../support/sigstore.ts";

let place: SignedPlace;
const key = registryKey();
perTest(openSignedPlace, (opened) => {
  place = opened;
  place.server.serve("/registry/-/npm/v1/keys", JSON.stringify({ keys: [key.listed] }));
});

const name = "zog-linux-x64";
const file = (): string => join(place.recipes, "zog.yaml");
const source = () => parse(readFileSync(file(), "utf8")).artifacts["linux-x64"];
const run = (...args: string[]) =>
  place.runWith({ SIGSTORE_TRUSTED_ROOT: place.sigstore.root }, "recipe", ...args);
const made = new Map<string, Buffer>();
function tarballOf(version: string): Buffer {
  const found = made.get(version);
  const tarball =
    found ??
    npmTarball(name, version, { zog: program(`zog ${version}`) }, { os: ["linux"], cpu: ["x64"] });
  made.set(version, tarball);
  return tarball;
}
/** A bundle as JSON, to be changed. */
interface Loose {
  mediaType?: string;
  verificationMaterial: { tlogEntries: { integratedTime: string }[] };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
}
const sha512 = (bytes: Buffer): string => createHash("sha512").update(bytes).digest("hex");

interface Offered {
  readonly signatures?: object[];
  /** Default: a bundle by this repository; null: none. */
  readonly by?: string | null;
  readonly bundle?: object;
  /** When it was published. */
  readonly time?: string;
}

const versions: Record<string, object> = {};
/** Publishes a version that npm has signed and a workflow has built. */
async function offer(version: string, over: Offered = {}): Promise<void> {
  const { signatures = [key.sign(`${name}@${version}`, tarballOf(version))], by = "o/zog" } = over;
  const tarball = tarballOf(version);
  place.server.publish(name, version, tarball);
  const attested = statementOf(version, sha512(tarball));
  const bundle =
    over.bundle ??
    (by === null
      ? undefined
      : await place.sigstore.attest(attested, { repository: by, ref: `v${version}` }));
  const path = `/-/npm/v1/attestations/${name}@${version}`;
  if (bundle) {
    const answer = { attestations: [{ predicateType: attested.predicateType, bundle }] };
    place.server.serve(`/registry${path}`, JSON.stringify(answer));
  }
  versions[version] = {
    ...{ name, version, os: ["linux"], cpu: ["x64"], bin: { zog: "zog" }, license: "MIT" },
    repository: { type: "git", url: "git+https://github.com/o/zog.git" },
    dist: {
      tarball: `${place.server.registry}${name}/-/${name}-${version}.tgz`,
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
      signatures,
      // Mirrors have npm's own host in it.
      ...(bundle && { attestations: { url: `https://npm.test${path}` } }),
    },
  };
  const whole = {
    name,
    "dist-tags": { latest: version },
    versions,
    time: { [version]: over.time ?? "2026-01-01T00:00:00Z" },
  };
  place.server.serve(`/registry/${name}`, JSON.stringify(whole));
  place.server.serve(`/registry/${name}/${version}`, JSON.stringify(versions[version]));
}
const statementOf = (version: string, hex: string) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: `pkg:npm/${name}@${version}`, digest: { sha512: hex } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: { buildDefinition: {} },
});
beforeEach(() => {
  for (const version of Object.keys(versions)) delete versions[version];
});

const commit = (version: string): string => createHash("sha1").update(`v${version}`).digest("hex");
const provenance = (version: string, workflow = "release.yml") => ({
  kind: "npm-provenance",
  by: `https://github.com/o/zog/.github/workflows/${workflow}@refs/tags/v${version}`,
  issuer: "https://token.actions.githubusercontent.com",
  source: `https://github.com/o/zog@${commit(version)}`,
  checked: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
});
const signature = {
  kind: "npm-signature",
  by: key.id,
  checked: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
};
const create = () => run("new", `npm:${name}`, "--name", "zog");

describe("recipe new", () => {
  test("records what npm and the workflow have signed, and the recipe is valid", async () => {
    await offer("1.0.0");
    const { status, stdout } = await create();
    expect(status).toBe(0);
    expect(source().signed).toEqual([signature, provenance("1.0.0")]);
    expect(stdout).toContain(`signed: npm registry signature by ${key.id}\n`);
    expect(stdout).toContain(`, from https://github.com/o/zog@${commit("1.0.0")}\n`);
    const lines = readFileSync(file(), "utf8").split("\n");
    expect(lines.find((line) => line.includes("npm-signature"))).toMatch(/^ {6}- \{ kind: .*\}$/);
  });

  test("nothing is recorded of a package that nobody has signed", async () => {
    await offer("1.0.0", { signatures: [], by: null });
    expect((await create()).status).toBe(0);
    expect(source()).not.toHaveProperty("signed");
  });

  const other = registryKey();
  const wrong: [string, () => Promise<void>, RegExp][] = [
    [
      "a signature of other bytes",
      () => offer("1.0.0", { signatures: [key.sign(`${name}@1.0.0`, Buffer.from("x"))] }),
      /the npm registry's signature of zog-linux-x64@1\.0\.0: it is not by its key SHA256:/,
    ],
    [
      "a signature of another version",
      () => offer("1.0.0", { signatures: [key.sign(`${name}@1.0.1`, tarballOf("1.0.0"))] }),
      /it is not by its key/,
    ],
    [
      "another key under the same id",
      () =>
        offer("1.0.0", {
          signatures: [{ ...other.sign(`${name}@1.0.0`, tarballOf("1.0.0")), keyid: key.id }],
        }),
      /it is not by its key/,
    ],
    [
      "a key that is not known",
      () => offer("1.0.0", { signatures: [other.sign(`${name}@1.0.0`, tarballOf("1.0.0"))] }),
      /it is by a key that is not known: SHA256:/,
    ],
    [
      "provenance of other bytes",
      async () =>
        offer("1.0.0", {
          bundle: await place.sigstore.attest(statementOf("1.0.0", "0".repeat(128)), {
            repository: "o/zog",
          }),
        }),
      /an attestation of zog-linux-x64@1\.0\.0: it is about other bytes/,
    ],
    [
      "provenance of another repository",
      () => offer("1.0.0", { by: "evil/zog" }),
      /it was built from https:\/\/github\.com\/evil\/zog, but the package names https:\/\/github\.com\/o\/zog/,
    ],
  ];
  test.each(wrong)("refuses %s, and writes nothing", async (_, prepare, message) => {
    await prepare();
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([4, expect.stringMatching(message)]);
    expect(stderr).toMatch(/\[E_SIGNATURE\]/);
    expect(() => readFileSync(file())).toThrow(/ENOENT/);
  });

  test("a key that has expired counts for what was published before", async () => {
    const old = registryKey("2025-01-29T00:00:00.000Z");
    place.server.serve("/registry/-/npm/v1/keys", JSON.stringify({ keys: [old.listed] }));
    const signatures = [old.sign(`${name}@1.0.0`, tarballOf("1.0.0"))];
    await offer("1.0.0", { signatures, time: "2026-01-01T00:00:00Z" });
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      4,
      expect.stringMatching(/its key .* is valid until 2025-01-29/),
    ]);
    await offer("1.0.0", { signatures, time: "2024-01-01T00:00:00Z" });
    expect((await create()).status).toBe(0);
    expect(source().signed[0].by).toBe(old.id);
  });

  test.each([
    [
      "the log's entry is missing",
      (bundle: Loose) => {
        bundle.verificationMaterial.tlogEntries = [];
      },
    ],
    [
      "the statement was changed",
      (bundle: Loose) => {
        const text = Buffer.from(bundle.dsseEnvelope.payload, "base64").toString();
        bundle.dsseEnvelope.payload = Buffer.from(text.replace("buildDefinition", "x")).toString(
          "base64",
        );
      },
    ],
    [
      "the signature was changed",
      (bundle: Loose) => {
        bundle.dsseEnvelope.signatures = [{ sig: Buffer.from("no").toString("base64") }];
      },
    ],
    [
      "the log's promise was changed",
      (bundle: Loose) => {
        for (const entry of bundle.verificationMaterial.tlogEntries) {
          entry.integratedTime = "1700000000";
        }
      },
    ],
    [
      "the bundle is no bundle",
      (bundle: Loose) => {
        delete bundle.mediaType;
      },
    ],
  ])("refuses provenance of which %s", async (_, change) => {
    const statement = statementOf("1.0.0", sha512(tarballOf("1.0.0")));
    const bundle = await place.sigstore.attest(statement, { repository: "o/zog" });
    change(bundle as unknown as Loose);
    await offer("1.0.0", { bundle });
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      4,
      expect.stringMatching(/an attestation of zog-linux-x64@1\.0\.0: /),
    ]);
  });

  test("refuses provenance by a certificate that had expired, or of another authority", async () => {
    const statement = statementOf("1.0.0", sha512(tarballOf("1.0.0")));
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const [options, isUsed] of [
      [{ certifiedAt: hourAgo }, true],
      [{}, false],
    ] as const) {
      const another = await openSigstore(place.dir, { ...options, file: "another.json" });
      const bundle = await another.attest(statement, { repository: "o/zog" });
      await another.close();
      await offer("1.0.0", { bundle });
      const root = isUsed ? another.root : place.sigstore.root;
      const { status, stderr } = await place.runWith(
        { SIGSTORE_TRUSTED_ROOT: root },
        ...["recipe", "new", `npm:${name}`, "--name", "zog"],
      );
      expect([status, stderr]).toEqual([
        4,
        expect.stringMatching(/certificate|transparency log|tlog/i),
      ]);
    }
  });
});

describe("a recipe that has signatures", () => {
  beforeEach(async () => {
    await offer("1.0.0");
    expect((await create()).status).toBe(0);
    const text = readFileSync(file(), "utf8");
    const written = text.replace(/^(description|homepage): "?TODO.*$/gm, (_, field) =>
      field === "homepage" ? "homepage: https://zog.test" : "description: Zogs",
    );
    writeFileSync(file(), written);
  });

  test("recipe check --fetch repeats the checks", async () => {
    const { status, stdout } = await run("check", "--fetch", file());
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^ok {2}zog linux-x64 npm:zog-linux-x64@1\.0\.0; npm registry signature by SHA256:\S+; npm provenance by https:\S+\n/,
      ),
    ]);
  });

  test("recipe check --fetch says when one no longer holds", async () => {
    await offer("1.0.0", { by: null });
    const gone = await run("check", "--fetch", file());
    expect([gone.status, gone.stdout]).toEqual([
      4,
      expect.stringMatching(/^wrong {2}zog .*: no longer signed: npm provenance by/),
    ]);
    await offer("1.0.0", { signatures: [key.sign("x@1.0.0", Buffer.from(""))] });
    const bad = await run("check", "--fetch", file());
    expect([bad.status, bad.stdout]).toEqual([
      4,
      expect.stringMatching(/^wrong {2}zog .*it is not by its key/),
    ]);
  });

  test("recipe check --fetch: without the keys nothing is known", async () => {
    place.server.serve("/registry/-/npm/v1/keys", "", { fault: "503 always" });
    const { status, stdout } = await run("check", "--fetch", file());
    expect([status, stdout]).toEqual([5, expect.stringMatching(/^unavailable {2}zog /)]);
  });

  test("recipe pin leaves them as they are, also the day", async () => {
    const text = readFileSync(file(), "utf8").replace(/checked: \S+/g, "checked: 2026-01-02");
    writeFileSync(file(), text);
    const { status, stdout } = await run("pin", file());
    expect([status, stdout]).toEqual([0, expect.stringMatching(/nothing has changed/)]);
    expect(readFileSync(file(), "utf8")).toBe(text);
  });

  test("recipe bump records those of the new version", async () => {
    await offer("1.1.0");
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/1 of 1 bumped/)]);
    expect(stdout).not.toMatch(/signer changed|no longer signed/);
    expect(source().npm).toBe(`${name}@1.1.0`);
    expect(source().signed).toEqual([signature, provenance("1.1.0")]);
  });

  test("recipe bump names a signature that is no longer there, and another signer", async () => {
    await offer("1.1.0", { by: null });
    const gone = await run("bump");
    expect([gone.status, gone.stdout]).toEqual([
      0,
      expect.stringMatching(/no longer signed: npm provenance by https:\S+; bumped/),
    ]);
    expect(source().signed).toEqual([signature]);
    const next = registryKey();
    place.server.serve(
      "/registry/-/npm/v1/keys",
      JSON.stringify({ keys: [key.listed, next.listed] }),
    );
    await offer("1.2.0", {
      by: null,
      signatures: [next.sign(`${name}@1.2.0`, tarballOf("1.2.0"))],
    });
    const other = await run("bump");
    expect([other.status, other.stdout]).toEqual([
      0,
      expect.stringContaining(
        `signer changed: npm registry signature by ${key.id} -> ${next.id}; bumped`,
      ),
    ]);
  });

  test("recipe bump does not move to a version whose signature is wrong", async () => {
    const before = readFileSync(file(), "utf8");
    await offer("1.1.0", { by: "evil/zog" });
    const { status, stdout } = await run("bump");
    expect([status, stdout]).toEqual([2, expect.stringMatching(/not bumped: an attestation of/)]);
    expect(readFileSync(file(), "utf8")).toBe(before);
  });

  test("installs read none of it, and info shows it", async () => {
    place.server.serve(`/registry/${name}`, "", { fault: "503 always" });
    const asked = () => place.server.requests.filter(({ path }) => path.includes("/npm/v1/"));
    const before = asked().length;
    expect(before).toBeGreaterThan(0);
    expect((await place.run("zog")).status).toBe(0);
    expect(asked().length).toBe(before);
    const { stdout } = await place.run("info", "zog");
    expect(stdout).toMatch(/signed +npm registry signature by SHA256:\S+, checked on \d{4}-/);
    expect(stdout).toMatch(/signed +npm provenance by https:\S+, from https:\S+, checked on/);
  });
});

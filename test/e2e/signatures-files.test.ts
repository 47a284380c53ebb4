/** Signatures beside the files of a release, and GitHub's attestations: a release server and keys of the test. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { createCleartextMessage, createMessage, generateKey, readPrivateKey, sign } from "openpgp";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { archive, program } from "../support/archives.ts";
import { makeKey } from "../support/minisign.ts";
import { perTest } from "../support/per-test.ts";
import { startSocks } from "../support/proxies.ts";
import { openSignedPlace, type SignedPlace } from "../support/sigstore.ts";
import { startTls } from "../support/tls.ts";

let place: SignedPlace;
perTest(openSignedPlace, (opened) => {
  place = opened;
});

const base = "/o/zog/releases/download/v1.2.3/";
const name = "zog_1.2.3_linux_amd64.tar.gz";
const bytes = archive("tar.gz", { zog: program("zog 1.2.3") });
const hex = createHash("sha256").update(bytes).digest("hex");
const serve = (file: string, content: Buffer | string) => place.server.serve(base + file, content);
const day = expect.stringMatching(/^\d{4}-\d\d-\d\d$/);

/** The recipe's file after a run of the built command. */
const file = (): string => join(place.recipes, "zog.yaml");
const source = () => parse(readFileSync(file(), "utf8")).artifacts["linux-x64"];
const run = (...args: string[]) => runWith({}, ...args);
const runWith = (env: Readonly<Record<string, string>>, ...args: string[]) =>
  place.runWith(
    { SIGSTORE_TRUSTED_ROOT: place.sigstore.root, ...env },
    ...["recipe", ...args, ...mirrors()],
  );
const mirrors = (): string[] => [
  ...["--mirror", `https://github.com/=${place.server.origin}/`],
  ...["--mirror", `https://api.github.com/=${place.server.origin}/api/`],
];
const create = () => createWith({});
function createWith(env: Readonly<Record<string, string>>) {
  serve(name, bytes);
  return runWith(env, "new", `https://github.com${base}${name}`, "--name", "zog");
}
const at = (ending: string): string => `https://github.com${base}${ending}`;
/** Only a person knows these. */
function complete(): void {
  const text = readFileSync(file(), "utf8")
    .replace(/^description: .*$/m, "description: Zogs")
    .replace(/^license: .*$/m, "license: MIT");
  writeFileSync(file(), text);
}
async function refused(message: RegExp): Promise<void> {
  const { status, stderr } = await create();
  expect([status, stderr]).toEqual([4, expect.stringMatching(message)]);
  expect(() => readFileSync(file())).toThrow(/ENOENT/);
}

test("a release that nobody signs gets no field", async () => {
  const { status, stderr } = await create();
  expect([status, stderr]).toEqual([0, ""]);
  expect(source()).not.toHaveProperty("signed");
});

describe("an answer that is no signature, where none is recorded, is said", () => {
  const page = { fault: "html" } as const;
  const status = (code: number) => ({ fault: "status", status: code }) as const;
  test.each([
    ["a web page for a signature", ".asc", "", page, /answered with a web page/],
    ["an empty file", ".asc", "", {}, /is not an armoured PGP signature/],
    ["other text", ".sig", "no such file", {}, /is not an armoured PGP signature/],
    ["other JSON", ".sigstore.json", "{}", {}, /is not a bundle of sigstore/],
    ["no JSON", ".sigstore.json", "sorry", {}, /is not a bundle of sigstore/],
    ["other text for minisign", ".minisig", "sorry", {}, /is not a signature of minisign/],
    ["503", ".minisig", "", status(503), /responded with 503/],
    ["500", ".minisig", "", status(500), /responded with 500/],
    ["a redirect loop", ".asc", "", { fault: "redirect loop" }, /redirects in a loop/],
  ] as const)("%s", async (_, ending, content, options, why) => {
    place.server.serve(`${base}${name}${ending}`, content, options);
    const created = await create();
    expect([created.status, created.stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: whether it is signed is not known: .*E_SIGNATURE_UNKNOWN/),
    ]);
    expect(created.stderr).toMatch(why);
    expect(source()).not.toHaveProperty("signed");
  });

  test("once for a server that answers everything alike", async () => {
    const lists = ["SHA256SUMS", "checksums.txt", "minisign.pub"];
    const endings = [".asc", ".sig", ".minisig", ".sigstore.json"].map((each) => name + each);
    for (const each of [...lists, ...endings]) place.server.serve(base + each, "", page);
    const { stderr } = await create();
    expect(stderr.match(/^warning: .*$/gm)).toEqual([
      expect.stringMatching(/answered with a web page \(\S+ and \d+ other places\)/),
    ]);
  });

  test("a page in place of GitHub's attestations", async () => {
    place.server.serve(`/api/repos/o/zog/attestations/sha256:${hex}`, "", page);
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/answered with something else than attestations.*github-attestation/),
    ]);
  });

  test.each([403, 404, 410])(
    "but not %i, with which servers say that there is none",
    async (code) => {
      place.server.serve(`${base}${name}.asc`, "", status(code));
      place.server.serve(`${base}${name}.bundle`, "# v2 git bundle\n");
      place.server.serve(`${base}${name}.pem`, "no certificate");
      const created = await create();
      expect([created.status, created.stderr]).toEqual([0, ""]);
    },
  );
});

describe("minisign", () => {
  const key = makeKey();
  test("by the key beside the file, which is trusted from then on and said", async () => {
    serve(`${name}.minisig`, key.sign(bytes, 1));
    serve("minisign.pub", key.file);
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/the minisign key \w+ is trusted from now on/),
    ]);
    const recorded = {
      kind: "minisign",
      by: key.line,
      at: at(`${name}.minisig`),
      key: at("minisign.pub"),
    };
    expect(source().signed).toEqual([{ ...recorded, checked: day }]);
  });

  test("without its key it is not recorded, and a key in the recipe is used by recipe pin", async () => {
    serve(`${name}.minisig`, key.sign(bytes, 1));
    const { stderr } = await create();
    expect(stderr).toMatch(
      /\.minisig was not checked, because its key is not known\. .* run recipe pin/,
    );
    expect(source()).not.toHaveProperty("signed");
    complete();
    const text = readFileSync(file(), "utf8");
    const named = (line: string) =>
      `${text.trimEnd()}\n    signed: [{ kind: minisign, by: ${line} }]\n`;
    writeFileSync(file(), named(makeKey().line));
    const other = await run("pin", file());
    expect([other.status, other.stderr]).toEqual([
      4,
      expect.stringMatching(/it is by the key \w+, not by/),
    ]);
    writeFileSync(file(), named(key.line));
    expect((await run("pin", file())).status).toBe(0);
    expect(source().signed).toEqual([
      { kind: "minisign", by: key.line, at: at(`${name}.minisig`), checked: day },
    ]);
  });

  test("of other bytes is refused", async () => {
    serve(`${name}.minisig`, key.sign("other", 1));
    serve("minisign.pub", key.file);
    await refused(/\.minisig: it does not belong to these bytes/);
  });

  test("by another key is refused", async () => {
    serve(`${name}.minisig`, key.sign(bytes, 1));
    serve("minisign.pub", makeKey().file);
    await refused(/\.minisig: it is by the key \w+, not by \w+/);
  });

  test("of a list of digests counts for the file that it names", async () => {
    const list = `${"0".repeat(64)}  other.tar.gz\n${hex}  ${name}\n`;
    serve("checksums.txt", list);
    serve("checksums.txt.minisig", key.sign(list, 1));
    serve("minisign.pub", key.file);
    expect((await create()).status).toBe(0);
    expect(source().signed).toMatchObject([{ at: at("checksums.txt.minisig") }]);
  });

  test.each([401, 403, 500, 503])(
    "that is recorded stays so where the server answers %i, and only where it is gone it is no longer there",
    async (status) => {
      const list = `${hex}  ${name}\n`;
      serve("checksums.txt", list);
      serve("checksums.txt.minisig", key.sign(list, 1));
      serve("minisign.pub", key.file);
      await create();
      complete();
      const before = readFileSync(file(), "utf8");
      for (const failing of ["checksums.txt.minisig", "checksums.txt"]) {
        place.server.serve(base + failing, "", { fault: "status", status });
        const checked = await run("check", "--fetch", file());
        expect([checked.status, checked.stdout]).toEqual([
          5,
          expect.stringMatching(`unavailable .*${failing} responded with ${status}`),
        ]);
        expect((await run("pin", file())).status).toBe(5);
        expect(readFileSync(file(), "utf8")).toBe(before);
      }
      place.server.serve(`${base}checksums.txt`, "", { fault: "status", status: 404 });
      const gone = await run("check", "--fetch", file());
      expect([gone.status, gone.stdout]).toEqual([4, expect.stringMatching(/no longer signed/)]);
    },
  );

  test.each([
    ["a web page", { fault: "html" }, /is a web page/],
    ["another text", {}, /is not a signature of minisign|there is no key of minisign/],
  ] as const)(
    "that is recorded stays so where the server has %s instead",
    async (_, given, why) => {
      serve(`${name}.minisig`, key.sign(bytes, 1));
      serve("minisign.pub", key.file);
      await create();
      complete();
      const before = readFileSync(file(), "utf8");
      for (const failing of [`${name}.minisig`, "minisign.pub"]) {
        place.server.serve(base + failing, "sorry", given);
        const checked = await run("check", "--fetch", file());
        expect([checked.status, checked.stdout]).toEqual([4, expect.stringMatching(why)]);
        expect((await run("pin", file())).status).toBe(4);
        expect(readFileSync(file(), "utf8")).toBe(before);
        serve(`${name}.minisig`, key.sign(bytes, 1));
      }
    },
  );

  test("a list that names another digest is refused", async () => {
    serve("checksums.txt", `${"0".repeat(64)}  ${name}\n`);
    await refused(/checksums\.txt: it lists zog_1\.2\.3_linux_amd64\.tar\.gz with another sha256/);
  });
});

describe("sigstore", () => {
  test("a bundle beside the file: identity, repository and commit", async () => {
    const bundle = await place.sigstore.sign(bytes, { repository: "o/zog", ref: "v1.2.3" });
    serve(`${name}.sigstore.json`, JSON.stringify(bundle));
    expect((await create()).status).toBe(0);
    expect(source().signed).toEqual([
      {
        kind: "sigstore",
        by: "https://github.com/o/zog/.github/workflows/release.yml@refs/tags/v1.2.3",
        issuer: "https://token.actions.githubusercontent.com",
        source: expect.stringMatching(/^https:\/\/github\.com\/o\/zog@[0-9a-f]{40}$/),
        at: at(`${name}.sigstore.json`),
        checked: day,
      },
    ]);
    complete();
    const { status, stdout } = await run("check", "--fetch", file());
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/; sigstore signature by https:\S+\n/),
    ]);
    const other = await place.sigstore.sign(bytes, { repository: "evil/zog" });
    serve(`${name}.sigstore.json`, JSON.stringify(other));
    const changed = await run("check", "--fetch", file());
    expect([changed.status, changed.stdout]).toEqual([
      4,
      expect.stringMatching(/wrong {2}zog .*signer changed: sigstore signature by/),
    ]);
  });

  test("cosign's older form", async () => {
    const bundle = await place.sigstore.sign(bytes, { repository: "o/zog" });
    const [entry] = bundle.verificationMaterial.tlogEntries;
    const chain = bundle.verificationMaterial.x509CertificateChain?.certificates;
    const { rawBytes = "" } = chain?.[0] ?? {};
    const pem = `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`;
    const old = {
      base64Signature: bundle.messageSignature?.signature,
      cert: Buffer.from(pem).toString("base64"),
      rekorBundle: {
        SignedEntryTimestamp: entry?.inclusionPromise?.signedEntryTimestamp,
        Payload: {
          body: entry?.canonicalizedBody,
          integratedTime: Number(entry?.integratedTime),
          logIndex: Number(entry?.logIndex),
          logID: Buffer.from(entry?.logId.keyId ?? "", "base64").toString("hex"),
        },
      },
    };
    serve(`${name}.bundle`, JSON.stringify(old));
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([0, ""]);
    expect(source().signed).toMatchObject([{ kind: "sigstore", at: at(`${name}.bundle`) }]);
  });

  test("of other bytes is refused", async () => {
    const bundle = await place.sigstore.sign(Buffer.from("other"), { repository: "o/zog" });
    serve(`${name}.sigstore.json`, JSON.stringify(bundle));
    await refused(/zog_1\.2\.3_linux_amd64\.tar\.gz\.sigstore\.json: /);
  });

  test("a certificate without its log entry is said, and not recorded", async () => {
    serve(`${name}.pem`, "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n");
    serve(`${name}.sig`, "MEUCIQ==");
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/\.pem was not checked: cosign's log entry is not beside it/),
    ]);
    expect(source()).not.toHaveProperty("signed");
  });
});

describe("GitHub's attestations", () => {
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name, digest: { sha256: hex } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {},
  };
  const attest = async (of: object, repository: string) => {
    const bundle = await place.sigstore.attest(of, { repository, ref: "v1.2.3" });
    const answer = { attestations: [{ repository_id: 1, bundle }, { bundle: null }] };
    place.server.serve(`/api/repos/o/zog/attestations/sha256:${hex}`, JSON.stringify(answer));
  };

  test("are recorded with repository and commit", async () => {
    await attest(statement, "o/zog");
    expect((await create()).status).toBe(0);
    expect(source().signed).toMatchObject([
      {
        kind: "github-attestation",
        source: expect.stringMatching(/^https:\/\/github\.com\/o\/zog@/),
      },
    ]);
  });

  test("are asked for with a token, which nobody but GitHub gets", async () => {
    const api: string[] = [];
    const answer: RequestListener = ({ url, headers: { host, authorization } }, response) => {
      api.push(`${host} ${url?.split("?")[0]} ${authorization}`);
      response.writeHead(404).end();
    };
    const tls = await startTls(place.dir, answer, { name: "DNS:api.github.com" });
    const socks = await startSocks({
      to: { host: "127.0.0.1", port: Number(new URL(tls.origin).port) },
    });
    const token = { GH_TOKEN: "", GITHUB_TOKEN: "t0ken" };
    const ways = { ALL_PROXY: `socks5h://127.0.0.1:${socks.port}`, NO_PROXY: "127.0.0.1" };
    try {
      serve(name, bytes);
      const words = [
        "new",
        `https://github.com${base}${name}`,
        "--name",
        "zog",
        ...mirrors().slice(0, 2),
      ];
      const env = { ...token, ...ways, NODE_EXTRA_CA_CERTS: tls.ca };
      const created = await place.runWith(env, "recipe", ...words);
      expect([created.status, created.stderr]).toEqual([0, ""]);
    } finally {
      tls.server.close();
      await socks.close();
    }
    expect(api).toEqual([`api.github.com /repos/o/zog/attestations/sha256:${hex} Bearer t0ken`]);
    rmSync(file());
    expect((await createWith(token)).status).toBe(0);
    expect(place.server.requests.some(({ path }) => path.startsWith("/api/"))).toBe(true);
    expect(JSON.stringify(place.server.requests)).not.toContain("t0ken");
  });

  test("of another repository are refused", async () => {
    await attest(statement, "evil/zog");
    await refused(
      /GitHub's attestation of https:\S+: it is by https:\/\/github\.com\/evil\/zog, not by o\/zog/,
    );
  });

  test("of other bytes are refused", async () => {
    await attest(
      { ...statement, subject: [{ name, digest: { sha256: "0".repeat(64) } }] },
      "o/zog",
    );
    await refused(/GitHub's attestation of https:\S+: it is about other bytes/);
  });
});

describe.runIf(spawnSync("gpgv", ["--version"]).status === 0)("PGP", () => {
  async function makePgp(options: { date?: Date; keyExpirationTime?: number } = {}) {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: "zoe" }], ...options });
    const key = await readPrivateKey({ armoredKey: privateKey });
    const signBytes = async (content: Buffer, date?: Date) =>
      await sign({
        message: await createMessage({ binary: new Uint8Array(content) }),
        signingKeys: key,
        detached: true,
        ...(date && { date }),
      });
    const signText = async (text: string) =>
      await sign({ message: await createCleartextMessage({ text }), signingKeys: key });
    return {
      signText,
      publicKey,
      fingerprint: key.getFingerprint().toUpperCase(),
      sign: signBytes,
    };
  }

  test("of a list of digests, by a key beside it", async () => {
    const key = await makePgp();
    const list = Buffer.from(`${hex} *${name}\n`);
    serve("SHA256SUMS", list);
    serve("SHA256SUMS.asc", await key.sign(list));
    serve("KEYS", `Our keys\n${key.publicKey}`);
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining(`the PGP key ${key.fingerprint} is trusted from now on`),
    ]);
    expect(source().signed).toEqual([
      { kind: "pgp", by: key.fingerprint, at: at("SHA256SUMS.asc"), key: at("KEYS"), checked: day },
    ]);
    complete();
    const other = await makePgp();
    serve("SHA256SUMS.asc", await other.sign(list));
    const unknown = await run("check", "--fetch", file());
    expect([unknown.status, unknown.stdout]).toEqual([
      4,
      expect.stringMatching(/SHA256SUMS\.asc: it is by a key that is not known/),
    ]);
    serve("KEYS", key.publicKey + other.publicKey);
    const changed = await run("check", "--fetch", file());
    expect([changed.status, changed.stdout]).toEqual([
      4,
      expect.stringContaining(
        `signer changed: PGP signature by ${key.fingerprint} -> ${other.fingerprint}`,
      ),
    ]);
  });

  test("in a list of digests itself", async () => {
    const key = await makePgp();
    const list = `${hex}  ${name}\n`;
    serve("SHASUMS256.txt", list);
    serve("KEYS", key.publicKey);
    serve("SHASUMS256.txt.asc", await key.signText(list));
    expect((await create()).status).toBe(0);
    expect(source().signed).toMatchObject([{ by: key.fingerprint, at: at("SHASUMS256.txt.asc") }]);
    rmSync(file());
    serve("SHASUMS256.txt.asc", await key.signText(`${"0".repeat(64)}  ${name}\n`));
    await refused(/SHASUMS256\.txt\.asc: it is about other bytes/);
  });

  test("of other bytes is refused", async () => {
    const key = await makePgp();
    serve(`${name}.asc`, await key.sign(Buffer.from("other")));
    serve("KEYS", key.publicKey);
    await refused(/\.asc: it is about other bytes/);
  });

  test("by a key that has expired is refused", async () => {
    const made = new Date("2020-01-01T00:00:00Z");
    const key = await makePgp({ date: made, keyExpirationTime: 86_400 });
    serve(`${name}.asc`, await key.sign(bytes, new Date("2020-01-01T12:00:00Z")));
    serve("KEYS", key.publicKey);
    await refused(/\.asc: its key has expired/);
  });

  test("without its key it is not recorded, and said", async () => {
    serve(`${name}.asc`, await (await makePgp()).sign(bytes));
    serve("KEYS", (await makePgp()).publicKey);
    const none = "Note: This user hasn't uploaded any GPG keys.";
    const empty = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${none}\n\n\n=twTO\n-----END PGP PUBLIC KEY BLOCK-----\n`;
    place.server.serve("/o.gpg", empty);
    const { status, stderr } = await create();
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/\.asc was not checked, because its key is not known/),
    ]);
    expect(source()).not.toHaveProperty("signed");
    expect(place.server.hits("/o.gpg")).toBe(1);
  });
});

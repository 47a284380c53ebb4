import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { readCertificates } from "../../src/net/certificates.ts";
import { run } from "../support/archives.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "certificates-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const read = (path: string) =>
  readCertificates({ env: {}, files: [{ name: "SSL_CERT_FILE", value: path }], texts: [] });

function makeCertificate(path: string): void {
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run("openssl", ["req", "-x509", ...kind, "-subj", "/CN=t", "-keyout", at("key"), "-out", path]);
}

test("a file of certificates, also through a link and with other text in it", () => {
  makeCertificate(at("ca.pem"));
  symlinkSync("ca.pem", at("link.pem"));
  copyFileSync(at("ca.pem"), at("both.pem"));
  writeFileSync(at("both.pem"), "# a comment\n", { flag: "a" });
  for (const name of ["ca.pem", "link.pem", "both.pem"]) {
    const { secureContext, problems } = read(at(name));
    expect(secureContext).toBeDefined();
    expect(problems()).toEqual([]);
  }
  expect(read(` "${at("ca.pem")}"`).problems()).toEqual([]);
});

test("what cannot be used is named with its reason, and waits for nobody", () => {
  mkdirSync(at("dir"));
  execFileSync("mkfifo", [at("pipe")]);
  writeFileSync(at("empty"), "");
  writeFileSync(at("text"), "no certificate\n");
  const block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  writeFileSync(at("broken"), block);
  const why: Record<string, RegExp> = {
    dir: /it is a directory/,
    pipe: /it is a pipe/,
    empty: /holds no certificate/,
    text: /holds no certificate/,
    broken: /certificate that cannot be read/,
    none: /it cannot be read/,
  };
  for (const [name, reason] of Object.entries(why)) {
    const [problem, ...more] = read(at(name)).problems();
    expect(more).toEqual([]);
    expect(problem).toContain(`SSL_CERT_FILE=${at(name)}`);
    expect(problem).toMatch(reason);
    expect(problem).toMatch(/PEM/);
  }
});

test("NODE_EXTRA_CA_CERTS, which Node reads itself: a pipe would hold it up for ever", () => {
  execFileSync("mkfifo", [at("pipe")]);
  const extra = (NODE_EXTRA_CA_CERTS: string) =>
    readCertificates({ env: { NODE_EXTRA_CA_CERTS }, files: [], texts: [] });
  expect(() => extra(at("pipe"))).toThrow(UserError);
  expect(() => extra(at("pipe"))).toThrow(/^NODE_EXTRA_CA_CERTS=.* is a pipe$/);
  expect(extra(at("none")).problems()).toHaveLength(1);
  expect(extra("").problems()).toEqual([]);
});

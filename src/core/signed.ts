import type { SignatureKind, SignedBy } from "./recipe.ts";

/** What was checked, in a few words. */
const names: Readonly<Record<SignatureKind, string>> = {
  "npm-signature": "npm registry signature",
  "npm-provenance": "npm provenance",
  "pypi-attestation": "PyPI attestation",
  "github-attestation": "GitHub attestation",
  sigstore: "sigstore signature",
  minisign: "minisign signature",
  pgp: "PGP signature",
  "debian-index": "Debian's signed index",
  "go-sumdb": "Go's checksum database",
};

/** `npm provenance by https://…/release.yml, checked on 2026-11-30`. */
export function describeSigned(signed: SignedBy): string {
  const { source, checked } = signed;
  const from = source === undefined ? "" : `, from ${source}`;
  const when = checked === undefined ? "" : `, checked on ${checked}`;
  return `${nameSigner(signed)}${from}${when}`;
}

/** `npm provenance by https://…/release.yml`. */
export function nameSigner({ kind, by }: SignedBy): string {
  return `${names[kind]} by ${by}`;
}

/**
 * The signer without what differs in each version: a workflow's branch or tag. Two versions with the same one
 * are by the same signer.
 */
export function signerOf({ kind, by, issuer = "", source = "" }: SignedBy): string {
  const who = by.replace(/(?<=\/\.github\/workflows\/[^@]+)@.*$|@refs\/.*$/, "");
  return [kind, who, issuer, source.replace(/@[^@]*$/, "")].join(" ");
}

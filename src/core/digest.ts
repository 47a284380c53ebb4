import { hash } from "node:crypto";

export type DigestAlgorithm = "sha256" | "sha512";

/** A digest that cannot be malformed: only the functions of this file create one. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal: 64 digits for sha256, 128 for sha512. */
  readonly hex: string;
}

const hexLength: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

/** Reads hexadecimal digits (any case). Returns undefined unless they are a complete digest. */
export function parseHexDigest(algorithm: DigestAlgorithm, text: string): Digest | undefined {
  const hex = text.toLowerCase();
  return hex.length === hexLength[algorithm] && /^[0-9a-f]+$/.test(hex)
    ? { algorithm, hex }
    : undefined;
}

/**
 * Reads a Subresource Integrity string (`sha512-BASE64`, as in npm's lock files). Of several hashes
 * it returns the strongest known; sha1 alone is not accepted.
 */
export function parseIntegrity(text: string): Digest | undefined {
  for (const algorithm of ["sha512", "sha256"] as const) {
    for (const part of text.trim().split(/\s+/)) {
      if (!part.startsWith(`${algorithm}-`)) continue;
      const base64 = part.slice(algorithm.length + 1).split("?")[0] ?? "";
      if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) continue;
      const digest = parseHexDigest(algorithm, Buffer.from(base64, "base64").toString("hex"));
      if (digest) return digest;
    }
  }
  return undefined;
}

/** The inverse of `parseIntegrity`: `sha512-BASE64`. */
export function formatIntegrity({ algorithm, hex }: Digest): string {
  return `${algorithm}-${Buffer.from(hex, "hex").toString("base64")}`;
}

/** `sha256:9f86…`, as in manifests and messages. */
export function formatDigest(digest: Digest): string {
  return `${digest.algorithm}:${digest.hex}`;
}

/** The inverse of `formatDigest`. */
export function parseDigest(text: string): Digest | undefined {
  const [algorithm, hex] = text.split(":");
  if ((algorithm !== "sha256" && algorithm !== "sha512") || hex === undefined) return undefined;
  return parseHexDigest(algorithm, hex);
}

/** The sha256 of bytes. */
export function sha256Of(bytes: Uint8Array): Digest {
  return { algorithm: "sha256", hex: sha256Hex(bytes) };
}

/** The lower-case hexadecimal sha256 of text or bytes. */
export function sha256Hex(content: string | Uint8Array): string {
  return hash("sha256", content, "hex");
}

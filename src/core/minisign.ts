/**
 * Signatures of minisign: ed25519 over a file, or over its BLAKE2b-512, and a second one over the
 * first and a comment, in which minisign writes the time.
 */
import { createHash, createPublicKey, verify } from "node:crypto";

/** A public key: two characters of algorithm, eight bytes of id, thirty-two of key. */
export interface MinisignKey {
  /** The line of the key's file, which begins with `RW`. */
  readonly text: string;
  /** As minisign prints it: `E7620F1842B4E81F`. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** A valid signature. */
export interface Signed {
  /** When it was made: seconds since 1970. */
  readonly time: number;
}

/** Reads a public key, or the file that minisign -G writes; undefined if it is none. */
export function parseMinisignKey(text: string): MinisignKey | undefined {
  const line = linesOf(text).find((line) => !line.startsWith("untrusted comment:")) ?? "";
  const bytes = decoded(line, 42);
  if (bytes?.toString("latin1", 0, 2) !== "Ed") return undefined;
  return { text: line, id: idOf(bytes), bytes: bytes.subarray(10) };
}

/**
 * Verifies a file's bytes against the text of its `.minisig`. Returns a clause that says what is
 * wrong with it.
 */
export function verifyMinisign(
  content: Uint8Array,
  signature: string,
  key: MinisignKey,
): Signed | string {
  const [head = "", first = "", comment = "", second = ""] = linesOf(signature);
  const bytes = decoded(first, 74);
  const overall = decoded(second, 64);
  const trusted = /^trusted comment: (.*)$/.exec(comment)?.[1];
  if (!head.startsWith("untrusted comment:") || !bytes || !overall || trusted === undefined) {
    return "is not a signature of minisign";
  }
  if (idOf(bytes) !== key.id) return `is by the key ${idOf(bytes)}, not by ${key.id}`;
  const algorithm = bytes.toString("latin1", 0, 2);
  if (algorithm !== "ED" && algorithm !== "Ed") return "has an unknown algorithm";
  const signed = algorithm === "ED" ? createHash("blake2b512").update(content).digest() : content;
  const proof = bytes.subarray(10);
  if (!isSigned(signed, proof, key)) return "does not belong to these bytes";
  if (!isSigned(Buffer.concat([proof, Buffer.from(trusted)]), overall, key)) {
    return "has a comment that was changed";
  }
  const time = /(?:^|\t)timestamp:(\d{1,12})(?:\t|$)/.exec(trusted)?.[1];
  // Without it an older catalogue could not be told from a newer one.
  return time === undefined ? "has no timestamp in its trusted comment" : { time: Number(time) };
}

function isSigned(content: Uint8Array, signature: Buffer, { bytes }: MinisignKey): boolean {
  const key = { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") };
  return verify(null, content, createPublicKey({ key, format: "jwk" }), signature);
}

function decoded(line: string, length: number): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(line)) return undefined;
  const bytes = Buffer.from(line, "base64");
  return bytes.length === length ? bytes : undefined;
}

/** minisign stores the id with its last byte first. */
const idOf = (bytes: Buffer): string =>
  Buffer.from(bytes.subarray(2, 10)).reverse().toString("hex").toUpperCase();

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== "");

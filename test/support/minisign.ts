/** Keys and signatures in the format of minisign, made with Node's own ed25519. */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface TestKey {
  /** The public key's line, which begins with `RW`. */
  readonly line: string;
  /** The public key's file. */
  readonly file: string;
  /** The text of a `.minisig`; `time` in seconds since 1970. */
  sign(content: Buffer | string, time: number, comment?: string): string;
}

export function makeKey(): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const id = randomBytes(8);
  const line = Buffer.concat([Buffer.from("Ed"), id, raw]).toString("base64");
  return {
    line,
    file: `untrusted comment: minisign public key\n${line}\n`,
    sign(content, time, comment = `timestamp:${time}\tfile:catalogue.json\thashed`) {
      const hash = createHash("blake2b512").update(content).digest();
      const proof = sign(null, hash, privateKey);
      const first = Buffer.concat([Buffer.from("ED"), id, proof]).toString("base64");
      const both = sign(null, Buffer.concat([proof, Buffer.from(comment)]), privateKey);
      return `untrusted comment: signature\n${first}\ntrusted comment: ${comment}\n${both.toString("base64")}\n`;
    },
  };
}

import { saidIn } from "../../core/wording.ts";
import { readFile, writeFile } from "../../io/disk.ts";
import { askGpgv } from "../gpgv.ts";
import { type BesideFile, signaturesBeside, textAt } from "./beside.ts";
import {
  firstUse,
  keyIsMissing,
  type SignatureCheck,
  type SignatureContext,
  type Subject,
  wrongSignature,
} from "./evidence.ts";

/** Detached signatures of OpenPGP in text form, beside a file or the list of its digest. */
export const pgp: SignatureCheck = {
  kinds: ["pgp"],
  sources: ["archive"],
  async find(subject, context) {
    const endings = [".asc", ".sig", ".gpg"];
    const files = await signaturesBeside({ endings, whyNot }, subject, context);
    const signature = files.find(({ text }) => isArmoured(text));
    if (!signature) return [];
    for await (const ring of keyRings(subject, context)) {
      const by = await verifySigned(signature, ring, context);
      if (by === undefined) continue;
      if (!ring.isNamed) firstUse(`the PGP key ${by}`, ring.from, context);
      return [{ kind: "pgp", by, at: signature.url, key: ring.from }];
    }
    keyIsMissing("pgp", signature.url, "FINGERPRINT, key: https://...", context);
    return [];
  },
};

const isArmoured = (text: string): boolean => text.includes("-----BEGIN PGP SIGNATURE-----");

/** A `.sig` may also be one of cosign, or of signify. */
function whyNot(text: string, url: string): string | undefined {
  const isOther = /^(untrusted comment:|[A-Za-z0-9+/=\s]{60,}$)/.test(text) && url.endsWith(".sig");
  return isArmoured(text) || isOther ? undefined : "is not an armoured PGP signature";
}

interface KeyRing {
  /** Its URL. */
  readonly from: string;
  readonly bytes: Buffer;
  /** True if the recipe names it. */
  readonly isNamed: boolean;
}

/** The keys that the recipe names, else those beside the file, and of the repository's owner. */
async function* keyRings(
  { source, recorded }: Subject,
  context: SignatureContext,
): AsyncGenerator<KeyRing> {
  const named = recorded.find(({ kind, key }) => kind === "pgp" && key !== undefined)?.key;
  const owner = /^https:\/\/github\.com\/([\w.-]+)\//.exec(source.url ?? "")?.[1];
  const beside = ["KEYS", "pgp-key.asc", "public-key.asc"].map(
    (name) => new URL(name, source.url).href,
  );
  const guessed = [...beside, ...(owner ? [`https://github.com/${owner}.gpg`] : [])];
  for (const from of named ? [named] : guessed) {
    const bytes = binaryOf(
      (await textAt(from, context, named !== undefined)) ?? "",
      "PUBLIC KEY BLOCK",
    );
    if (bytes.length > 0) yield { from, bytes, isNamed: named !== undefined };
    else if (named) throw wrongSignature(named, "there is no PGP key");
  }
}

/** The fingerprint of the signer's primary key; undefined if it is not among keys that nobody has named. */
async function verifySigned(
  { of, url, text }: BesideFile,
  ring: KeyRing,
  context: SignatureContext,
): Promise<string | undefined> {
  const [keyring, signature, content] = [context.file(), context.file(), context.file()];
  await writeFile(keyring, ring.bytes);
  // A text may hold its signature, as lists of digests do: gpgv then writes what was signed.
  const isWhole = text.includes("-----BEGIN PGP SIGNED MESSAGE-----");
  await writeFile(signature, isWhole ? text : binaryOf(text, "SIGNATURE"));
  const bytes = await of.bytes();
  if (!isWhole) await writeFile(content, bytes);
  const words = isWhole ? ["--output", content, signature] : [signature, content];
  const { status, stderr } = await askGpgv([keyring], words);
  if (!ring.isNamed && /^\[GNUPG:\] NO_PUBKEY/m.test(status)) return undefined;
  const good = /^\[GNUPG:\] VALIDSIG .*?(\S+)$/m.exec(status)?.[1];
  const bad = /^\[GNUPG:\] (BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG)\b/m.exec(status)?.[1];
  if (good !== undefined && bad === undefined) {
    const isSame = (await readFile(content)).toString().trimEnd() === bytes.toString().trimEnd();
    if (!isWhole || isSame) return good;
    throw wrongSignature(url, "it is about other bytes");
  }
  const said = saidIn(stderr, -2);
  throw wrongSignature(url, `${meanings[bad ?? ""] ?? "it is not valid"}: ${said}`);
}

const meanings: Readonly<Record<string, string>> = {
  BADSIG: "it is about other bytes",
  ERRSIG: "it is by a key that is not known",
  EXPSIG: "it has expired",
  EXPKEYSIG: "its key has expired",
  REVKEYSIG: "its key was revoked",
};

/** gpgv reads keys in their binary form only. */
function binaryOf(armoured: string, what: string): Buffer {
  const blocks = armoured.matchAll(
    new RegExp(`-----BEGIN PGP ${what}-----([\\s\\S]*?)-----END PGP ${what}-----`, "g"),
  );
  return Buffer.concat(
    [...blocks].map(([, body = ""]) => {
      // Headers, an empty line, the bytes, and a checksum after "=".
      const [, data = ""] = /\r?\n[ \t]*\r?\n([\s\S]*)/.exec(body) ?? [];
      return Buffer.from(data.replace(/^=\S{4}\s*$/m, ""), "base64");
    }),
  );
}

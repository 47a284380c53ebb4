import type { SignedBy } from "../../core/recipe.ts";
import { writeFile } from "../../io/disk.ts";
import { askGpgv } from "../gpgv.ts";
import { type BesideFile, filesBeside, textAt } from "./beside.ts";
import {
  type SignatureCheck,
  type SignatureContext,
  type Subject,
  wrongSignature,
} from "./evidence.ts";
import { firstUse, keyIsMissing } from "./keys.ts";

/** Detached signatures of OpenPGP in text form, beside a file or the list of its digest. */
export const pgp: SignatureCheck = {
  kinds: ["pgp"],
  sources: ["archive"],
  async find(subject, context) {
    const files = await filesBeside([".asc", ".sig", ".gpg"], subject, context);
    const signatures = files.filter(({ text }) => text.includes("-----BEGIN PGP SIGNATURE-----"));
    const found: SignedBy[] = [];
    for (const signature of signatures.slice(0, 1)) {
      const ring = await keysFor(subject, context);
      if (!ring) {
        keyIsMissing("pgp", signature.url, "FINGERPRINT, key: https://...", context);
        continue;
      }
      const by = await verifySigned(signature, ring, context);
      if (!ring.isNamed) firstUse(`the PGP key ${by}`, ring.from, context);
      found.push({ kind: "pgp", by, at: signature.url, key: ring.from });
    }
    return found;
  },
};

interface KeyRing {
  /** Its URL. */
  readonly from: string;
  /** Armoured. */
  readonly text: string;
  /** True if the recipe names it. */
  readonly isNamed: boolean;
}

/** The keys that the recipe names, else those beside the file or of the repository's owner. */
async function keysFor(
  { source, recorded }: Subject,
  context: SignatureContext,
): Promise<KeyRing | undefined> {
  const named = recorded.find(({ kind, key }) => kind === "pgp" && key !== undefined)?.key;
  const owner = /^https:\/\/github\.com\/([\w.-]+)\//.exec(source.url ?? "")?.[1];
  const guessed = ["KEYS", "pgp-key.asc", "public-key.asc"].map(
    (name) => new URL(name, source.url).href,
  );
  const places = named
    ? [named]
    : [...guessed, ...(owner ? [`https://github.com/${owner}.gpg`] : [])];
  for (const from of places) {
    const text = await textAt(from, context);
    if (text?.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
      return { from, text, isNamed: named !== undefined };
    }
  }
  if (named === undefined) return undefined;
  throw wrongSignature(named, "there is no PGP key");
}

/** The fingerprint of the signer's primary key. */
async function verifySigned(
  { of, url, text }: BesideFile,
  ring: KeyRing,
  context: SignatureContext,
): Promise<string> {
  const [keyring, signature, content] = [context.file(), context.file(), context.file()];
  await writeFile(keyring, binaryOf(ring.text, "PUBLIC KEY BLOCK"));
  await writeFile(signature, binaryOf(text, "SIGNATURE"));
  await writeFile(content, await of.bytes());
  const { status, stderr } = await askGpgv([keyring], [signature, content]);
  const good = /^\[GNUPG:\] VALIDSIG .*?(\S+)$/m.exec(status)?.[1];
  const bad = /^\[GNUPG:\] (BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG)\b/m.exec(status)?.[1];
  if (good !== undefined && bad === undefined) return good;
  const said = stderr.trim().split("\n").slice(-2).join(" | ");
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

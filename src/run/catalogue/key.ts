import { resolve } from "node:path";
import type { Context } from "../../context.ts";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { type MinisignKey, parseMinisignKey } from "../../core/minisign.ts";
import { type ReadFile, readInputIfThere } from "../../io/input.ts";

/** The key of `--catalogue-key`. */
export interface GivenKey {
  /** Undefined where its file is not: a sandbox uses what was verified elsewhere. */
  readonly key: MinisignKey | undefined;
  /** Where it was given as a file. */
  readonly path?: string;
  readonly file?: ReadFile;
}

/** Far more than a key has (bytes). */
const maxKey = 64 * 1024;

/** Reads the key; undefined if none is named. Throws a UserError for what is no key of minisign. */
export function readKey({ catalogueKey }: Context["options"]): GivenKey | undefined {
  if (catalogueKey === undefined) return undefined;
  const key = parseMinisignKey(catalogueKey);
  if (key) return { key };
  const path = resolve(catalogueKey);
  const bytes = readInputIfThere(path, { maxBytes: maxKey });
  if (bytes === undefined) return { key: undefined, path };
  const read = parseMinisignKey(bytes.toString("utf8"));
  if (read) return { key: read, path, file: { path, sha256: sha256Hex(bytes) } };
  throw new UserError("E_INPUT", `${path} is not a public key of minisign`, {
    hint: "Use the file that minisign -G writes, or its second line, which begins with RW.",
  });
}

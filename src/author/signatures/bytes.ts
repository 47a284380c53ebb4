import type { Digest } from "../../core/digest.ts";
import { sourceDigest } from "../../core/recipes/artifacts.ts";
import type { RecipeSource } from "../../core/recipes/schema.ts";
import { readInput } from "../../io/input.ts";
import { type SignatureContext, wrongSignature } from "./evidence.ts";

/** A signed file is read as a whole (bytes). */
const maxBytes = 1024 ** 3;

/** The file of a URL source, downloaded once, with both digests. It is the one that the recipe pins. */
async function download(source: RecipeSource, { draft, file, memo }: SignatureContext) {
  const { url = "" } = source;
  const { http, signal } = draft;
  const own = await memo(`file ${url}`, async () => {
    const path = file();
    return { path, ...(await http.hashDownload({ url, file: path, isPrivate: true, signal })) };
  });
  const pinned = sourceDigest(source);
  if (pinned && own[pinned.algorithm].hex === pinned.hex) return own;
  throw wrongSignature(url, "its bytes are not those that the recipe pins");
}

/** Both digests of a URL source. */
export async function digestsOf(
  source: RecipeSource,
  context: SignatureContext,
): Promise<{ readonly sha256: Digest; readonly sha512?: Digest }> {
  const pinned = sourceDigest(source);
  if (pinned?.algorithm === "sha256") return { sha256: pinned };
  const { sha256, sha512 } = await download(source, context);
  return { sha256, sha512 };
}

/** The bytes of a URL source. */
export async function bytesOf(source: RecipeSource, context: SignatureContext): Promise<Buffer> {
  return readInput((await download(source, context)).path, { maxBytes });
}

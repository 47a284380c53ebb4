import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { type CatalogueSpec, maxCatalogue } from "../../core/catalogue-spec.ts";
import { formatDigest } from "../../core/digest.ts";
import { describeError, reworded, UserError } from "../../core/errors.ts";
import { type MinisignKey, verifyMinisign } from "../../core/minisign.ts";
import { shownUrl } from "../../core/shown-url.ts";
import { mkdirSync, statSync, writeFile } from "../../io/disk.ts";
import { ifThere, isThere } from "../../io/files.ts";
import { readInput, readInputIfThere } from "../../io/input.ts";
import { withTemporaryDirectory } from "../../io/temporary.ts";
import { isNotFound } from "../../net/errors.ts";
import type { Http } from "../../net/http.ts";
import { type MachineHttp, machineHttp } from "../../net/machine-http.ts";
import { looksLikePage, pageInstead } from "../../net/web-page.ts";
import { digestOfVersion, downloadTarball } from "../../sources/npm/registry.ts";
import { extract } from "../../unpack/extract.ts";
import { Refusal } from "../../unpack/refusals.ts";

/** What a spec leads to. */
export interface FetchedCatalogue {
  readonly text: string;
  /** When it was signed: seconds since 1970. */
  readonly signedAt?: number;
}

/** Far more than a signature has (bytes). */
const maxSignature = 64 * 1024;
/** Far more than the package of this command (bytes). */
const limits = { bytes: 512 * 1024 ** 2, entries: 50_000 };

/**
 * Fetches a catalogue and compares it with its digest and its signature before anything is read from
 * it. Nothing of a package is started. Throws a UserError: `network` if it cannot be fetched now.
 */
export async function fetchCatalogue(
  spec: CatalogueSpec,
  key: MinisignKey | undefined,
  context: Context,
): Promise<FetchedCatalogue> {
  const { env, home, options, reporter, signal } = context;
  const onDetail = (message: string) => reporter.emit({ type: "detail", message });
  const machine = machineHttp({ env, home }, { ...options, onDetail });
  try {
    return await withTemporaryDirectory("openclaw-catalogue", async (dir) => {
      const signature =
        key && spec.kind !== "npm" ? await signatureOf(spec, machine.http, signal) : "";
      const bytes = await bytesOf(spec, join(dir, "download"), { ...machine, signal });
      const signed = key && verifyMinisign(bytes, signature, key);
      if (typeof signed === "string") {
        const message = `${spec.called}: its signature ${signed}`;
        throw new UserError("E_CATALOGUE_SIGNATURE", message);
      }
      const text = await textIn(bytes, dir, { called: spec.called, signal });
      return { text, ...(signed && { signedAt: signed.time }) };
    });
  } finally {
    await machine.http.close();
  }
}

/** The `.minisig` beside it. */
async function signatureOf(
  spec: Exclude<CatalogueSpec, { kind: "npm" }>,
  http: Http,
  signal: AbortSignal,
): Promise<string> {
  if (spec.kind === "file") {
    const path = `${spec.path}.minisig`;
    const bytes = readInputIfThere(path, { maxBytes: maxSignature });
    if (bytes === undefined) throw noSignature(path);
    return bytes.toString("utf8");
  }
  const url = new URL(spec.url);
  url.pathname += ".minisig";
  try {
    const { text, url: from } = await http.text(url.href, { isPrivate: true, signal });
    if (looksLikePage(text)) throw pageInstead(from, "a signature");
    return text;
  } catch (error) {
    throw isNotFound(error) ? noSignature(shownUrl(url)) : error;
  }
}

function noSignature(where: string): UserError {
  return new UserError("E_CATALOGUE_SIGNATURE", `there is no ${where}`);
}

type Network = MachineHttp & { readonly signal: AbortSignal };

async function bytesOf(spec: CatalogueSpec, file: string, network: Network): Promise<Buffer> {
  if (spec.kind === "file") {
    const bytes = readCatalogueFile(spec.path, spec.called);
    refuseOtherDigest(spec, bytes);
    return bytes;
  }
  try {
    await (spec.kind === "npm" ? fetchPackage(spec, file, network) : fetchUrl(spec, file, network));
  } catch (cause) {
    if (cause instanceof UserError && isNotFound(cause)) {
      const hint = "Check the name in --catalogue, and that this server has it.";
      throw reworded(cause, cause.message, { hint });
    }
    if (!(cause instanceof UserError)) throw cause;
    if (cause.problem === "E_DOWNLOAD_TOO_LARGE") throw tooLarge(spec.called);
    if (cause.problem !== "E_DIGEST_MISMATCH") throw cause;
    throw new UserError("E_CATALOGUE_DIGEST", `${spec.called}: ${cause.message}`);
  }
  return readInput(file, { maxBytes: maxCatalogue });
}

/** `called`: in messages. */
function readCatalogueFile(path: string, called: string): Buffer {
  const size = ifThere(path, () => statSync(path))?.size ?? 0;
  if (size > maxCatalogue) throw tooLarge(called);
  return readInput(path, { maxBytes: maxCatalogue });
}

function tooLarge(called: string): UserError {
  const limit = `${maxCatalogue / 1024 ** 2} MiB`;
  return new UserError(
    "E_CATALOGUE",
    `${called} is larger than ${limit}, the limit for a catalogue`,
    {
      hint: "Nothing was stored. Leave out recipes, or name the right file.",
    },
  );
}

function refuseOtherDigest({ digest, called }: CatalogueSpec, bytes: Buffer): void {
  if (digest === undefined) return;
  const hex = createHash(digest.algorithm).update(bytes).digest("hex");
  if (hex === digest.hex) return;
  const message = `${called}: expected ${formatDigest(digest)}, got ${digest.algorithm}:${hex}`;
  throw new UserError("E_CATALOGUE_DIGEST", message);
}

async function fetchPackage(
  { name, version, digest: named }: Extract<CatalogueSpec, { kind: "npm" }>,
  file: string,
  { http, npm, signal }: Network,
): Promise<void> {
  const registry = { http, npm: await npm() };
  const digest = named ?? (await digestOfVersion(name, version, registry));
  await downloadTarball({ ...registry, name, version, file, digest, limit: maxCatalogue, signal });
}

async function fetchUrl(
  { url, digest }: Extract<CatalogueSpec, { kind: "url" }>,
  file: string,
  { http, signal }: Network,
): Promise<void> {
  const request = { url, file, limit: maxCatalogue, isPrivate: true, signal };
  await (digest ? http.download({ ...request, digest }) : http.hashDownload(request));
}

/** The catalogue itself, or the one in a package's tarball. */
async function textIn(
  bytes: Buffer,
  dir: string,
  { called, signal }: { readonly called: string; readonly signal: AbortSignal },
): Promise<string> {
  if (bytes[0] === "{".charCodeAt(0)) return bytes.toString("utf8");
  const [file, into] = [join(dir, "package.tgz"), join(dir, "package")];
  await writeFile(file, bytes);
  mkdirSync(into);
  try {
    await extract({ file, format: "npm", into, strip: 1, limits, signal });
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    const why = `is neither a catalogue nor a package's tarball: ${describeError(cause)}`;
    throw new UserError("E_CATALOGUE", `${called} ${why}`);
  }
  for (const name of ["dist/catalogue.json", "catalogue.json"]) {
    const path = join(into, name);
    if (isThere(path)) return readCatalogueFile(path, `${name} of ${called}`).toString("utf8");
  }
  const why = "has neither dist/catalogue.json nor catalogue.json";
  throw new UserError("E_CATALOGUE", `the package ${called} ${why}`);
}

import { join } from "node:path";
import { parseHexDigest } from "../core/digest.ts";
import { reworded, UserError } from "../core/errors.ts";
import { parseStanzas } from "../core/locks/apt.ts";
import {
  type IndexedPackage,
  newestPackages,
  type Packages,
  parseIndex,
} from "../core/locks/deb-closure.ts";
import type { DebArch, DebArchive } from "../core/locks/deb-lock.ts";
import { onceFor } from "../core/once.ts";
import type { ArchiveFormat } from "../core/recipe.ts";
import { shownUrl } from "../core/shown-url.ts";
import { saidIn } from "../core/wording.ts";
import { readFile, writeFile } from "../io/disk.ts";
import type { AptConfig, DebianSource } from "../net/apt-config.ts";
import { isNetwork, isNotFound, isRefusal, nothingIf } from "../net/errors.ts";
import type { Http } from "../net/http.ts";
import { decompressed } from "../unpack/decompress.ts";
import { askGpgv } from "./gpgv.ts";

const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What reading indexes needs. */
export interface IndexContext {
  readonly http: Http;
  /** The machine's own apt. */
  readonly apt: () => Promise<AptConfig>;
  /** Absolute; for files in the meantime. */
  readonly dir: string;
  readonly clock: () => Date;
}

export interface LocatedPackage extends IndexedPackage {
  readonly archive: DebArchive;
}

/** A release with a verified signature, and its indexes. */
export interface DebRelease {
  /** Such as `bookworm`. */
  readonly codename: string;
  /** Fingerprints of the keys that have signed it. */
  readonly signers: readonly string[];
  packagesFor(arch: DebArch): Promise<Packages<LocatedPackage>>;
}

interface Suite {
  readonly source: DebianSource;
  readonly codename: string;
  readonly signers: readonly string[];
  /** Path below the suite to its digest and size. */
  readonly files: ReadonlyMap<string, { readonly sha256: string; readonly size: number }>;
}

/** Opens the machine's own release, or the named one; each is read once. */
export type OpenRelease = (name?: string) => Promise<DebRelease>;

export function releaseOpener(context: IndexContext): OpenRelease {
  const opened = new Map<string, Promise<DebRelease>>();
  return (name = "") => onceFor(opened, name, () => openRelease(context, name || undefined));
}

/**
 * Reads the first release in this machine's apt sources, or the named one from the same mirrors, with
 * its updates and security updates. A release that is not signed by a key of Debian's archive is
 * rejected, because locks are made from it.
 */
export async function openRelease(context: IndexContext, name?: string): Promise<DebRelease> {
  const apt = await context.apt();
  const sources = apt.sources.map((source) =>
    name === undefined ? source : { ...source, suite: source.suite.replace(/^[a-z]+/, name) },
  );
  if (sources.length === 0) {
    throw new UserError("E_DEBIAN_MIRROR", "apt has no Debian mirror here");
  }
  const suites = await readSuites(
    sources.filter(({ suite }) => !/-(backports|proposed-updates)$/.test(suite)),
    context,
  );
  const main = suites.find(({ source }) => source.archive === "debian");
  const { codename = "", signers = [] } = main ?? {};
  const own = suites.filter((suite) => suite.codename === codename);
  const read = new Map<DebArch, Promise<Packages<LocatedPackage>>>();
  return {
    codename,
    signers,
    packagesFor: (arch) =>
      onceFor(read, arch, async () =>
        newestPackages(await Promise.all(own.map((suite) => readIndex(suite, arch, context)))),
      ),
  };
}

/** Each suite once: the first of several mirrors that has it. */
async function readSuites(
  sources: readonly DebianSource[],
  context: IndexContext,
): Promise<Suite[]> {
  const suites = new Map<string, Suite>();
  const failed = new Map<string, unknown>();
  for (const [n, source] of sources.entries()) {
    const name = `${source.archive} ${source.suite}`;
    if (suites.has(name)) continue;
    try {
      suites.set(name, await readSuite(source, context, n));
    } catch (error) {
      if (!isNetwork(error)) throw error;
      failed.set(name, failed.get(name) ?? error);
    }
  }
  for (const [name, error] of failed) if (!suites.has(name)) throw error;
  return [...suites.values()];
}

/**
 * The signed text of a suite: a file that contains its signature, or one with a separate signature.
 */
async function readRelease(
  source: DebianSource,
  { http, apt, dir }: IndexContext,
  n: number,
): Promise<SignedText> {
  const fetchFile = async (name: string): Promise<string> => {
    const address = `${source.uri}/dists/${source.suite}/${name}`;
    const { url, ...rest } = (await apt()).requestFor(address);
    const file = join(dir, `${name}-${source.suite}-${n}`);
    const { text, url: from } = await http.text(url, rest);
    if (/^\s*</.test(text)) {
      throw new UserError("E_WEB_PAGE", `${shownUrl(from)} is a web page, not a release`);
    }
    await writeFile(file, text);
    return file;
  };
  const file = await fetchFile("InRelease").catch(nothingIf(isRefusal));
  if (file !== undefined) return await readSigned(file, source.signedBy);
  const release = await fetchFile("Release").catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    const what = `${shownUrl(source.uri)} has no release ${source.suite}`;
    throw reworded(error as UserError, what, {
      hint: "A release is named as on the mirrors of apt's sources: bookworm, trixie.",
    });
  });
  return await readSigned(release, source.signedBy, await fetchFile("Release.gpg"));
}

async function readSuite(source: DebianSource, context: IndexContext, n: number): Promise<Suite> {
  const { text, signers } = await readRelease(source, context, n);
  const [release] = parseStanzas(text);
  const until = Date.parse(release?.get("valid-until") ?? "");
  if (until < context.clock().getTime()) {
    const what = `${shownUrl(source.uri)} ${source.suite} was valid until ${release?.get("valid-until")}`;
    throw new UserError("E_DEBIAN_RELEASE", what, {
      hint: "The mirror is outdated. Use another mirror.",
    });
  }
  const lines = (release?.get("sha256") ?? "").split("\n").map((line) => line.split(/\s+/));
  const files = lines.flatMap(([sha256 = "", size = "", path = ""]) =>
    path === "" ? [] : [[path, { sha256, size: Number(size) }] as const],
  );
  const codename = (release?.get("codename") ?? "").replace(/-(updates|security)$/, "");
  return { source, codename, signers, files: new Map(files) };
}

/** A text that keys have signed. */
interface SignedText {
  readonly text: string;
  /** Fingerprints of the primary keys. */
  readonly signers: readonly string[];
}

/** The text that a key of Debian's archive has signed, verified by gpgv as in apt. */
async function readSigned(
  file: string,
  keyrings: readonly string[],
  signature?: string,
): Promise<SignedText> {
  const output = `${file}.signed`;
  const what = signature === undefined ? ["--output", output, file] : [signature, file];
  const { status, stderr } = await askGpgv(keyrings.length > 0 ? keyrings : [defaultKeyring], what);
  // One good signature by a key in the keyring is enough, because newer keys may be unknown here.
  // No bad one is accepted.
  const signers = [...status.matchAll(/^\[GNUPG:\] VALIDSIG .*?(\S+)$/gm)].map(
    ([, key = ""]) => key,
  );
  if (signers.length > 0 && !/^\[GNUPG:\] (BADSIG|ERRSIG \S+ \S+ \S+ \S+ \S+ 4)/m.test(status)) {
    return { text: await readFile(signature === undefined ? output : file, "utf8"), signers };
  }
  const said = saidIn(stderr, 0, 3);
  throw new UserError("E_DEBIAN_RELEASE", `the release is not signed by a Debian key: ${said}`);
}

async function readIndex(
  { source, files }: Suite,
  arch: DebArch,
  { http, apt, dir }: IndexContext,
): Promise<LocatedPackage[]> {
  const name = `main/binary-${arch}/Packages`;
  const listed = packings.filter(([suffix]) => files.has(name + suffix));
  let failure: unknown = new UserError(
    "E_DEBIAN_MIRROR",
    `${shownUrl(source.uri)} ${source.suite} has no ${name}`,
  );
  for (const [suffix, format] of listed) {
    const { sha256 = "", size = 0 } = files.get(name + suffix) ?? {};
    const digest = parseHexDigest("sha256", sha256);
    if (!digest) continue;
    const address = `${source.uri}/dists/${source.suite}/${name}${suffix}`;
    const file = join(dir, `Packages-${source.archive}-${source.suite}-${arch}`);
    try {
      await http.download({ ...(await apt()).requestFor(address), file, digest, size });
      return await parseFile(file, format, source);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Mirrors have some of the files that a release lists; the smallest is tried first. */
const packings: readonly (readonly [suffix: string, format: ArchiveFormat])[] = [
  [".xz", "tar.xz"],
  [".zst", "tar.zst"],
  [".bz2", "tar.bz2"],
  [".gz", "tar.gz"],
  ["", "tar"],
];

async function parseFile(
  file: string,
  format: ArchiveFormat,
  { archive }: DebianSource,
): Promise<LocatedPackage[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of decompressed(file, format)) chunks.push(Buffer.from(chunk));
  return parseIndex(Buffer.concat(chunks).toString("utf8")).map((one) => ({ ...one, archive }));
}

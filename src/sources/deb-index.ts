import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseStanzas } from "../core/apt.ts";
import {
  type IndexedPackage,
  newestPackages,
  type Packages,
  parseIndex,
} from "../core/deb-closure.ts";
import type { DebArch, DebArchive } from "../core/deb-lock.ts";
import { parseHexDigest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { run } from "../io/exec.ts";
import type { AptConfig, DebianSource } from "../net/apt-config.ts";
import type { Http } from "../net/http.ts";
import { decompressed } from "../unpack/decompress.ts";

const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

export interface IndexContext {
  readonly http: Http;
  readonly apt: AptConfig;
  /** Absolute; a directory for files of this run. */
  readonly dir: string;
  readonly clock: () => Date;
}

export interface LocatedPackage extends IndexedPackage {
  readonly archive: DebArchive;
}

/** A release whose signature was verified, and its indexes. */
export interface DebRelease {
  /** Such as `bookworm`. */
  readonly codename: string;
  packagesFor(arch: DebArch): Promise<Packages<LocatedPackage>>;
}

interface Suite {
  readonly source: DebianSource;
  readonly codename: string;
  /** Path below the suite to its digest and size. */
  readonly files: ReadonlyMap<string, { readonly sha256: string; readonly size: number }>;
}

/**
 * Reads the release that the machine's apt names first, with its updates and security updates. What is
 * not signed by a key of Debian's archive is refused: a lock is only as good as what it is made from.
 */
export async function openRelease(context: IndexContext): Promise<DebRelease> {
  const { sources } = context.apt;
  if (sources.length === 0) {
    throw new UserError("config", "apt names no mirror of Debian here", {
      hint: "Make locks in a container of Debian, or with a sources.list that names a mirror (APT_CONFIG).",
    });
  }
  const suites: Suite[] = [];
  for (const source of sources.filter(
    ({ suite }) => !/-(backports|proposed-updates)$/.test(suite),
  )) {
    suites.push(await readSuite(source, context, suites.length));
  }
  const codename = suites.find(({ source }) => source.archive === "debian")?.codename ?? "";
  const own = suites.filter((suite) => suite.codename === codename);
  const read = new Map<DebArch, Promise<Packages<LocatedPackage>>>();
  return {
    codename,
    packagesFor(arch) {
      const lists = () => Promise.all(own.map((suite) => readIndex(suite, arch, context)));
      const found = read.get(arch) ?? lists().then(newestPackages);
      read.set(arch, found);
      return found;
    },
  };
}

async function readSuite(source: DebianSource, context: IndexContext, n: number): Promise<Suite> {
  const address = `${source.uri}/dists/${source.suite}/InRelease`;
  const { url, ...rest } = context.apt.requestFor(address);
  const file = join(context.dir, `InRelease-${n}`);
  await writeFile(file, (await context.http.text(url, rest)).text);
  const text = await readSigned(file, source.signedBy);
  const [release] = parseStanzas(text);
  const until = Date.parse(release?.get("valid-until") ?? "");
  if (until < context.clock().getTime()) {
    throw new UserError("integrity", `${url} was valid until ${release?.get("valid-until")}`, {
      hint: "The mirror is behind, or somebody keeps updates back. Use another mirror.",
    });
  }
  const lines = (release?.get("sha256") ?? "").split("\n").map((line) => line.split(/\s+/));
  const files = lines.flatMap(([sha256 = "", size = "", path = ""]) =>
    path === "" ? [] : [[path, { sha256, size: Number(size) }] as const],
  );
  const codename = (release?.get("codename") ?? "").replace(/-(updates|security)$/, "");
  return { source, codename, files: new Map(files) };
}

/** The text that a key of Debian's archive has signed; gpgv is what apt itself asks. */
async function readSigned(file: string, keyrings: readonly string[]): Promise<string> {
  const output = `${file}.signed`;
  const keys = (keyrings.length > 0 ? keyrings : [defaultKeyring]).flatMap((k) => ["--keyring", k]);
  const command = ["gpgv", "--status-fd", "1", ...keys, "--output", output, file] as const;
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C" };
  const { stdout, stderr } = await run(
    { argv: command, env, cwd: "/", timeout: 60_000 },
    (cause) =>
      new UserError("unmet", "cannot run gpgv, which verifies Debian's signatures", {
        cause,
        hint: "Make locks on a machine that has the packages gpgv and debian-archive-keyring.",
      }),
  );
  // One good signature of a key in the keyring is enough; newer keys may be unknown here. No bad one.
  const good = /^\[GNUPG:\] VALIDSIG /m.test(stdout);
  if (good && !/^\[GNUPG:\] (BADSIG|ERRSIG \S+ \S+ \S+ \S+ \S+ 4)/m.test(stdout)) {
    return await readFile(output, "utf8");
  }
  const said = stderr.trim().split("\n").slice(0, 3).join(" | ");
  throw new UserError("integrity", `the release is not signed by a key of Debian: ${said}`, {
    hint: "Look at the mirror that apt's sources name, and at the keyring in their Signed-By.",
  });
}

async function readIndex(
  { source, files }: Suite,
  arch: DebArch,
  { http, apt, dir }: IndexContext,
): Promise<LocatedPackage[]> {
  const path = `main/binary-${arch}/Packages.xz`;
  const listed = files.get(path);
  const digest = parseHexDigest("sha256", listed?.sha256 ?? "");
  const address = `${source.uri}/dists/${source.suite}/${path}`;
  if (!listed || !digest)
    throw new UserError("config", `${source.uri} ${source.suite} has no ${path}`);
  const file = join(dir, `Packages-${source.suite}-${arch}`);
  await http.download({ ...apt.requestFor(address), file, digest, size: listed.size });
  const chunks: Buffer[] = [];
  for await (const chunk of decompressed(file, "tar.xz")) chunks.push(chunk);
  const { archive } = source;
  return parseIndex(Buffer.concat(chunks).toString("utf8")).map((one) => ({ ...one, archive }));
}

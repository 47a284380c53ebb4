import pLimit from "p-limit";
import { compareDebVersions } from "../core/deb-version.ts";
import { UserError } from "../core/errors.ts";
import { type DebArch, type DebLock, debArchOf } from "../core/locks/deb-lock.ts";
import { parseWheelName } from "../core/locks/wheel-tags.ts";
import { onceFor } from "../core/once.ts";
import type { DebianPackage } from "../core/recipe.ts";
import type { PlacedSource } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { trimmed } from "../core/values.ts";
import { compareVersions } from "../core/versions.ts";
import { orNothing } from "../io/files.ts";
import { goSaid } from "../sources/go/build.ts";
import { listFiles } from "../sources/python/index.ts";
import type { DraftContext } from "./draft-context.ts";
import { gitTags } from "./git-tags.ts";
import { withOwnGo } from "./lock-go.ts";
import { viewPackage } from "./npm-command.ts";

/** Where the versions of a source are listed: `npm:@openai/codex`, `github.com/cli/cli`. */
export interface Origin {
  readonly kind: "npm" | "pypi" | "go" | "deb" | "git" | "page";
  /** Of a package, of a repository without `https://`, or a page's URL. */
  readonly name: string;
  /** What the source says instead of a version: `v1.2.3`, `0.169.0-linux-x64`; absent if it is not known. */
  readonly tag?: string;
  /** Of a Debian package, which can have another version on each. */
  readonly arch?: DebArch | undefined;
  /** Of a Debian package: the release, if it is not that of this machine. */
  readonly release?: string | undefined;
}

/** What an origin lists. */
interface Listed {
  /** All versions, in the origin's own words; of a Debian package the release's. */
  readonly versions: readonly string[];
  /** What a person should know of it. */
  readonly note?: string;
}

/** Asks origins for their versions. Both throw a UserError if one cannot be asked. */
export interface Versions {
  of(origin: Origin): Promise<Listed>;
  /** How many packages of a lock of Debian packages have a newer version in the release. */
  newerThan(lock: DebLock, release: string | undefined): Promise<number>;
}

/** The origin of a source; undefined where nothing lists its versions. */
export function originOf({ key, source }: PlacedSource, release?: string): Origin | undefined {
  if (source.version !== undefined) return undefined; // an older one, which stays
  const { npm, pypi, go, deb, url } = source;
  for (const [kind, text] of Object.entries({ npm, pypi, go, deb }) as [
    Origin["kind"],
    string?,
  ][]) {
    if (text === undefined) continue;
    const { name, version } = splitPackage(text);
    return { kind, name, tag: version, ...(kind === "deb" && { arch: debArchOf(key), release }) };
  }
  const [, name, tag] =
    /^https:\/\/(github\.com\/[^/]+\/[^/]+)\/releases\/download\/([^/]+)\//.exec(url ?? "") ?? [];
  return name && tag ? { kind: "git", name, tag: decodeURIComponent(tag) } : undefined;
}

/** The origin that a recipe's `versions` names: `git+https://github.com/helm/helm`, or a page. */
export function namedOrigin(versions: string): Origin {
  const repository = /^git\+https:\/\/(.+?)(?:\.git)?\/*$/.exec(versions)?.[1];
  return repository ? { kind: "git", name: repository } : { kind: "page", name: versions };
}

/** In one word, for people: without a password. */
export function nameOfOrigin({ kind, name }: Origin): string {
  if (kind === "page") return name.replace(/^https:\/\/([^/@]*@)?|\?.*$/g, "");
  return kind === "git" ? name.replace(/^[^/@]*@/, "") : `${kind}:${name}`;
}

/** Each origin is asked once, a few of a kind at a time. */
export function openVersions(draft: DraftContext): Versions {
  const askers = askersOf(draft);
  const asked = new Map<string, Promise<Listed>>();
  const limits = new Map<Origin["kind"], ReturnType<typeof pLimit>>();
  return {
    of(origin) {
      const { kind, name, arch = "amd64", release } = origin;
      const limit = onceFor(limits, kind, () => pLimit(2));
      const id = `${kind} ${name} ${arch} ${release}`; // of a page the query counts, too
      return onceFor(asked, id, () => limit(() => askers[kind](origin)));
    },
    async newerThan({ packages }, release) {
      const { packagesFor } = await draft.release(release);
      const stale = Object.entries(packages).map(async ([arch, list]) => {
        const { byName } = await packagesFor(arch as DebArch);
        const isStale = ({ name, version }: DebianPackage): boolean =>
          compareDebVersions(byName.get(name)?.version ?? version, version) > 0;
        return list.filter(isStale).map(({ name }) => name);
      });
      return new Set((await Promise.all(stale)).flat()).size;
    },
  };
}

type Asker = (origin: Origin) => Promise<Listed>;

function askersOf(draft: DraftContext): Readonly<Record<Origin["kind"], Asker>> {
  const tagsOf = tagLister(draft);
  return {
    npm: ({ name }) => npmVersions(name, draft),
    pypi: async ({ name }) => ({ versions: await pypiVersions(name, draft) }),
    go: async ({ name }) => ({ versions: await goVersions(name, draft) }),
    git: async ({ name }) => ({ versions: await tagsOf(name) }),
    page: async ({ name: url }) => ({ versions: await pageVersions(url, draft) }),
    async deb({ name, arch = "amd64", release }) {
      const { packagesFor } = await draft.release(release);
      const found = (await packagesFor(arch)).byName.get(name);
      return { versions: found ? [found.version] : [] };
    },
  };
}

/** Lists the tags of repositories; a host that cannot be reached is asked only once. */
function tagLister(draft: DraftContext): (name: string) => Promise<readonly string[]> {
  const dead = new Map<string, UserError>();
  return async (name) => {
    const [host = ""] = name.split("/");
    const known = dead.get(host);
    if (known) throw known;
    return await gitTags(name, draft).catch((error: unknown) => {
      if (error instanceof UserError && error.shared) dead.set(host, error);
      throw error;
    });
  };
}

/** Up to the one that the registry calls the latest: later ones are for who asks for them. */
async function npmVersions(name: string, draft: DraftContext): Promise<Listed> {
  const { versions = [], "dist-tags": tags, deprecated } = await viewPackage(name, draft);
  const { latest } = tags ?? {};
  const all = [versions].flat();
  const why = trimmed(deprecated)?.slice(0, 200);
  return {
    versions: latest === undefined ? all : all.filter((each) => compareVersions(each, latest) <= 0),
    ...(why && { note: `npm:${name} is deprecated: ${why}` }),
  };
}

async function pypiVersions(name: string, draft: DraftContext): Promise<readonly string[]> {
  const { http } = draft;
  const files = await listFiles(name, { http, pip: await draft.pip() });
  const offered = files.filter(({ isYanked }) => !isYanked);
  return [...new Set(offered.flatMap((file) => parseWheelName(file.name)?.version ?? []))];
}

/** Those of the module proxy, which needs go; a module without versions has none. */
async function goVersions(module: string, draft: DraftContext): Promise<readonly string[]> {
  return await withOwnGo(draft, async (ask) => {
    const { stdout, stderr } = await ask(["list", "-m", "-json", "-versions", `${module}@latest`]);
    const found = orNothing(() => JSON.parse(stdout)) as { Versions?: string[] } | undefined;
    if (found) return found.Versions ?? [];
    const why = goSaid(stderr.trim().split("\n")[0] ?? "");
    throw new UserError("E_GO_MODULE", `the versions of ${module} cannot be listed: ${why}`);
  });
}

/**
 * The versions that a page names, such as a file with only the newest one or a list of downloads. Throws the
 * UserErrors of a download.
 */
async function pageVersions(
  url: string,
  { http, signal }: DraftContext,
): Promise<readonly string[]> {
  const { text } = await http.text(url, { isPrivate: true, signal });
  return versionsIn(text);
}

/** All of a text, each once: `1.98.4` of `tailscale_1.98.4_amd64.tgz`, `1.2.0-rc.1` of `v1.2.0-rc.1`. */
export function versionsIn(text: string): string[] {
  const found = text.matchAll(/(?<![0-9A-Za-z.])v?(\d+(?:\.\d+)+(?:-[0-9A-Za-z.]+)?)/g);
  return [...new Set([...found].map(([, version = ""]) => version))];
}

import pLimit from "p-limit";
import { compareDebVersions } from "../core/deb-version.ts";
import { UserError } from "../core/errors.ts";
import { type DebArch, type DebLock, debArchOf } from "../core/locks/deb-lock.ts";
import { parseWheelName } from "../core/locks/wheel-tags.ts";
import type { DebianPackage } from "../core/recipe.ts";
import type { PlacedSource } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { trimmed } from "../core/values.ts";
import { compareVersions } from "../core/versions.ts";
import { orNothing } from "../io/files.ts";
import { listFiles } from "../sources/python/index.ts";
import type { DraftContext } from "./draft-context.ts";
import { gitTags } from "./git-tags.ts";
import { withOwnGo } from "./lock-go.ts";
import { viewPackage } from "./npm-command.ts";
import { pageVersions } from "./versions-page.ts";

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

/** In one word, for people. */
export function nameOfOrigin({ kind, name }: Origin): string {
  if (kind === "page") return name.replace(/^https:\/\/|\?.*$/g, "");
  return kind === "git" ? name : `${kind}:${name}`;
}

/** Each origin is asked once, a few at a time; a host of repositories that cannot be reached only once. */
export function openVersions(draft: DraftContext): Versions {
  const asked = new Map<string, Promise<Listed>>();
  const limits = new Map<string, ReturnType<typeof pLimit>>();
  const dead = new Map<string, UserError>();
  const askHost = async (name: string, ask: () => Promise<readonly string[]>) => {
    const [host = ""] = name.split("/");
    const known = dead.get(host);
    if (known) throw known;
    return await ask().catch((error: unknown) => {
      if (error instanceof UserError && error.shared) dead.set(host, error);
      throw error;
    });
  };
  const inRelease = async (
    name: string,
    arch: DebArch,
    release: string | undefined,
  ): Promise<string | undefined> =>
    (await (await draft.release(release)).packagesFor(arch)).byName.get(name)?.version;
  const askers: Readonly<
    Record<Origin["kind"], (name: string, origin: Origin) => Promise<Listed>>
  > = {
    npm: (name) => npmVersions(name, draft),
    pypi: async (name) => ({ versions: await pypiVersions(name, draft) }),
    go: async (name) => ({ versions: await goVersions(name, draft) }),
    git: async (name) => ({ versions: await askHost(name, () => gitTags(name, draft)) }),
    page: async (url) => ({ versions: await pageVersions(url, draft) }),
    async deb(name, { arch = "amd64", release }) {
      const version = await inRelease(name, arch, release);
      return { versions: version === undefined ? [] : [version] };
    },
  };
  return {
    of(origin) {
      const { kind, name, arch = "amd64", release } = origin;
      const id = `${nameOfOrigin(origin)} ${arch} ${release}`;
      const limit = limits.get(kind) ?? pLimit(2);
      limits.set(kind, limit);
      const answer = asked.get(id) ?? limit(() => askers[kind](name, origin));
      asked.set(id, answer);
      return answer;
    },
    async newerThan({ packages }, release) {
      const stale = await Promise.all(
        (Object.entries(packages) as [DebArch, readonly DebianPackage[]][]).flatMap(
          ([arch, list]) =>
            list.map(async ({ name, version }) => {
              const now = await inRelease(name, arch, release);
              return now !== undefined && compareDebVersions(now, version) > 0 ? [name] : [];
            }),
        ),
      );
      return new Set(stale.flat()).size;
    },
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
async function goVersions(module: string, { env }: DraftContext): Promise<readonly string[]> {
  return await withOwnGo(env, async (ask) => {
    const { stdout, stderr } = await ask(["list", "-m", "-json", "-versions", `${module}@latest`]);
    const found = orNothing(() => JSON.parse(stdout)) as { Versions?: string[] } | undefined;
    if (found) return found.Versions ?? [];
    const why = stderr.trim().split("\n")[0] ?? "";
    throw new UserError("E_GO_MODULE", `the versions of ${module} cannot be listed: ${why}`);
  });
}

import pLimit from "p-limit";
import { compareDebVersions } from "../core/deb-version.ts";
import { UserError } from "../core/errors.ts";
import { type DebArch, type DebLock, debArchOf } from "../core/locks/deb-lock.ts";
import { parseWheelName } from "../core/locks/wheel-tags.ts";
import { once } from "../core/once.ts";
import type { DebianPackage } from "../core/recipe.ts";
import type { PlacedSource } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { compareVersions } from "../core/versions.ts";
import { run } from "../io/exec.ts";
import { orNothing } from "../io/files.ts";
import { findOnPath } from "../io/on-path.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { listFiles } from "../sources/python/index.ts";
import { openRelease } from "./deb-index.ts";
import type { DraftContext } from "./draft.ts";
import { withOwnGo } from "./lock-go.ts";
import { readIndexes } from "./lock-pypi.ts";
import { viewPackage } from "./npm-command.ts";

/** Where the versions of a source are listed: `npm:@openai/codex`, `github.com/cli/cli`. */
export interface Origin {
  readonly kind: "npm" | "pypi" | "go" | "deb" | "git";
  readonly name: string;
  /** What the source says instead of a version: `v1.2.3`, `0.169.0-linux-x64`. */
  readonly tag: string;
  /** Of a Debian package, which can have another version on each. */
  readonly arch?: DebArch | undefined;
}

/** Asks origins for their versions. Both throw a UserError if one cannot be asked. */
export interface Versions {
  /** All versions, in the origin's own words; of a Debian package the release's. */
  of(origin: Origin): Promise<readonly string[]>;
  /** How many packages of a lock of Debian packages have a newer version in the release. */
  newerThan(lock: DebLock): Promise<number>;
}

/** The origin of a source; undefined where nothing lists its versions. */
export function originOf({ key, source }: PlacedSource): Origin | undefined {
  const { npm, pypi, go, deb, url } = source;
  for (const [kind, text] of Object.entries({ npm, pypi, go, deb }) as [
    Origin["kind"],
    string?,
  ][]) {
    if (text === undefined) continue;
    const { name, version } = splitPackage(text);
    return { kind, name, tag: version, ...(kind === "deb" && { arch: debArchOf(key) }) };
  }
  const [, name, tag] =
    /^https:\/\/(github\.com\/[^/]+\/[^/]+)\/releases\/download\/([^/]+)\//.exec(url ?? "") ?? [];
  return name && tag ? { kind: "git", name, tag: decodeURIComponent(tag) } : undefined;
}

/** In one word, for people. */
export const nameOfOrigin = ({ kind, name }: Origin): string =>
  kind === "git" ? name : `${kind}:${name}`;

/** Each origin is asked once; those of one host a few at a time. */
export function openVersions(draft: DraftContext): Versions {
  const asked = new Map<string, Promise<readonly string[]>>();
  const limits = new Map<string, ReturnType<typeof pLimit>>();
  const release = once(async () => openRelease({ ...draft, apt: await readAptConfig(draft.env) }));
  const inRelease = async (name: string, arch: DebArch): Promise<string | undefined> =>
    (await (await release()).packagesFor(arch)).byName.get(name)?.version;
  const askers: Readonly<
    Record<Origin["kind"], (name: string, arch: DebArch) => Promise<readonly string[]>>
  > = {
    npm: (name) => npmVersions(name, draft),
    pypi: async (name) => pypiVersions(name, draft),
    go: (name) => goVersions(name, draft),
    git: (name) => gitTags(name, draft),
    async deb(name, arch) {
      const version = await inRelease(name, arch);
      return version === undefined ? [] : [version];
    },
  };
  return {
    of(origin) {
      const { kind, name, arch = "amd64" } = origin;
      const id = `${nameOfOrigin(origin)} ${arch}`;
      const limit = limits.get(kind) ?? pLimit(2);
      limits.set(kind, limit);
      const answer = asked.get(id) ?? limit(() => askers[kind](name, arch));
      asked.set(id, answer);
      return answer;
    },
    async newerThan({ packages }) {
      const stale = await Promise.all(
        (Object.entries(packages) as [DebArch, readonly DebianPackage[]][]).flatMap(
          ([arch, list]) =>
            list.map(async ({ name, version }) => {
              const now = await inRelease(name, arch);
              return now !== undefined && compareDebVersions(now, version) > 0 ? [name] : [];
            }),
        ),
      );
      return new Set(stale.flat()).size;
    },
  };
}

/** Up to the one that the registry calls the latest: later ones are for who asks for them. */
async function npmVersions(name: string, draft: DraftContext): Promise<readonly string[]> {
  const { versions = [], "dist-tags": tags } = await viewPackage(name, draft);
  const { latest } = tags ?? {};
  const all = [versions].flat();
  return latest === undefined ? all : all.filter((each) => compareVersions(each, latest) <= 0);
}

async function pypiVersions(name: string, draft: DraftContext): Promise<readonly string[]> {
  const { http } = draft;
  const files = await listFiles(name, { http, pip: await readIndexes(draft) });
  return [...new Set(files.flatMap((file) => parseWheelName(file.name)?.version ?? []))];
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

/** The tags of a repository by git, which has its own settings for proxies, mirrors and tokens. */
async function gitTags(name: string, { env, offline }: DraftContext): Promise<readonly string[]> {
  const address = `https://${name}`;
  const git = findOnPath(["git"], env.PATH ?? "", "/nonexistent").get("git");
  if (git === undefined || offline) {
    const why = git === undefined ? "git is not on PATH" : "this run is offline";
    throw new UserError("E_AUTHOR_PROGRAM", `the tags of ${name} cannot be listed: ${why}`);
  }
  const given = Object.entries(env).flatMap(([key, value]) => (value ? [[key, value]] : []));
  const { status, stdout, stderr } = await run({
    argv: [git, "ls-remote", "--tags", "--refs", "--", address],
    env: { ...Object.fromEntries(given), GIT_TERMINAL_PROMPT: "0" },
    cwd: "/",
    timeout: 60_000,
    maxOutput: 16 * 1024 ** 2,
  });
  if (status === 0) return stdout.split("\n").flatMap((line) => line.split("refs/tags/")[1] ?? []);
  const why = stderr.trim().split("\n").at(-1) ?? "";
  throw new UserError("E_AUTHOR_PROGRAM", `the tags of ${name} cannot be listed: ${why}`);
}

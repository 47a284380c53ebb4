import { UserError } from "../core/errors.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import { asFields } from "../core/values.ts";
import type { Asked } from "./ask-origins.ts";
import type { DraftContext } from "./draft-context.ts";
import { atVersion } from "./draft-version.ts";
import { viewPackage } from "./npm-command.ts";
import { namedOrigin, type Origin, originOf } from "./versions.ts";

/** A page that says what is new: the release, else all releases, else Debian's page or the project's. */
export async function changelogOf(asked: Asked, draft: DraftContext): Promise<string | undefined> {
  const { document, newest } = asked;
  const { version, versions, homepage = "" } = document;
  const sources = placedSources(document);
  const named = versions === undefined ? [] : [namedOrigin(versions)];
  const origins = [...sources.flatMap((placed) => originOf(placed) ?? []), ...named];
  if (newest.version === version && newest.deb === undefined) {
    const deb = origins.find(({ kind }) => kind === "deb");
    return deb ? debianPage(deb) : homepage || undefined;
  }
  const release = origins.flatMap(
    (origin) => releasePage(origin, version, newest.version) ?? [],
  )[0];
  if (release !== undefined) return release;
  const npm = sources.flatMap(({ source }) => source.npm ?? [])[0];
  const repository = npm === undefined ? undefined : await repositoryOf(npm, draft);
  const home = [repository, homepage].flatMap((address) => onGithub(address) ?? [])[0];
  if (home !== undefined) return `${home}/releases`;
  const deb = origins.find(({ kind }) => kind === "deb");
  return homepage || (deb && debianPage(deb));
}

/** Of a version with a tag in a repository, or of a module, whose tags are its versions. */
function releasePage({ kind, name, tag }: Origin, from: string, to: string): string | undefined {
  const home = kind === "git" || kind === "go" ? onGithub(`https://${name}`) : undefined;
  if (home === undefined) return undefined;
  return tag === undefined
    ? `${home}/releases`
    : `${home}/releases/tag/${atVersion(tag, from, to)}`;
}

const debianPage = ({ name }: Origin): string => `https://tracker.debian.org/pkg/${name}`;

/** The repository's own page. */
function onGithub(address: string | undefined): string | undefined {
  return /(?:^|[/@])(github\.com[/:][\w.-]+\/[\w.-]+?)(?:\.git)?(?:[/#].*)?$/
    .exec(address ?? "")?.[1]
    ?.replace(":", "/")
    .replace(/^/, "https://");
}

/** That a package names, without asking for more than its newest version. */
async function repositoryOf(npm: string, draft: DraftContext): Promise<string | undefined> {
  try {
    const { repository } = await viewPackage(splitPackage(npm).name, draft);
    const url = asFields(repository)?.url ?? repository;
    return typeof url === "string" ? url : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

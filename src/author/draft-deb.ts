import { upstreamVersion } from "../core/deb-version.ts";
import { UserError } from "../core/errors.ts";
import type { DebArch } from "../core/locks/deb-lock.ts";
import type { PlatformKey } from "../core/platform.ts";
import { debNameRule, debReleaseRule } from "../core/recipes/rules.ts";
import type { RecipeDocument, RecipeSource } from "../core/recipes/schema.ts";
import { listDebPrograms } from "./deb-programs.ts";
import { parseDebWanted } from "./deb-wanted.ts";
import { chooseBins, type DraftWish, toolName } from "./draft.ts";
import { type DraftContext, today } from "./draft-context.ts";
import { debLocker, toLocked } from "./lock-deb.ts";
import { type Draft, describeTool, renderDraft, versionTest } from "./recipe-text.ts";
import { workDirIn } from "./release-program.ts";

const arches = [
  ["amd64", "linux-x64"],
  ["arm64", "linux-arm64"],
] as const satisfies readonly (readonly [DebArch, PlatformKey])[];

const metaHint = "The programs of a meta package are in the packages that it depends on.";

/**
 * The draft of a recipe from a package of the release in this machine's apt sources, or of another one:
 * `glab/trixie`, as apt has it.
 */
export async function draftFromDeb(
  from: string,
  wish: DraftWish,
  context: DraftContext,
): Promise<Draft> {
  const [name = "", other, ...more] = from.split("/");
  const wrong = debNameRule(name) ?? (other === undefined ? undefined : debReleaseRule(other));
  if (wrong !== undefined || more.length > 0) {
    throw new UserError("E_DRAFT_SOURCE", `deb:${from} ${wrong ?? "has more than a release"}`, {
      hint: "Give deb:NAME, or deb:NAME/RELEASE as in deb:glab/trixie.",
    });
  }
  const tool = toolName(wish, name, name);
  const release = await context.release(other);
  const lock = `${tool}.deb.lock.json`;
  const artifacts: Partial<Record<PlatformKey, RecipeSource>> = {};
  for (const [arch, key] of arches) {
    const found = (await release.packagesFor(arch)).byName.get(name);
    if (found) artifacts[key] = { deb: `${name}@${found.version}`, lock };
  }
  const packages = await release.packagesFor("amd64");
  const found = packages.byName.get(name);
  if (!found) {
    throw new UserError("E_DEBIAN_PACKAGE", `${release.codename} has no package ${name}`);
  }
  const day = today(context).replaceAll("-", "");
  const dir = await workDirIn(context.dir, "package");
  const looked = await listDebPrograms(toLocked(packages, name), `${day}T000000Z`, {
    ...context,
    dir,
  });
  const bins = chooseBins(looked.bins, wish.bins, name, metaHint);
  const document: RecipeDocument = {
    name: tool,
    ...describeTool({ ...found, license: spdx(looked.license) }),
    version: upstreamVersion(found.version),
    ...(other !== undefined && { release: other }),
    provenance: `Debian's signed index (${release.codename} with updates and security); every package fetched and checked once`,
    bins,
    test: versionTest(bins),
    artifacts,
  };
  const lockDebian = debLocker({ ...context, dir: await workDirIn(context.dir, "lock") });
  return { document, locks: { [lock]: await lockDebian(parseDebWanted(renderDraft(document))) } };
}

/** Debian's names equal SPDX's, except these. */
function spdx(license: string | undefined): string | undefined {
  const plain = license
    ?.replace(/\bExpat\b/g, "MIT")
    .replaceAll(" or ", " OR ")
    .replaceAll(" and ", " AND ");
  return plain?.replace(
    /\b((?:L|A)?GPL-[\d.]+)(\+)?(?=[\s),]|$)/g,
    (_, name: string, later?: string) => {
      const full = /\.\d/.test(name) ? name : `${name}.0`;
      return `${full}-${later ? "or-later" : "only"}`;
    },
  );
}

import { titleOfSet } from "../library-set.ts";
import { normalName } from "../locks/wheel-tags.ts";
import type { Manifest } from "../manifest.ts";
import type { Platform } from "../platform.ts";
import type { Recipe } from "../recipe.ts";
import { downloadSize } from "./artifact.ts";
import { skillsThatAsk } from "./required-by.ts";

/** A package of a library set, as it is pinned. */
export interface NamedPackage {
  readonly name: string;
  readonly version: string;
  /** The set's tool. */
  readonly tool: string;
  /** `Python 3.11 packages of mail`. */
  readonly set: string;
  /** Skills in view that have the set; if there are none, the one that it was pinned for. */
  readonly skills: readonly string[];
  /** What declares the set: `requirements.txt (requests, rich)`. */
  readonly declared: string;
  /** True if the declaration names the package; false if another package needs it. */
  readonly isDirect: boolean;
  /** The wheel's file name on the index, or `npm:NAME@VERSION`. */
  readonly from: string;
  /** Of the download (bytes), where the pins say it. */
  readonly size?: number;
  /** Of a Node package, relative to the volume. */
  readonly dir?: string;
  readonly installed: boolean;
}

interface Known {
  readonly manifest: Pick<Manifest, "tools" | "skills">;
  readonly platform: Platform;
}

/** The packages of this name (in any spelling of PEP 503) in these recipes of library sets. */
export function packagesNamed(
  name: string,
  recipes: Iterable<Recipe>,
  known: Known,
): NamedPackage[] {
  return [...recipes].flatMap((recipe) => inSet(name, recipe, known));
}

function inSet(name: string, recipe: Recipe, { manifest, platform }: Known): NamedPackage[] {
  const { name: tool, declared, libraries } = recipe;
  if (!declared || !libraries) return [];
  const record = manifest.tools[tool];
  const asking = record ? skillsThatAsk(record, manifest.skills) : [];
  const skills = asking.length > 0 ? asking : [declared.by];
  const of = (spelled: string) => ({
    ...{ tool, set: titleOfSet(tool, skills), skills, declared: declared.from },
    ...{ isDirect: libraries.names.includes(spelled), installed: record !== undefined },
  });
  const [artifact] = recipe.artifacts.any ?? [];
  if (artifact?.kind === "python-libraries") {
    const wheels = artifact.wheels.filter((wheel) => wheel.name === normalName(name));
    const size = downloadSize({ ...artifact, wheels }, platform, undefined);
    return wheels.slice(0, 1).map(({ name: spelled, version, file }) => {
      return { name: spelled, version, from: file, ...(size ? { size } : {}), ...of(spelled) };
    });
  }
  if (artifact?.kind !== "node-libraries") return [];
  const packages = artifact.packages.filter((each) => each.name === name);
  return packages.map(({ name: spelled, version, path }) => {
    const dir = record && `${record.dir}/${path}`;
    const from = `npm:${spelled}@${version}`;
    return { name: spelled, version, from, ...(dir ? { dir } : {}), ...of(spelled) };
  });
}

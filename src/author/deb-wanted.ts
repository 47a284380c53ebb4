import { parse } from "yaml";
import { UserError } from "../core/errors.ts";
import { type DebArch, debArchOf } from "../core/locks/deb-lock.ts";
import { fieldOf, placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";

/** The packages that a recipe needs from Debian: the input of a lock. */
export interface DebWanted {
  /** The lock's file name, beside the recipe. */
  readonly lock: string;
  readonly name: string;
  /**
   * As in the recipe: a package that was rebuilt for one architecture has another version there.
   */
  readonly versions: Readonly<Partial<Record<DebArch, string>>>;
  /** Additional packages. */
  readonly data: readonly string[];
  /** Debian's name of the release, if it is not that of this machine. */
  readonly release?: string | undefined;
}

/** Reads it from a recipe's text; the lock may be missing. Throws a UserError (`recipe`). */
export function parseDebWanted(text: string): DebWanted {
  const document: unknown = parse(text);
  const sources = placedSources(document).filter(({ source }) => source.deb !== undefined);
  const [first] = sources;
  const { deb, lock } = first?.source ?? {};
  if (deb === undefined || lock === undefined) {
    throw new UserError("E_LOCK_SOURCE", "has no source with deb and lock", {
      hint: "Write deb: PACKAGE@VERSION and lock: NAME.deb.lock.json below a platform of artifacts.",
    });
  }
  const { name } = splitPackage(deb);
  const versions: Partial<Record<DebArch, string>> = {};
  for (const { key, source } of sources) {
    const other = splitPackage(source.deb ?? "");
    const arch = debArchOf(key);
    if (arch !== undefined) versions[arch] = other.version;
    if (other.name === name && source.lock === lock) continue;
    throw new UserError(
      "E_LOCK_SOURCE",
      `has deb ${name} and ${other.name}; only one can be locked`,
    );
  }
  const [data = [], release] = [fieldOf(document, "data"), fieldOf(document, "release")];
  return { lock, name, versions, data, release };
}

import spdxCorrect from "spdx-correct";
import parseLicense from "spdx-expression-parse";
import { orNothing } from "../core/or-nothing.ts";
import type { RecipeProblem } from "../core/recipe.ts";
import { readRecipeYaml } from "../core/recipes/file.ts";
import { type Finding, finding, member, placedSources } from "../core/recipes/findings.ts";
import { whySecret } from "../core/shown-url.ts";
import { nearest } from "../core/wording.ts";

/** The context of a recipe's review. */
export interface ReviewRequest {
  readonly text: string;
  readonly file: string;
  /** Names of all recipes that it can need. */
  readonly known: ReadonlySet<string>;
  /** A licence that SPDX does not know is an error, not only a warning. */
  readonly isBundled: boolean;
}

interface Review {
  readonly problems: readonly RecipeProblem[];
  readonly warnings: readonly RecipeProblem[];
}

/** Errors in a well-formed recipe: its needs, and its licence. */
export function reviewRecipe({ text, file, known, isBundled }: ReviewRequest): Review {
  const { document, problems, problemOf } = readRecipeYaml({ text, file });
  if (problems.length > 0) return { problems: [], warnings: [] }; // reported elsewhere
  const value: unknown = document.toJS();
  const needs = [
    ...needsFindings(["needs"], member(value, "needs"), known),
    ...placedSources(value).flatMap(({ path, source }) =>
      needsFindings([...path, "needs"], source.needs, known),
    ),
  ].map(problemOf);
  const license = licenseFindings(member(value, "license")).map(problemOf);
  const missing = missingFindings(value).map(problemOf);
  const secrets = secretFindings(value).map(problemOf);
  return isBundled
    ? { problems: [...missing, ...needs, ...license, ...secrets], warnings: [] }
    : { problems: needs, warnings: [...license, ...secrets] };
}

/** URLs that give access to whoever reads the recipe. */
export function secretFindings(document: unknown): Finding[] {
  const addresses: (readonly [path: Finding["path"], address: unknown])[] = [
    [["versions"], member(document, "versions")],
    ...placedSources(document).flatMap(({ path, source: { url, signed = [] } }) => [
      [[...path, "url"], url] as const,
      ...signed.flatMap(({ at, key }, i) => [
        [[...path, "signed", i, "at"], at] as const,
        [[...path, "signed", i, "key"], key] as const,
      ]),
    ]),
  ];
  return addresses.flatMap(([path, address]) => {
    const why = typeof address === "string" ? whySecret(address) : undefined;
    return why === undefined ? [] : [finding(path, `${why}; ${secretAdvice}`)];
  });
}

const secretAdvice = "remove it, and put a login for the host into netrc, or a token into npmrc";

/** The fields that only the bundled catalogue must have. */
function missingFindings(document: unknown): Finding[] {
  return (["description", "homepage", "license", "provenance", "test"] as const)
    .filter((field) => member(document, field) === undefined)
    .map((field) => finding([field], "is missing; the bundled catalogue has it"));
}

function needsFindings(
  path: Finding["path"],
  needs: unknown,
  known: ReadonlySet<string>,
): Finding[] {
  const names: unknown[] = Array.isArray(needs) ? needs : [];
  return names.flatMap((need, i) => {
    if (typeof need !== "string" || known.has(need)) return [];
    const near = nearest(need, known);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return [finding([...path, i], `is "${need}", but no recipe has this name${hint}`)];
  });
}

function licenseFindings(license: unknown): Finding[] {
  if (typeof license !== "string" || license.trim() === "" || /^TODO\b/.test(license)) return [];
  if (orNothing(() => parseLicense(license)) !== undefined) return [];
  const right = spdxCorrect(license, { upgrade: false });
  const example = `license: ${right ?? "MIT OR Apache-2.0"}`;
  const what = `is "${license}", which is not an SPDX expression (use LicenseRef-NAME if none fits)`;
  return [finding(["license"], what, example)];
}

import { type PlatformKey, platformKeys } from "./platform.ts";
import { isPlainFormat } from "./recipe.ts";
import { formatOfUrl } from "./recipe-rules.ts";
import { type RecipeSource, recipeSchema, sourceSchema } from "./recipe-schema.ts";

/** What is wrong at a place of the document; becomes a RecipeProblem once its line is known. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly example?: string;
}

/** A well-formed source and where it stands in the document. */
export interface PlacedSource {
  readonly key: PlatformKey;
  readonly path: readonly (string | number)[];
  readonly source: RecipeSource;
}

type Bins = Readonly<Record<string, string>>;

/** A finding whose message starts with the place: `artifacts.linux-x64.url must …`. */
export function finding(path: Finding["path"], what: string, example?: string): Finding {
  const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  const message = `${place.slice(1) || "the document"} ${what}`;
  return { path, message, ...(example !== undefined && { example }) };
}

/** The well-formed sources of a document that need not be well-formed elsewhere. */
export function placedSources(document: unknown): PlacedSource[] {
  const artifacts = member(document, "artifacts");
  return platformKeys.flatMap((key) => {
    const value = member(artifacts, key);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.flatMap((item, index) => {
      const source = sourceSchema.safeParse(item).data;
      const path = ["artifacts", key, ...(Array.isArray(value) ? [index] : [])];
      return source ? [{ key, path, source }] : [];
    });
  });
}

/** What is wrong between fields. Fields that are malformed by themselves are passed over. */
export function crossFindings(document: unknown): Finding[] {
  const { shape } = recipeSchema;
  const name = shape.name.safeParse(member(document, "name")).data;
  const bins = shape.bins.safeParse(member(document, "bins")).data;
  const test = shape.test.safeParse(member(document, "test")).data;
  const needs = shape.needs.safeParse(member(document, "needs")).data;
  const sources = placedSources(document);
  return [
    ...(bins && test ? testFindings(bins, test) : []),
    ...needsFindings(name, needs ?? [], sources),
    ...sources.flatMap((placed) => [
      ...originFindings(placed),
      ...meaningFindings(placed),
      ...(bins ? binsFindings(placed, bins) : []),
    ]),
  ];
}

function testFindings(bins: Bins, test: readonly string[]): Finding[] {
  const [program = "", ...args] = test;
  if (Object.hasOwn(bins, program)) return [];
  const example = `test: [${[Object.keys(bins)[0], ...args].join(", ")}]`;
  return [finding(["test"], `starts with "${program}", which is not one of bins`, example)];
}

function needsFindings(
  name: string | undefined,
  needs: readonly string[],
  sources: readonly PlacedSource[],
): Finding[] {
  const found: Finding[] = [];
  if (name !== undefined && needs.includes(name)) {
    found.push(finding(["needs"], `names ${name} itself; take it out`));
  }
  const twice = needs.find((need, index) => needs.indexOf(need) !== index);
  if (twice !== undefined) found.push(finding(["needs"], `names ${twice} twice`));
  if (sources.some(({ source }) => source.lock) && !needs.includes("node")) {
    found.push(
      finding(["needs"], "must name node: a JavaScript program runs in it", "needs: [node]"),
    );
  }
  return found;
}

const digestExample = "sha256: a2c9b8497e1f85b1ad0dfcb78b5a622e098801b8e461e459e88e1ee12f018112";
const npmExample = `npm: clawhub@0.23.3\nlock: clawhub.lock.json`;

/** Exactly one origin, and exactly one thing that pins its bytes. */
function originFindings({ path, source }: PlacedSource): Finding[] {
  const { url, npm, lock, sha256, sha512, integrity } = source;
  const digests = [sha256, sha512, integrity].filter((digest) => digest !== undefined).length;
  if (url !== undefined && npm !== undefined) return [finding(path, "has both url and npm")];
  if (url === undefined && npm === undefined) return [finding(path, "has neither url nor npm")];
  if (digests > 1) return [finding(path, "has more than one digest; keep one")];
  if (lock === undefined) {
    return digests === 1 ? [] : [finding(path, "has no digest", digestExample)];
  }
  if (npm === undefined) return [finding(path, "has a lock but no npm", npmExample)];
  if (digests === 1) return [finding(path, "has both a lock and a digest; the lock pins it")];
  return [];
}

/** Fields that mean nothing where they stand. */
function meaningFindings({ key, path, source }: PlacedSource): Finding[] {
  const found: Finding[] = [];
  const refuse = (field: keyof RecipeSource, why: string): void => {
    if (source[field] !== undefined) found.push(finding([...path, field], why));
  };
  if (source.npm !== undefined) refuse("format", "is for url only; a package is a tar.gz");
  if (source.lock !== undefined) {
    refuse("strip", "means nothing with a lock");
    refuse("size", "means nothing with a lock");
  }
  if (isPlainProgram(source)) refuse("strip", "means nothing for a plain program");
  if (!key.endsWith("-glibc")) refuse("glibc", `needs a -glibc platform, not ${key}`);
  return found;
}

function binsFindings({ path, source }: PlacedSource, recipeBins: Bins): Finding[] {
  const found: Finding[] = [];
  for (const bin of Object.keys(source.bins ?? {})) {
    if (Object.hasOwn(recipeBins, bin)) continue;
    found.push(finding([...path, "bins", bin], "is not one of the recipe's own bins"));
  }
  const bins = { ...recipeBins, ...source.bins };
  if (isPlainProgram(source) && Object.keys(bins).length > 1) {
    found.push(finding(path, "is a plain program, but bins names several"));
  }
  const outside = Object.entries(bins).find(([, file]) => !file.startsWith("node_modules/"));
  if (source.lock !== undefined && outside) {
    const at = source.bins?.[outside[0]] === undefined ? ["bins"] : [...path, "bins"];
    const example = `${outside[0]}: node_modules/clawhub/bin/clawdhub.js`;
    found.push(finding([...at, outside[0]], "must point into node_modules/", example));
  }
  return found;
}

function isPlainProgram({ url, format }: RecipeSource): boolean {
  const packed = format ?? (url === undefined ? undefined : formatOfUrl(url));
  return packed !== undefined && isPlainFormat(packed);
}

function member(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<string, unknown>)[key] : undefined;
}

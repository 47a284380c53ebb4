import { isSameVersion, parseWheelName } from "../locks/wheel-tags.ts";
import { type Arch, machineNames } from "../platform.ts";
import { isPlainFormat } from "../recipe.ts";
import { type Finding, finding, type PlacedSource } from "./findings.ts";
import { formatOfUrl, splitPackage } from "./rules.ts";
import { origins, type RecipeSource } from "./schema.ts";

type Bins = Readonly<Record<string, string>>;
type Origin = (typeof origins)[number];
/** What pins the bytes. */
type Pin = "digest" | "lock" | "sum";

/** The allowed pins of each origin; a source has exactly one of them. */
const pinsOf: Readonly<Record<Origin, readonly Pin[]>> = {
  url: ["digest"],
  npm: ["digest", "lock"],
  deb: ["lock"],
  pypi: ["digest", "lock"],
  go: ["digest", "sum"],
};

/** The fields that can hold the digest of a source which is one file. */
export const digestFields = ["sha256", "sha512", "integrity"] as const;
export type DigestField = (typeof digestFields)[number];

const digestExample = "sha256: a2c9b8497e1f85b1ad0dfcb78b5a622e098801b8e461e459e88e1ee12f018112";
const examples: Readonly<Record<Origin, string>> = {
  url: digestExample,
  npm: "npm: clawhub@0.23.3\nlock: clawhub.lock.json",
  deb: "deb: tmux@3.3a-3\nlock: tmux.deb.lock.json",
  pypi: "pypi: nano-pdf@0.2.1\nlock: nano-pdf.pypi.lock.json",
  go: "go: github.com/steipete/gogcli@v0.37.0\npackage: cmd/gog\nsum: h1:...",
};

/** Errors between the fields of one source, and between these and the recipe's own `bins`. */
export function sourceFindings(
  placed: PlacedSource,
  bins: Bins | undefined,
  loader: "system" | undefined,
): Finding[] {
  return [
    ...originFindings(placed),
    ...wheelFindings(placed),
    ...meaningFindings(placed, loader),
    ...(bins ? binsFindings(placed, bins) : []),
  ];
}

/** Exactly one origin, and exactly one pin. */
function originFindings({ path, source }: PlacedSource): Finding[] {
  const [origin, ...others] = origins.filter((key) => source[key] !== undefined);
  if (origin === undefined) return [finding(path, `has none of ${origins.join(", ")}`)];
  if (others.length > 0) return [finding(path, `has both ${[origin, ...others].join(" and ")}`)];
  return pinFindings(origin, path, source);
}

/** A digest pins one wheel, which must be named, and be the package's and the platform's. */
function wheelFindings({ key, path, source }: PlacedSource): Finding[] {
  const { pypi, lock, wheel } = source;
  if (wheel === undefined) {
    const isBare = pypi !== undefined && lock === undefined;
    const why = "has pypi and no lock, and names no wheel";
    return isBare ? [finding(path, why, examples.pypi)] : [];
  }
  const refuse = (why: string): Finding[] => [finding([...path, "wheel"], why)];
  if (pypi === undefined) return refuse("applies only to pypi");
  if (lock !== undefined) return refuse("means nothing with a lock");
  const named = parseWheelName(wheel);
  const { name, version } = splitPackage(pypi);
  if (named?.name !== name || !isSameVersion(named.version, version)) {
    return refuse(`is not a wheel of ${pypi}`);
  }
  const [, arch = ""] = key.split("-");
  const machine = Object.hasOwn(machineNames, arch) ? machineNames[arch as Arch] : "no such";
  const isHere = named.platforms.some((tag) => tag.endsWith(`_${machine}`));
  return isHere ? [] : refuse(`is not for ${key}`);
}

function pinFindings(origin: Origin, path: Finding["path"], source: RecipeSource): Finding[] {
  const { lock, sum } = source;
  const count = digestFields.filter((key) => source[key] !== undefined).length;
  const whole = [...(lock === undefined ? [] : ["lock"]), ...(sum === undefined ? [] : ["sum"])];
  for (const pin of whole as Pin[]) {
    if (pinsOf[origin].includes(pin)) continue;
    const meant = origins.filter((key) => pinsOf[key].includes(pin));
    const example = examples[meant[0] ?? origin];
    return [finding(path, `has a ${pin} but no ${meant.join(" or ")}`, example)];
  }
  if (count > 1) return [finding(path, "has more than one digest; keep one")];
  const [pin] = whole;
  if (pin !== undefined) {
    const both = `has both a ${pin} and a digest; the ${pin} pins it`;
    return count === 0 ? [] : [finding(path, both)];
  }
  if (!pinsOf[origin].includes("digest")) {
    return [finding(path, `has ${origin} and no lock`, examples[origin])];
  }
  return count === 1 ? [] : [finding(path, "has no digest", digestExample)];
}

/** Fields that have no meaning for this source. */
function meaningFindings(
  { key, path, source }: PlacedSource,
  loader: "system" | undefined,
): Finding[] {
  const found: Finding[] = [];
  const refuse = (field: keyof RecipeSource, why: string): void => {
    if (source[field] !== undefined) found.push(finding([...path, field], why));
  };
  if (source.url === undefined) refuse("format", "applies only to url");
  if (source.deb !== undefined) {
    if (loader === undefined) {
      refuse("glibc", "means nothing for deb: its programs have their own");
    } else if (source.glibc === undefined) {
      const why = "has no glibc, which `loader: system` needs";
      found.push(finding([...path, "glibc"], why, 'glibc: "2.36"'));
    }
    if (key === "any") found.push(finding(path, "is deb, which needs a platform, not any"));
  }
  const pin = source.lock === undefined ? "sum" : "lock";
  if (source[pin] !== undefined) {
    for (const field of ["strip", "size", "bytecode"] as const) {
      refuse(field, `means nothing with a ${pin}`);
    }
  }
  if (source.npm === undefined || source.lock === undefined) {
    refuse("without", "is for a JavaScript program (npm and lock)");
  }
  if (source.sum === undefined) {
    refuse("package", "is for a program that is built (go and sum)");
    refuse("toolchain", "is for a program that is built (go and sum)");
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
  if (source.bytecode !== undefined && !Object.hasOwn(bins, "python3")) {
    found.push(finding([...path, "bytecode"], "needs a bin python3, which compiles it"));
  }
  const form = binForm(source);
  const other = Object.entries(bins).find(([, file]) => form && !form.pattern.test(file));
  if (form && other) {
    const [bin] = other;
    const at = source.bins?.[bin] === undefined ? ["bins"] : [...path, "bins"];
    found.push(finding([...at, bin], form.message, `${bin}: ${form.example(bin)}`));
  }
  return found;
}

/** Where the programs of some kinds are; the recipe does not choose it. */
function binForm({ npm, lock, pypi, wheel, sum }: RecipeSource) {
  if ((pypi !== undefined && wheel === undefined) || sum !== undefined) {
    const example = (bin: string): string => `bin/${bin}`;
    return { pattern: /^bin\/[^/]+$/, message: "must be bin/ and the program's name", example };
  }
  if (npm === undefined || lock === undefined) return undefined;
  const example = (): string => "node_modules/clawhub/bin/clawdhub.js";
  return { pattern: /^node_modules\//, message: "must point into node_modules/", example };
}

function isPlainProgram({ url, format }: RecipeSource): boolean {
  const packed = format ?? (url === undefined ? undefined : formatOfUrl(url));
  return packed !== undefined && isPlainFormat(packed);
}

import valid from "semver/functions/valid.js";
import { asFields, textList, trimmed } from "./values.ts";

/**
 * How a skill declares that its programs are installed; without the entries that OpenClaw drops.
 */
export interface InstallSpec {
  readonly kind: InstallKind;
  readonly id?: string;
  readonly label?: string;
  readonly bins?: readonly string[];
  readonly os?: readonly string[];
  /** brew: formula or cask. */
  readonly formula?: string;
  /** node: registry name, optionally with version or tag; uv: a requirement. */
  readonly package?: string;
  /** go: module path, optionally with version. */
  readonly module?: string;
  /** download: http or https. */
  readonly url?: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256?: string;
  readonly archive?: string;
  readonly extract?: boolean;
  readonly stripComponents?: number;
  readonly targetDir?: string;
}

type InstallKind = "brew" | "node" | "go" | "uv" | "download";

/** Of each kind the field that says what is installed, and how its `package` is written. */
const kinds: Readonly<
  Record<InstallKind, { readonly source: keyof InstallSpec; readonly packageOf?: TextReader }>
> = {
  brew: { source: "formula" },
  node: { source: "package", packageOf: npmSpec },
  go: { source: "module" },
  uv: { source: "package", packageOf: uvRequirement },
  download: { source: "url" },
};
export const installKinds = Object.keys(kinds) as InstallKind[];

/** Undefined if it is not such a text. */
type TextReader = (value: unknown) => string | undefined;

/** Reads one entry of `install`; undefined if OpenClaw drops it. */
export function parseInstallSpec(entry: unknown): InstallSpec | undefined {
  const raw = asFields(entry);
  const written = typeof raw?.kind === "string" ? raw.kind : raw?.type;
  const kind = installKinds.find((known) => known === trimmed(written)?.toLowerCase());
  if (!raw || !kind) return undefined;
  const sha256 = kind === "download" ? trimmed(raw.sha256)?.toLowerCase() : undefined;
  // A digest that cannot be checked is an error, not a missing digest: the author wanted the
  // download checked.
  if (kind === "download" && raw.sha256 !== undefined && !isSha256(sha256)) return undefined;
  const { source, packageOf } = kinds[kind];
  const spec: { [Key in keyof InstallSpec]: InstallSpec[Key] | undefined } = {
    kind,
    id: string(raw.id) || undefined,
    label: string(raw.label) || undefined,
    bins: list(raw.bins),
    os: list(raw.os),
    formula: brewFormula(raw.formula) ?? brewFormula(raw.cask),
    package: packageOf?.(raw.package),
    module: goModule(raw.module),
    url: webUrl(raw.url),
    sha256,
    archive: string(raw.archive),
    extract: typeof raw.extract === "boolean" ? raw.extract : undefined,
    stripComponents: typeof raw.stripComponents === "number" ? raw.stripComponents : undefined,
    targetDir: string(raw.targetDir),
  };
  if (spec[source] === undefined) return undefined;
  const given = Object.entries(spec).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as InstallSpec;
}

function string(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function list(value: unknown): string[] | undefined {
  const items = textList(value);
  return items.length > 0 ? items : undefined;
}

function isSha256(text: string | undefined): boolean {
  return text !== undefined && /^[0-9a-f]{64}$/.test(text);
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  const text = trimmed(value);
  return text !== undefined && pattern.test(text) ? text : undefined;
}

function brewFormula(value: unknown): string | undefined {
  const formula = matching(value, /^[A-Za-z0-9][A-Za-z0-9@+._/-]*$/);
  return formula?.includes("..") ? undefined : formula;
}

function uvRequirement(value: unknown): string | undefined {
  return matching(value, /^[A-Za-z0-9][A-Za-z0-9._\-[\]=<>!~+,]*$/);
}

function goModule(value: unknown): string | undefined {
  const path = "[A-Za-z0-9][A-Za-z0-9._~+/-]*";
  return matching(value, new RegExp(`^${path}(?:@${path})?$`));
}

/** NAME, NAME@VERSION or NAME@TAG of the registry; no range, URL, path or alias. */
function npmSpec(value: unknown): string | undefined {
  const part = "[a-z0-9][a-z0-9._~-]*";
  const spec = matching(value, new RegExp(`^(?:@${part}/)?${part}(?:@[^@/\\\\\\s:#]+)?$`));
  const selector = spec?.split("@", 3)[spec.startsWith("@") ? 2 : 1];
  if (selector === undefined || valid(selector)) return spec;
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(selector) ? spec : undefined;
}

/** Normalized by the URL standard. */
function webUrl(value: unknown): string | undefined {
  const text = trimmed(value);
  if (text === undefined || /\s/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url.toString() : undefined;
}

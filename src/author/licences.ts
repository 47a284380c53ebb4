import { join } from "node:path";
import { parseDebLock } from "../core/locks/deb-lock.ts";
import { parsePypiLock } from "../core/locks/pypi-lock.ts";
import { placedSources } from "../core/recipes/findings.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import { asFields, trimmed } from "../core/values.ts";
import { isNetwork, nothingIf } from "../net/errors.ts";
import { listFiles } from "../sources/python/index.ts";
import type { Asked } from "./ask-origins.ts";
import { listDebPrograms } from "./deb-programs.ts";
import type { DraftContext } from "./draft-context.ts";
import { metadataField, metadataHead } from "./draft-pypi.ts";
import { atVersion } from "./draft-version.ts";
import { viewPackage } from "./npm-command.ts";
import { workDirIn } from "./release-program.ts";

/** The texts of the locks of a recipe by their names, before and after a bump. */
export interface LockTexts {
  readonly before: (name: string) => string | undefined;
  readonly after: (name: string) => string | undefined;
}

/** The licence that a source states, or `none`; undefined if that is not served. */
type LicenceOf = (
  source: RecipeSource,
  which: "before" | "after",
  context: LicenceContext,
) => Promise<string | undefined>;
interface LicenceContext {
  readonly asked: Asked;
  readonly locks: LockTexts;
  readonly draft: DraftContext;
}

/** A new version may be under another licence, which only a person can accept: it is named. */
export async function licenceNotes(
  asked: Asked,
  locks: LockTexts,
  draft: DraftContext,
): Promise<string[]> {
  const { document, newest } = asked;
  const context = { asked, locks, draft };
  const sources = placedSources(document).map(({ source }) => source);
  const kinds = [
    [newest.version !== document.version, "npm", ofNpm],
    [newest.version !== document.version, "pypi", ofWheel],
    [newest.deb !== undefined, "deb", ofDeb],
  ] as const;
  const notes: string[] = [];
  for (const [isMoved, field, licenceOf] of kinds) {
    const source = sources.find((each) => each[field] !== undefined);
    if (!isMoved || source === undefined) continue;
    const old = await licenceOf(source, "before", context).catch(notServed);
    const now = await licenceOf(source, "after", context).catch(notServed);
    if (old === undefined || now === undefined || old === none || old === now) continue;
    notes.push(`licence: ${old.slice(0, 80)} -> ${now.slice(0, 80)}`);
  }
  return notes;
}

/** What is no longer served, or never had such a file, cannot be compared. */
const notServed = nothingIf(isNetwork);

const ofNpm: LicenceOf = async ({ npm = "" }, which, { asked, draft }) => {
  const { name, version } = splitPackage(npm);
  const to = version.replace(asked.document.version, asked.newest.version);
  const found = await viewPackage(`${name}@${which === "before" ? version : to}`, draft);
  return licenceWords(found.license ?? found.licenses);
};

/** `MIT`, or what old packages have in its place: `{ "type": "MIT" }`, or a list of such. */
export function licenceWords(stated: unknown): string {
  const words = [stated].flat().flatMap((each) => trimmed(asFields(each)?.type ?? each) ?? []);
  return words.length > 0 ? words.join(" OR ") : none;
}

const none = "none";

/** By the metadata that an index serves beside a wheel (PEP 658). */
const ofWheel: LicenceOf = async (source, which, given) => {
  const { name } = splitPackage(source.pypi ?? "");
  const file = wheelOf(source, which, given);
  if (file === undefined) return undefined;
  const { http, signal } = given.draft;
  const pip = await given.draft.pip();
  const listed = await listFiles(name, { http, pip });
  const url = listed.find((each) => each.name === file)?.url;
  if (!url?.startsWith("http")) return undefined;
  const request = { headers: pip.headersFor(url), ...pip.through, signal };
  const { text } = await http.text(`${url}.metadata`, request);
  return licenceOfMetadata(text);
};

/** The file of a source's own wheel, at the version before or after. */
function wheelOf(
  { pypi = "", wheel, lock = "" }: RecipeSource,
  which: "before" | "after",
  { asked, locks }: LicenceContext,
): string | undefined {
  const { document, newest } = asked;
  if (wheel !== undefined) {
    return which === "before" ? wheel : atVersion(wheel, document.version, newest.version);
  }
  const parsed = parsePypiLock(locks[which](lock) ?? "", lock);
  if (!parsed.ok) return undefined;
  return parsed.held.find(({ name }) => name === splitPackage(pypi).name)?.file;
}

/** What a Python package says of its licence, in its metadata's newer or older words. */
export function licenceOfMetadata(metadata: string): string {
  const head = metadataHead(metadata);
  const classifiers = [
    ...head.matchAll(/^Classifier: License :: (?:OSI Approved :: )?(.*?)\s*$/gim),
  ];
  return (
    metadataField(head, "License-Expression") ??
    metadataField(head, "License") ??
    (classifiers.map(([, text]) => text).join(", ") || none)
  );
}

/** By the copyright file of the package itself. */
const ofDeb: LicenceOf = async ({ deb = "", lock = "" }, which, { locks, draft }) => {
  const parsed = parseDebLock(locks[which](lock) ?? "", lock);
  if (!parsed.ok) return undefined;
  const { snapshot, packages } = parsed.held;
  const { name } = splitPackage(deb);
  const locked = Object.values(packages)
    .flat()
    .find((each) => each.name === name);
  if (!locked) return undefined;
  const dir = await workDirIn(join(draft.dir, "licences"), `${name}-${which}`);
  return (await listDebPrograms(locked, snapshot, { ...draft, dir })).license ?? none;
};

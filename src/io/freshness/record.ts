import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import { commandName, layout, librariesDir } from "../../core/layout.ts";
import { type Manifest, parseManifest } from "../../core/manifest.ts";
import { errnoName } from "../../core/system-error.ts";
import {
  copyFile,
  fileError,
  isMissing,
  isRefusal,
  isThere,
  orNothing,
  token,
  withContext,
} from "../files.ts";
import { moveTree } from "../move.ts";
import { readRequests } from "../requests.ts";
import { isAsRecorded } from "../volume/inspect.ts";
import { openShare } from "../volume/volume.ts";
import { digestsOf } from "./digests.ts";
import { type FreshnessFacts, Unrecordable } from "./facts.ts";
import { type Lists, readLists, type ViewDraft } from "./lists.ts";
import { mergeSatisfied } from "./satisfied.ts";

/** The lists that every record has. */
const listNames = ["seen", "all", "volume", "sizes", "content", "satisfied"];

/** The number of views with a record: a run may leave two. */
const maxRecords = 16;
/** An unpublished record of this age is from a killed run (ms). */
const graceMs = 60 * 60 * 1000;

/** A record that is being written. */
interface Draft {
  /** Its directory until it is complete. */
  readonly dir: string;
  readonly name: string;
}

interface ReadManifest {
  readonly text: string;
  readonly manifest: Manifest;
}

/**
 * Records a run after which nothing is left to do. If the volume is read-only, or something changed
 * during the run, there is no record, and the next run starts Node again.
 */
export async function recordFreshness(facts: FreshnessFacts): Promise<void> {
  const { prefix, view } = facts;
  // Text that is not valid UTF-8 differs between Node and sh.
  if (view === "" || /[\n\uFFFD]/.test(view)) return;
  const records = join(prefix, layout.freshness);
  const { view: first, others, any } = draftsOf(facts, records);
  try {
    await openShare(prefix, layout.freshness);
    const trees = linkVolume(first.dir, facts);
    for (const { dir } of facts.isForWatch ? others : [...others, any]) shareLinks(first.dir, dir);
    const written: Draft[] = await writeViewRecords(first, others);
    const manifest = await readUnchanged(facts);
    if (!facts.isForWatch) {
      await writeAnyRecord(any.dir, first.dir, facts, { ...manifest, trees });
      written.push(any);
    }
    for (const { dir, name } of written) await moveTree(dir, join(records, name), listNames);
    const names = written.map(({ name }) => name);
    prune(records, names);
  } catch (error) {
    const isOfDisk = error instanceof UserError || errnoName(error) !== "";
    if (!(error instanceof Unrecordable) && !isOfDisk) throw error;
    for (const { dir } of [any, first, ...others]) removeQuietly(dir);
  }
}

/**
 * The manifest's text and what it says. After the lists of metadata: they show what is changed later, and this what
 * was changed since the run has looked. Of inputs, the lists of contents show that.
 */
async function readUnchanged({ prefix, tools }: FreshnessFacts): Promise<ReadManifest> {
  const text = readFileSync(join(prefix, layout.manifest), "utf8");
  const manifest = parseManifest(text, layout.manifest);
  if ("why" in manifest) throw new Unrecordable(manifest.message);
  for (const record of tools) {
    const isListed = manifest.tools[record.tool]?.dir === record.dir;
    if (!isListed || !(await isAsRecorded(prefix, record))) throw new Unrecordable(record.dir);
  }
  return { text, manifest };
}

/** Drafts for each view, and for hosts that have the same skills at other paths. */
function draftsOf(facts: FreshnessFacts, records: string) {
  const { others = [], programs, system } = facts;
  const [, platform = ""] = facts.view.split(" ");
  const counted = programs.filter((it) => isBin(it) && it.path !== layout.binPath(commandName));
  const count = counted.length + system.length;
  const draft = (beginning: string): Draft => ({
    dir: join(records, `.new-${token()}`),
    name: `${beginning}-${count}-${token()}`,
  });
  const draftOf = (of: FreshnessFacts) => ({ facts: of, ...draft(beginningOf(of.view)) });
  return {
    view: draftOf(facts),
    others: others.map((other) => draftOf({ ...facts, ...other })),
    any: draft(`any-${platform}`),
  };
}

const beginningOf = (view: string): string =>
  `${Buffer.byteLength(view)}-${sha256Hex(view).slice(0, 8)}`;

/** Writes the first record, which must hold, and those of the others that hold too. */
async function writeViewRecords<View extends ViewDraft>(
  first: View,
  others: readonly View[],
): Promise<View[]> {
  linkView(first);
  const linked = others.filter((other) => holds(other, () => linkView(other)));
  const listed = await readLists(first, linked);
  return listed.filter((view, i) => {
    if (i > 0) return holds(view, () => writeLists(view));
    writeLists(view);
    return true;
  });
}

/** False if a record cannot be made, of which nothing is left then. */
function holds({ dir }: ViewDraft, make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (!(error instanceof Unrecordable)) throw error;
    removeQuietly(dir);
    return false;
  }
}

/**
 * Removes all records. Called before the first change of the volume: a record cannot be wrong,
 * because it is compared with the disk, but Node should finish a run that was killed.
 */
export async function forgetFreshness(prefix: string): Promise<void> {
  const records = join(prefix, layout.freshness);
  const aside = join(prefix, layout.share, `.freshness-${token()}`);
  try {
    renameSync(records, aside);
  } catch (error) {
    if (isMissing(error)) return;
    if (!isRefusal(error)) throw fileError("change", records, error);
    // Some file systems cannot rename a directory of an image's layer.
    await withContext("remove", records, rm(records, { recursive: true, force: true }));
  }
  removeQuietly(aside);
}

/** Links what a view's record is about, besides the volume. */
function linkView({ dir, facts }: ViewDraft): void {
  linkInputs(dir, facts);
  mkdirSync(join(dir, "system"));
  for (const name of facts.system) writeFileSync(join(dir, "system", name), "");
  markDependencies(dir, facts);
}

function writeLists({ dir, facts, proof, content: read }: ViewDraft & Lists): void {
  const { requests, listings = [], absent } = facts;
  if (absent.some(isThere)) throw new Unrecordable("a file was added during the run");
  const isLater = requests?.isWaiting || hasNewRequests(facts);
  if (facts.isForWatch || isLater) writeFileSync(join(dir, "for-watch"), isLater ? "later\n" : "");
  if (!facts.timesProve) writeFileSync(join(dir, "by-content"), "");
  const isSame = read === undefined ? isOld(watchedIn(dir)) : isOld(listings);
  if (!isSame) throw new Unrecordable("something was added during the run");
  const content = listings.length > 0 ? undefined : read;
  if (content === undefined && !proof.all)
    throw new Unrecordable("neither metadata nor content prove it");
  for (const [name, text] of Object.entries({ ...proof, content })) {
    if (text !== undefined) writeFileSync(join(dir, name), text);
  }
}

function linkInputs(dir: string, facts: FreshnessFacts): void {
  const { inputs, roots, directories, listings = [], absent } = facts;
  const listed = directoriesOfRecipes(facts);
  const requests = facts.requests ? [facts.requests.dir] : [];
  linkAll(dir, "watch", [
    ...roots,
    ...directories,
    ...listings,
    ...listed,
    ...inputs.map(({ path }) => path),
    ...absent,
    ...requests,
  ]);
  if (requests.length > 0) linkAll(dir, "names", requests);
  linkAll(dir, "roots", roots);
  linkAll(dir, "listed", [...listed]);
  const files = inputs.filter(({ path, skill }) => !skill && !listed.has(dirname(path)));
  const others = [...files.map(({ path }) => path), ...absent, inVolume(layout.manifest)];
  const distinct = [...new Set(others)];
  linkAll(dir, "files", distinct, labelsOf(distinct));
}

/** `own` is the record of the run's first view; `trees`: see `linkVolume`. */
async function writeAnyRecord(
  dir: string,
  own: string,
  facts: FreshnessFacts,
  { text, manifest, trees }: ReadManifest & { trees: ReadonlyMap<string, string> },
): Promise<void> {
  const digests = await digestsOf(facts.prefix, trees);
  if (digests !== undefined) writeFileSync(join(dir, "digests"), digests);
  for (const kind of ["roots", "listed"]) mkdirSync(join(dir, kind));
  linkAll(dir, "files", [inVolume(layout.manifest)]);
  const bundled = facts.inputs.find(({ path }) => basename(path) === "catalogue.json");
  const catalogue = facts.catalogue ?? bundled;
  if (catalogue === undefined) throw new Unrecordable("no catalogue");
  if (facts.catalogue) {
    const { sha256, words } = facts.catalogue;
    symlinkSync(inVolumeOf(layout.catalogueFile(sha256)), join(dir, "catalogue.json"));
    writeFileSync(join(dir, "spec"), lines([words]));
  }
  markDependencies(dir, facts);
  const skills = mergeSatisfied(facts, catalogue.sha256, manifest.skills);
  const satisfied = Object.entries(skills).filter(
    ([, names]) => !names.some((name) => facts.broken.includes(name)),
  );
  const known = satisfied.map(([hash, names]) => [hash, ...names].join(" "));
  writeFileSync(join(dir, "satisfied"), lines([catalogue.sha256, sha256Hex(text), ...known]));
  for (const name of ["volume", "by-stat", "by-content"]) {
    if (isThere(join(own, name))) copyFile(join(own, name), join(dir, name), 0o666);
  }
}

/** Before the lists, because the entrypoint lists these files only then. */
function markDependencies(dir: string, { dependencies }: FreshnessFacts): void {
  if (dependencies && dependencies.directories.length > 0)
    writeFileSync(join(dir, "dependencies"), "");
}

/**
 * Links programs and trees, and writes their sizes, if they equal what the run saw. Returns the
 * trees' names in the record, with their directories below the prefix.
 */
function linkVolume(dir: string, facts: FreshnessFacts): ReadonlyMap<string, string> {
  const { prefix, unmet } = facts;
  mkdirSync(dir, { recursive: true });
  linkPrograms(dir, facts);
  const trees = facts.trees.filter((path) => isThere(join(prefix, path)));
  const labels = trees.map((path) => `%${toolOf(path)}`);
  const names = linkAll(dir, "trees", trees.map(inVolume), labels);
  writeFileSync(join(dir, "unmet"), lines(unmet.map((line) => line.replaceAll(/\s+/g, " "))));
  return new Map(names.map((name, i) => [name, trees[i] ?? ""]));
}

/**
 * Gives another record of the run what `linkVolume` has written for the first one. Links get a second name, where the
 * file system can: that is cheaper than a link of its own.
 */
function shareLinks(from: string, dir: string): void {
  mkdirSync(dir);
  for (const kind of ["programs", "trees"]) {
    mkdirSync(join(dir, kind));
    for (const name of readdirSync(join(from, kind)))
      shareLink(join(from, kind, name), join(dir, kind, name));
  }
  for (const name of ["sizes", "unmet"]) copyFile(join(from, name), join(dir, name), 0o666);
}

function shareLink(from: string, to: string): void {
  const isShared = orNothing(() => {
    linkSync(from, to);
    return true;
  });
  if (!isShared) symlinkSync(readlinkSync(from), to);
}

function linkPrograms(dir: string, { programs }: FreshnessFacts): void {
  // Two launchers may start the same program.
  const sizeOf = new Map<string, number | undefined>([
    [layout.manifest, undefined],
    ...programs.map(({ path, size }) => [path, size] as const),
  ]);
  const paths = [...sizeOf.keys()];
  const labels = paths.map((path) => `%${path.replaceAll("/", "%").slice(-200)}`);
  const names = linkAll(dir, "programs", paths.map(inVolume), labels);
  const sizes = paths.map((path, i) => {
    const name = names[i] ?? "";
    const stats = statSync(join(dir, name));
    const runs = !isBin({ path }) || (stats.mode & 0o111) !== 0;
    const fits = stats.size === (sizeOf.get(path) ?? stats.size);
    if (!stats.isFile() || !fits || !runs) throw new Unrecordable(path);
    return `${stats.size} ${name}`;
  });
  writeFileSync(join(dir, "sizes"), lines(sizes));
}

/** Of `lib/TOOL/…` the tool's name, which the entrypoint needs as a label. */
function toolOf(path: string): string {
  const [lib, tool = ""] = path.split("/");
  return lib === layout.lib && tool !== librariesDir ? tool : "";
}

/**
 * File names that tell the entrypoint what has changed; names that programs print differently are
 * left out.
 */
function labelsOf(paths: readonly string[]): string[] {
  return paths.map((path) => (/^[\w.-]{1,99}$/.test(basename(path)) ? `%${basename(path)}` : ""));
}

const isBin = ({ path }: { path: string }): boolean => path.startsWith(`${layout.bin}/`);

/** Relative to a directory of a record. */
const inVolume = (path: string): string => `../${inVolumeOf(path)}`;
/** Relative to a record. */
const inVolumeOf = (path: string): string => `../../../../${path}`;

/** Numbered links; with equal widths every shell sorts them the same way. */
function linkAll(
  dir: string,
  kind: string,
  targets: readonly string[],
  labels: readonly string[] = [],
): string[] {
  mkdirSync(join(dir, kind));
  const distinct = [...new Set(targets)];
  const width = String(distinct.length).length;
  return distinct.map((target, i) => {
    const name = `${kind}/${String(i).padStart(width, "0")}${labels[i] ?? ""}`;
    symlinkSync(target, join(dir, name));
    return name;
  });
}

/**
 * True if a request came during the run. That is no reason against a record, which a watcher needs for
 * all else: agents could always ask for something.
 */
function hasNewRequests({ requests }: FreshnessFacts): boolean {
  if (!requests) return false;
  const now = orNothing(() => readRequests(requests.dir).names);
  return now !== undefined && now.join(" ") !== requests.names.join(" ");
}

function watchedIn(dir: string): string[] {
  return readdirSync(join(dir, "watch")).map((name) => join(dir, "watch", name));
}

/** True if none of these directories was changed since the run began, so that it saw all files. */
function isOld(paths: readonly string[]): boolean {
  const clockSkewMs = 2000;
  return paths.every((path) => {
    const found = orNothing(() => statSync(path)); // a link in a circle, too, is no directory
    return !found?.isDirectory() || found.ctimeMs < performance.timeOrigin - clockSkewMs;
  });
}

function directoriesOfRecipes({
  inputs,
  roots,
  directories,
  dependencies,
}: FreshnessFacts): Set<string> {
  const ofSkills = new Set(dependencies?.directories);
  const isBelow = (path: string) =>
    roots.some((root) => path === root || path.startsWith(`${root}/`));
  const recipes = inputs.filter(
    ({ path, skill }) => !skill && path.endsWith(".yaml") && !ofSkills.has(dirname(path)),
  );
  return new Set([
    ...directories.filter((path) => !isBelow(path)),
    ...recipes.map(({ path }) => dirname(path)),
  ]);
}

/**
 * Removes the records that the new ones replace; never newer ones, which another run has just
 * written.
 */
function prune(records: string, names: readonly string[]): void {
  const isAny = (name: string): boolean => name.startsWith("any-");
  const timeOf = (name: string) => lstatSync(join(records, name)).mtimeMs;
  const viewOf = (name: string) => name.split("-", 2).join("-");
  const written = Math.max(...names.map(timeOf));
  const others = readdirSync(records).filter((name) => !names.includes(name));
  const age = new Map(others.map((name) => [name, written - timeOf(name)]));
  const older = others.filter((name) => (age.get(name) ?? 0) >= 0);
  const stale = older.filter((name) => name.startsWith(".") && (age.get(name) ?? 0) > graceMs);
  const views = older.filter((name) => /^\d/.test(name));
  const replaced = views.filter((name) => names.map(viewOf).includes(viewOf(name)));
  const surplus = views
    .filter((name) => !replaced.includes(name))
    .sort((a, b) => (age.get(a) ?? 0) - (age.get(b) ?? 0))
    .slice(maxRecords - names.filter((name) => !isAny(name)).length);
  const formerAny = names.some(isAny) ? older.filter(isAny) : [];
  for (const name of [...stale, ...replaced, ...surplus, ...formerAny]) {
    removeQuietly(join(records, name));
  }
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join("");
}

function removeQuietly(dir: string): void {
  // The next run removes what remains; on a read-only volume nothing is written.
  orNothing(() => rmSync(dir, { recursive: true, force: true }));
}

import { realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { statusSkill } from "../../core/status-skill.ts";
import { run } from "../exec.ts";
import { isThere, orNothing, token } from "../files.ts";
import { readStatusSkill } from "../status-skill.ts";
import { timeAfter } from "../volume/stamps.ts";
import { type FreshnessFacts, Unrecordable } from "./facts.ts";

/** Maximum clock difference between other file systems and the volume's (ns). */
const clockSkew = 2_000_000_000n;
/** Searches that take longer than starting Node are useless (ms). */
const timeout = 6000;
const maxOutput = 128 * 1024 * 1024;

/** A record's lists `seen`, `all` and `volume`; a list that metadata cannot prove is absent. */
type Proof = Partial<Record<"seen" | "all" | "volume", string>>;

/** A record that is being written. */
export interface ViewDraft {
  /** Its directory until it is complete. */
  readonly dir: string;
  readonly facts: FreshnessFacts;
}

/** The lists of a record. */
export interface Lists {
  readonly proof: Proof;
  /** The list of contents; undefined if it is none: see `readContent`. */
  readonly content: string | undefined;
}

/**
 * The lists of a run's records, whose inputs have the same contents. Metadata first, then contents: a file that is
 * changed in between has other contents than the run saw, and one that is changed later has other metadata, because
 * the clock had passed those that were listed. That is not so in the clock tick in which this run itself has written
 * something: then all are listed again.
 */
export async function readLists<View extends ViewDraft>(
  first: View,
  others: readonly View[],
): Promise<(View & Lists)[]> {
  const { dir, facts } = first;
  const seen = digestsSeen(facts);
  let last = 0n;
  for (let attempt = 1; ; attempt += 1) {
    const elsewhere = BigInt(Date.now()) * 1_000_000n - clockSkew;
    const now = facts.timesProve ? await timeAfter(dir, last, true) : undefined;
    const { listed, content: text } = await list(first, others);
    last = latest(listed.map(({ metadata }) => metadata.ours));
    if (attempt < maxAttempts && now !== undefined && last >= now) continue;
    const isProof = now !== undefined && last < now;
    const content = readContent(facts, seen, dir, text);
    return listed.map(({ view, metadata }) => ({
      ...view,
      proof: isProof ? proofOf(metadata, elsewhere) : {},
      content: content && view.facts.view + content.slice(content.indexOf("\n")),
    }));
  }
}

const maxAttempts = 3;

/** What the entrypoint lists of a record's files. */
interface Metadata {
  readonly rows: readonly Row[];
  /** The latest change on the record's own file system (ns). */
  readonly ours: bigint;
  /** The same on others. */
  readonly foreign: bigint;
}

function metadataOf(text: string | undefined, record: string): Metadata {
  const rows = (text ?? "").split("\n").slice(0, -1).map(parseRow);
  const own = deviceOf(join(record, "sizes"));
  const [foreign, ours]: [bigint[], bigint[]] = [[], []];
  for (const { name, changed } of rows) {
    const isForeign = name.startsWith("watch/") && deviceOf(join(record, name)) !== own;
    (isForeign ? foreign : ours).push(changed);
  }
  return { rows, ours: latest(ours), foreign: latest(foreign) };
}

function latest(times: readonly bigint[]): bigint {
  return times.reduce((last, time) => (time > last ? time : last), 0n);
}

const hasPrograms = ({ rows }: Metadata): boolean =>
  rows.some(({ name }) => name.startsWith("programs/"));

/** Waiting helps only on the volume: elsewhere it would take seconds. */
function proofOf(metadata: Metadata, elsewhere: bigint): Proof {
  if (!hasPrograms(metadata)) return {};
  const lists = split(metadata.rows);
  return metadata.foreign < elsewhere ? lists : { volume: lists.volume };
}

function split(rows: readonly Row[]): Required<Proof> {
  const text = (some: readonly Row[]) => some.map(({ text }) => `${text}\n`).join("");
  const kindOf = ({ name }: Row) => name.split("/", 1)[0] ?? "";
  return {
    seen: text(rows.filter((row) => kindOf(row) !== "trees")),
    all: text(rows),
    volume: text(rows.filter((row) => ["programs", "trees"].includes(kindOf(row)))),
  };
}

/** A row of these lists. */
interface Row {
  readonly text: string;
  /** Last change (ns). */
  readonly changed: bigint;
  readonly name: string;
}

const time = String.raw`(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|-?\d+)\.(\d{9})\d*( \+0000)?`;
const rowPattern = new RegExp(`^\\w+ \\d+ ${time} (?:${time} )?(\\D.*)$`);

/**
 * A row is `MODE SIZE CHANGED NAME`, in watch/ `MODE SIZE CHANGED MODIFIED NAME`. Times are seconds
 * since 1970 or, from busybox, dates. The view and the names of system/ have another form.
 */
function parseRow(text: string): Row {
  const found = rowPattern.exec(text);
  const [, whole = "", fraction = "", zone] = found ?? [];
  const seconds = zone ? Date.parse(`${whole}Z`) / 1000 : Number(whole);
  if (found === null || !Number.isInteger(seconds)) return { text, changed: 0n, name: "" };
  const changed = BigInt(seconds) * 1_000_000_000n + BigInt(fraction);
  return { text, changed, name: found.at(-1) ?? "" };
}

/** The device of a link's target; of the link itself if it dangles or leads in a circle, as in `find -H`. */
function deviceOf(path: string): bigint {
  const found = orNothing(() => statSync(path, { bigint: true }));
  return found?.dev ?? statSync(dirname(path), { bigint: true }).dev;
}

/** The digest that the run saw of each file, by `idOf`. */
function digestsSeen({ inputs }: FreshnessFacts): ReadonlyMap<string, string> {
  const seen = new Map<string, string>();
  for (const { path, sha256 } of inputs) {
    if (sha256 === "") continue;
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw new Unrecordable(path);
    seen.set(idOf(path), sha256);
  }
  return seen;
}

/**
 * The list of contents, if it equals what the run saw. Undefined if it could not be read, or if the
 * search finds SKILL.md files that the run did not count (too deep, or behind a link that is not
 * followed): content alone then cannot show whether they still do not count.
 */
function readContent(
  facts: FreshnessFacts,
  seen: ReadonlyMap<string, string>,
  record: string,
  text: string | undefined,
): string | undefined {
  // sha256sum prints a backslash before a name that it had to escape.
  if (text === undefined || !text.endsWith("\nend\n") || /^\\/m.test(text)) return undefined;
  const found = [...text.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)].map(
    ([, sha256 = "", path = ""]) => {
      return { sha256, path, id: idOf(join(record, path)) };
    },
  );
  const skillDirs = new Set(
    found.filter(({ path }) => !isDependency(path)).map(({ path }) => dirname(path)),
  );
  const dependencyDirs = new Set((facts.dependencies?.directories ?? []).map(idOf));
  const counted = found.filter(({ id, sha256, path }) => {
    const expected = seen.get(id);
    if (expected !== undefined && expected !== sha256) throw new Unrecordable(path);
    return expected !== undefined;
  });
  const isWhole =
    facts.inputs.every(({ sha256 }) => sha256 !== "") &&
    new Set(counted.map(({ id }) => id)).size === seen.size &&
    found.every(({ id, path }) => {
      if (seen.has(id)) return true;
      // One that the run could not read, or that has just come; scripts without metadata do not matter.
      if (isDependency(path)) return path.endsWith(".py") || !dependencyDirs.has(dirname(id));
      return !counts(path, skillDirs) || isStatus(id);
    });
  return isWhole ? text : undefined;
}

/** True for what is listed of a skill besides its SKILL.md. */
function isDependency(path: string): boolean {
  return path.startsWith("roots/") && basename(path) !== "SKILL.md";
}

/** True for the status skill, of which no run depends. The entrypoint ignores its changes, too. */
function isStatus(file: string): boolean {
  return basename(dirname(file)) === statusSkill.name && readStatusSkill(file) !== undefined;
}

/** False for requests, and for ignored files: below a directory that has a SKILL.md, or below the recipes' own. */
function counts(path: string, skillDirs: ReadonlySet<string>): boolean {
  const [kind, , ...below] = path.split("/");
  if (kind === "files" || kind === "names") return false;
  if (kind === "listed") return below.length === 1 && path.endsWith(".yaml");
  for (let dir = dirname(dirname(path)); dir.includes("/"); dir = dirname(dir)) {
    if (skillDirs.has(dir)) return false;
  }
  return true;
}

/**
 * Identifies a file, whatever links led to it. Not by its inode: some file systems return another
 * one at each call, or the same for all files.
 */
function idOf(path: string): string {
  return realpathSync.native(path);
}

/** The metadata of each record, and the contents of the first, as far as they could be listed. */
async function list<View extends ViewDraft>(
  first: View,
  others: readonly View[],
): Promise<{ listed: { view: View; metadata: Metadata }[]; content: string | undefined }> {
  const views = [first, ...others];
  const texts = await print(first.facts, [
    ...views.map((it): [string, ViewDraft] => ["all", it]),
    ["content", first],
  ]);
  const listed = views.map((view, i) => ({ view, metadata: metadataOf(texts[i], view.dir) }));
  const isListed = texts[0] === undefined || listed.some(({ metadata }) => hasPrograms(metadata));
  if (isListed || isThere(join(first.dir, byStat))) return { listed, content: texts[views.length] };
  // find cannot print metadata: from now on the entrypoint uses stat.
  for (const { dir } of views) writeFileSync(join(dir, byStat), "");
  return await list(first, others);
}

const byStat = "by-stat";

/** The entrypoint's output for each of these lists, up to the first one that is incomplete. */
async function print(
  { entrypoint, path, prefix }: FreshnessFacts,
  lists: readonly [name: string, of: ViewDraft][],
): Promise<readonly string[]> {
  const end = token(); // names in the lists can be anything
  const words = lists.flatMap(([name, { dir, facts }]) => [name, dir, facts.view]);
  const { stdout } = await run({
    argv: ["/bin/sh", entrypoint, "--print-lists", end, ...words],
    env: { PATH: path },
    cwd: prefix,
    timeout,
    maxOutput,
  });
  return stdout.split(`${end}\n`).slice(0, -1);
}

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

/** The lists of a record. */
interface Lists {
  readonly proof: Proof;
  /** The list of contents; undefined if it is none: see `readContent`. */
  readonly content: string | undefined;
}

/**
 * Metadata first, then contents: a file that is changed in between has other contents than the run saw, and one that
 * is changed later has other metadata, because the clock had passed those that were listed. That is not so in the clock
 * tick in which this run itself has written something: then both are listed again.
 */
export async function readLists(facts: FreshnessFacts, record: string): Promise<Lists> {
  const seen = digestsSeen(facts);
  let last = 0n;
  for (let attempt = 1; ; attempt += 1) {
    const elsewhere = BigInt(Date.now()) * 1_000_000n - clockSkew;
    const now = facts.timesProve ? await timeAfter(record, last, true) : undefined;
    const { rows, content } = await list(facts, record);
    const found = splitByDevice(rows, record);
    last = latestOf(found.ours);
    if (attempt < maxAttempts && now !== undefined && last >= now) continue;
    const isProof = hasPrograms(rows) && now !== undefined && last < now;
    return {
      proof: isProof ? proofOf(rows, latestOf(found.foreign) < elsewhere) : {},
      content: readContent(facts, seen, record, content),
    };
  }
}

const maxAttempts = 3;

/** Waiting helps only on the volume: elsewhere it would take seconds. */
function proofOf(rows: readonly Row[], provesAll: boolean): Proof {
  const lists = split(rows);
  return provesAll ? lists : { volume: lists.volume };
}

/** The rows of the record's own file system, and of others. */
function splitByDevice(rows: readonly Row[], record: string): { ours: Row[]; foreign: Row[] } {
  const own = deviceOf(join(record, "sizes"));
  const [foreign, ours]: [Row[], Row[]] = [[], []];
  for (const row of rows) {
    const isForeign = row.name.startsWith("watch/") && deviceOf(join(record, row.name)) !== own;
    (isForeign ? foreign : ours).push(row);
  }
  return { ours, foreign };
}

function latestOf(rows: readonly Row[]): bigint {
  return rows.reduce((latest, { changed }) => (changed > latest ? changed : latest), 0n);
}

const rowsOf = (text = ""): readonly Row[] => text.split("\n").slice(0, -1).map(parseRow);

const hasPrograms = (rows: readonly Row[]): boolean =>
  rows.some(({ name }) => name.startsWith("programs/"));

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

/** What the entrypoint lists; `content` is undefined if that fails. */
async function list(
  facts: FreshnessFacts,
  record: string,
): Promise<{ rows: readonly Row[]; content: string | undefined }> {
  const [all, content] = await print(facts, record);
  const rows = rowsOf(all);
  if (all === undefined || hasPrograms(rows) || isThere(join(record, byStat)))
    return { rows, content };
  // find cannot print metadata: from now on the entrypoint uses stat.
  writeFileSync(join(record, byStat), "");
  return await list(facts, record);
}

const byStat = "by-stat";

/** The lists `all` and `content`, as far as they are complete. */
async function print(
  { entrypoint, path, view }: FreshnessFacts,
  record: string,
): Promise<(string | undefined)[]> {
  const end = token(); // names in the lists can be anything
  const { stdout } = await run({
    argv: ["/bin/sh", entrypoint, "--print-lists", record, view, end, "all", "content"],
    env: { PATH: path },
    cwd: record,
    timeout,
    maxOutput,
  });
  return stdout.split(`${end}\n`).slice(0, -1);
}

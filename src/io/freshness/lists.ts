import { realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { statusSkill } from "../../core/status-skill.ts";
import { run } from "../exec.ts";
import { orNothing } from "../files.ts";
import { readStatusSkill } from "../status-skill.ts";
import { hasTicked } from "../volume/stamps.ts";
import { type FreshnessFacts, Unrecordable } from "./facts.ts";

/** Maximum clock difference between other file systems and the volume's (ns). */
const clockSkew = 2_000_000_000n;
/** A search that takes longer than starting Node is useless (ms). */
const timeout = 3000;
const maxOutput = 64 * 1024 * 1024;

/** A record's lists `seen`, `all` and `volume`; a list that metadata cannot prove is absent. */
export type Proof = Partial<Record<"seen" | "all" | "volume", string>>;

/**
 * The lists of metadata, if they are proof: every file was last changed at an earlier tick of its
 * file system's clock than now, so that a later change gets another time. Files that this run wrote
 * are only one tick old, so it waits for the next tick. Undefined if timestamps prove nothing about
 * the volume.
 */
export async function readMetadata(facts: FreshnessFacts, record: string): Promise<Proof> {
  const elsewhere = BigInt(Date.now()) * 1_000_000n - clockSkew;
  const rows = await listMetadata(facts, record);
  if (!hasPrograms(rows) || !facts.timesProve) return {};
  const own = deviceOf(join(record, "sizes"));
  const [foreign, ours]: [Row[], Row[]] = [[], []];
  for (const row of rows) {
    const isForeign = row.name.startsWith("watch/") && deviceOf(join(record, row.name)) !== own;
    (isForeign ? foreign : ours).push(row);
  }
  if (!(await hasTicked(record, latestOf(ours), true))) return {};
  const lists = split(rows);
  // Waiting helps only on the volume: elsewhere it would take seconds.
  return latestOf(foreign) < elsewhere ? lists : { volume: lists.volume };
}

function latestOf(rows: readonly Row[]): bigint {
  return rows.reduce((latest, { changed }) => (changed > latest ? changed : latest), 0n);
}

/** If find cannot print metadata, `by-stat` tells the entrypoint to use stat from now on. */
async function listMetadata(facts: FreshnessFacts, record: string): Promise<readonly Row[]> {
  const text = await list(facts, "all", record);
  const found = rowsOf(text);
  if (text === undefined || hasPrograms(found)) return found;
  writeFileSync(join(record, "by-stat"), "");
  return rowsOf(await list(facts, "all", record));
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

/**
 * The list of contents, if it equals what the run saw. Undefined if it cannot be read, or if the
 * search finds SKILL.md files that the run did not count (too deep, or behind a link that is not
 * followed): content alone then cannot show whether they still do not count.
 */
export async function readContent(
  facts: FreshnessFacts,
  record: string,
): Promise<string | undefined> {
  const seen = new Map<string, string>();
  for (const { path, sha256 } of facts.inputs) {
    if (sha256 === "") continue;
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw new Unrecordable(path);
    seen.set(idOf(path), sha256);
  }
  const text = await list(facts, "content", record);
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

/** The output of the entrypoint's listing; undefined if it fails. */
async function list(
  { entrypoint, path, view }: FreshnessFacts,
  what: string,
  record: string,
): Promise<string | undefined> {
  const { status, stdout } = await run({
    argv: ["/bin/sh", entrypoint, "--print-list", what, record, view],
    env: { PATH: path },
    cwd: record,
    timeout,
    maxOutput,
  });
  return status === 0 ? stdout : undefined;
}

import { statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./exec.ts";
import { type SteadyFacts, Unrecordable } from "./steady-facts.ts";

/** How far the clocks of other file systems than the volume's may be from ours (ns). */
const clockSkew = 2_000_000_000n;
/** A search that takes longer than asking Node is of no use (ms). */
const timeout = 3000;
const maxOutput = 64 * 1024 * 1024;

/** A record's lists `seen`, `all` and `volume`. */
export interface Proof {
  readonly seen: string;
  readonly all: string;
  readonly volume: string;
}

/**
 * The lists of metadata, where these are proof: every file was last changed at an earlier tick of its
 * file system's clock than now, so that a later change gives it another time. What was written by
 * this very run is only a tick old, so it is worth waiting for the next one.
 */
export async function lookAtMetadata(
  facts: SteadyFacts,
  record: string,
): Promise<Proof | undefined> {
  const clock = join(record, "seen");
  for (let attempt = 0; attempt < 5; attempt += 1) {
    writeFileSync(clock, "");
    const now = statSync(clock, { bigint: true });
    const elsewhere = BigInt(Date.now()) * 1_000_000n - clockSkew;
    const text = (await listMetadata(facts, record)) ?? "";
    if (!hasPrograms(text)) return undefined;
    const rows = text.split("\n").slice(0, -1);
    const changes = rows.map(parseRow).map(({ changed = 0n, name }) => {
      const isForeign = name.startsWith("watch/") && deviceOf(join(record, name)) !== now.dev;
      return { isForeign, isYoung: changed >= (isForeign ? elsewhere : now.ctimeNs) };
    });
    const young = changes.filter(({ isYoung }) => isYoung);
    if (young.length === 0) return split(rows);
    // Waiting helps only on the volume: elsewhere it would take seconds.
    if (young.some(({ isForeign }) => isForeign)) return undefined;
    await sleep(12);
  }
  return undefined;
}

/** Where find cannot print metadata, `by-stat` tells the entrypoint so, here and ever after. */
async function listMetadata(facts: SteadyFacts, record: string): Promise<string | undefined> {
  const text = await list(facts, "all", record);
  if (text === undefined || hasPrograms(text)) return text;
  writeFileSync(join(record, "by-stat"), "");
  return await list(facts, "all", record);
}

const hasPrograms = (text: string): boolean => text.includes(" programs/");

function split(rows: readonly string[]): Proof {
  const kindOf = (row: string) => parseRow(row).name.split("/", 1)[0] ?? "";
  const text = (some: readonly string[]) => some.map((row) => `${row}\n`).join("");
  return {
    seen: text(rows.filter((row) => kindOf(row) !== "trees")),
    all: text(rows),
    volume: text(rows.filter((row) => ["programs", "trees"].includes(kindOf(row)))),
  };
}

/**
 * A row is `MODE SIZE CHANGED INODE NAME`, where CHANGED is in seconds since 1970 or, from busybox, a
 * date; the view and the names of system/ have no such form.
 */
function parseRow(row: string): { changed?: bigint; name: string } {
  const found = /^\w+ \d+ (.+?)\.(\d{9})\d*( \+0000)? \d+ (.*)$/.exec(row);
  if (found === null) return { name: "" };
  const [, whole = "", fraction = "", zone, name = ""] = found;
  const seconds = zone ? Date.parse(`${whole}Z`) / 1000 : Number(whole);
  if (!Number.isInteger(seconds)) return { name: "" };
  return { changed: BigInt(seconds) * 1_000_000_000n + BigInt(fraction), name };
}

/** Of what a link leads to; of the link itself where it dangles, as `find -H` has it. */
function deviceOf(path: string): bigint {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.dev ?? statSync(dirname(path), { bigint: true }).dev;
}

/**
 * The list of contents, if it is what the run saw. Undefined where it cannot be had, or where the search
 * finds SKILL.md files that the run did not count (too deep, or behind a link that is not followed):
 * content alone then cannot tell whether they still do not count.
 */
export async function lookAtContent(
  facts: SteadyFacts,
  record: string,
): Promise<string | undefined> {
  const seen = new Map<string, string>();
  for (const { path, sha256 } of facts.inputs) {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (sha256 === "") continue;
    if (found === undefined) throw new Unrecordable(path);
    seen.set(idOf(found), sha256);
  }
  const text = await list(facts, "content", record);
  // What sha256sum prints of a name that it had to escape begins with a backslash.
  if (text === undefined || !text.endsWith("\nend\n") || /^\\/m.test(text)) return undefined;
  const found = [...text.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)].map(
    ([, sha256 = "", path = ""]) => {
      return { sha256, path, id: idOf(statSync(join(record, path), { bigint: true })) };
    },
  );
  const skillDirs = new Set(found.map(({ path }) => dirname(path)));
  const counted = found.filter(({ id, sha256, path }) => {
    const expected = seen.get(id);
    if (expected !== undefined && expected !== sha256) throw new Unrecordable(path);
    return expected !== undefined;
  });
  const isWhole =
    facts.inputs.every(({ sha256 }) => sha256 !== "") &&
    new Set(counted.map(({ id }) => id)).size === seen.size &&
    found.every(({ id, path }) => seen.has(id) || !counts(path, skillDirs));
  return isWhole ? text : undefined;
}

/** False of what nobody reads: below a directory that has a SKILL.md, or below the recipes' own. */
function counts(path: string, skillDirs: ReadonlySet<string>): boolean {
  const [kind, , ...below] = path.split("/");
  if (kind === "files") return false;
  if (kind === "listed") return below.length === 1 && path.endsWith(".yaml");
  for (let dir = dirname(dirname(path)); dir.includes("/"); dir = dirname(dir)) {
    if (skillDirs.has(dir)) return false;
  }
  return true;
}

/** Tells one file from another, whatever name it was reached by. */
function idOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** What the entrypoint lists; undefined where it fails. */
async function list(
  { entrypoint, path, view }: SteadyFacts,
  what: string,
  record: string,
): Promise<string | undefined> {
  const { status, stdout } = await run({
    argv: ["/bin/sh", entrypoint, "--look", what, record, view],
    env: { PATH: path },
    cwd: record,
    timeout,
    maxOutput,
  });
  return status === 0 ? stdout : undefined;
}

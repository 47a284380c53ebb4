import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { diskMeaning, errnoName } from "../../core/system-error.ts";
import { judgeChangeTimes, stampStep, type Times, type Traits } from "../../core/traits.ts";
import { run } from "../exec.ts";
import { fileError, orNothing } from "../files.ts";
import { makeExecutable } from "./modes.ts";
import { unfit } from "./unfit.ts";

/**
 * The disk is full or the machine is short of something: nothing is known about the file system.
 */
export class Untried extends Error {}

export const isSystemError = (thrown: unknown): boolean =>
  typeof (thrown as NodeJS.ErrnoException).errno === "number";

const short = ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EROFS"];

/**
 * The result of `work`, or `otherwise` of its error; tried twice, because one call may fail on any
 * disk.
 */
function attempt<T>(work: () => T, otherwise: (cause: NodeJS.ErrnoException) => T): T {
  for (let left = 1; ; left--) {
    try {
      return work();
    } catch (cause) {
      if (left > 0) continue;
      const code = errnoName(cause);
      if (short.includes(code)) throw new Untried(code);
      return otherwise(cause as NodeJS.ErrnoException);
    }
  }
}

const can = (work: () => void): boolean =>
  attempt(
    () => {
      work();
      return true;
    },
    () => false,
  );

/** Throws the error for a volume whose file system cannot do this. */
function need(dir: string, what: Parameters<typeof unfit>[1], work: () => void): void {
  attempt(work, (cause) => {
    const isFailing = diskMeaning(cause) !== undefined;
    throw isFailing ? fileError("work in", dir, cause) : unfit(dir, what, cause);
  });
}

/** An empty work directory. Throws a UserError, or `Untried`. */
export function makeWorkDir(dir: string): void {
  const isMade = (): boolean => lstatSync(dir, { throwIfNoEntry: false })?.isDirectory() === true;
  const refused = (cause: unknown): never => {
    throw fileError("create", dir, cause);
  };
  attempt(() => isMade() || mkdirSync(dir), refused);
}

/**
 * Probes what every volume needs, in an empty work directory: symbolic links that can be created,
 * read and followed, also upwards as in `bin/`; programs that start through them; names that trees
 * have. Throws a UserError: `unmet` if the file system lacks it, `disk` if it fails; or `Untried`.
 */
export async function tryNeeds(dir: string): Promise<void> {
  const [bin, tree] = [join(dir, "bin"), join(dir, "lib")];
  const [link, program, target] = [join(bin, "program"), join(tree, "program"), "../lib/program"];
  for (const made of [bin, tree]) need(dir, "names", () => mkdirSync(made, { recursive: true }));
  need(dir, "names", () => writeFileSync(join(tree, "._a+b@c%d=e-1.0~rc"), ""));
  need(dir, "names", () => writeFileSync(program, "#!/bin/sh\necho started\n", { mode: 0o777 }));
  need(dir, "symbolic links", () => {
    rmSync(link, { force: true });
    symlinkSync(target, link);
    if (!lstatSync(link).isSymbolicLink()) throw new Error(`${link} became no link`);
  });
  need(dir, "links upwards", () => {
    if (readlinkSync(link) !== target) throw new Error(`${link} points to ${readlinkSync(link)}`);
    if (!statSync(link).isFile()) throw new Error(`${link} does not lead to the program`);
  });
  makeExecutable(program);
  await start(link, dir);
}

async function start(program: string, dir: string): Promise<void> {
  const command = { argv: [program] as const, env: {}, cwd: "/", timeout: 10_000 };
  const ended = await run(command).catch((cause: unknown) => cause as NodeJS.ErrnoException);
  const isRefused = "code" in ended && ["EACCES", "EPERM", "ENOEXEC"].includes(ended.code ?? "");
  if (isRefused) throw unfit(dir, "programs", ended);
  const isStarted = "stdout" in ended && ended.stdout === "started\n";
  // No shell here, or too many processes: not the file system's fault.
  if (!isStarted) throw new Untried("a program did not start");
}

/** Probes how the file system differs, in a work directory. Throws `Untried`. */
export async function tryTraits(dir: string): Promise<Traits> {
  const at = (name: string): string => join(dir, name);
  const make = (name: string): string => {
    writeFileSync(at(name), "");
    return at(name);
  };
  const same = ["Case", "case", "\u00e9", "e\u0301"] as const;
  const isThere = (name: string): boolean =>
    lstatSync(at(name), { throwIfNoEntry: false }) !== undefined;
  make(same[0]);
  const form = can(() => make(same[2])) && !isThere(same[3]);
  const chmod = tryModes(make("mode"));
  const { changeTimes, stampNs } = await tryTimes(make("times"));
  return {
    changeTimes,
    stampNs,
    inodes: tryInodes(make("one"), make("two")) ? "stable" : "unstable",
    chmod,
    caseSensitive: !isThere(same[1]),
    formSensitive: form,
    refusedNames: refusedNames(dir),
    renameDirectory: can(() => moveDirectory(dir)),
    renameOver: can(() => renameSync(make("new"), make("old"))),
    hardLinks: can(() => {
      rmSync(at("link"), { force: true });
      linkSync(make("linked"), at("link"));
    }),
    fsync: can(() => [make("synced"), dir].forEach(sync)),
  };
}

/** Names that some archives have. */
const oddNames: Readonly<Record<string, string>> = {
  colon: "a::b",
  space: "a b",
  "trailing dot": "ab.",
  "trailing space": "ab ",
  backslash: "a\\b",
  'characters of shells (*?"<>|)': 'a*?"<>|b',
  "letters beyond ASCII": "a\u00e4\u5b57",
  "255 bytes": "n".repeat(255),
};

/** Names that cannot be created, or are listed differently. */
function refusedNames(dir: string): string[] {
  const names = join(dir, "names");
  mkdirSync(names);
  const kinds = Object.entries(oddNames);
  const made = kinds.filter(([, name]) => can(() => writeFileSync(join(names, name), "")));
  const listed = readdirSync(names).map((name) => name.normalize("NFC"));
  return kinds
    .filter((kind) => !made.includes(kind) || !listed.includes(kind[1]))
    .map(([kind]) => kind);
}

function tryModes(path: string): Traits["chmod"] {
  const is = (mode: number): boolean => {
    chmodSync(path, mode);
    return (lstatSync(path).mode & 0o777) === mode;
  };
  const isSet = attempt(
    () => is(0o600) && is(0o755),
    () => undefined,
  );
  return isSet === undefined ? "refused" : isSet ? "set" : "ignored";
}

function moveDirectory(dir: string): void {
  const [from, to] = [join(dir, "from"), join(dir, "to")];
  mkdirSync(join(from, "tree"), { recursive: true });
  mkdirSync(to, { recursive: true });
  writeFileSync(join(from, "tree", "file"), "");
  renameSync(join(from, "tree"), join(to, "tree"));
}

function sync(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** True if a file keeps its inode, also under another name, and no other file has it. */
function tryInodes(one: string, two: string): boolean {
  const inode = (path: string): bigint => lstatSync(path, { bigint: true }).ino;
  const first = inode(one);
  if (first === 0n || first === inode(two) || first !== inode(one)) return false;
  renameSync(one, `${one}-moved`);
  return inode(`${one}-moved`) === first;
}

/** How long to wait for another tick of a coarse clock, once (ms). */
const [usualWait, longestWait] = [60, 2200];
/** 2001: older than any of our files. */
const past = 1_000_000_001;

async function tryTimes(path: string): Promise<Pick<Traits, "changeTimes" | "stampNs">> {
  const readTimes = (): Times => lstatSync(path, { bigint: true });
  const made = readTimes();
  const setBack = attempt<Times | undefined>(
    () => {
      utimesSync(path, past + 0.123457, past + 0.123457);
      return readTimes();
    },
    () => undefined,
  );
  const samples = [made.ctimeNs, made.mtimeNs, ...(setBack ? [setBack.mtimeNs] : [])];
  const wait = samples.every((time) => time % 1_000_000_000n === 0n) ? longestWait : usualWait;
  const written = await change(readTimes, wait, () => write(path));
  // It is conclusive only if times cannot be set.
  const mode = () => change(readTimes, wait, () => orNothing(() => chmodSync(path, 0o644)));
  const moded = setBack ? written : await mode();
  for (const { ctimeNs, mtimeNs } of [...written, ...moded]) samples.push(ctimeNs, mtimeNs);
  const seen = { made, setBack, past: BigInt(past) * 1_000_000_000n, written, moded } as const;
  return { changeTimes: judgeChangeTimes(seen), stampNs: stampStep(samples) };
}

/** A file's times before and after a change, at a later clock tick if there is one. */
async function change(
  readTimes: () => Times,
  most: number,
  work: () => void,
): Promise<[Times, Times]> {
  const before = readTimes();
  for (let waited = 0, step = 5; ; waited += step, step *= 2) {
    await sleep(step);
    work();
    const after = readTimes();
    if (after.ctimeNs !== before.ctimeNs || waited > most) return [before, after];
  }
}

function write(path: string): void {
  const file = openSync(path, constants.O_WRONLY);
  try {
    writeSync(file, "x", 0);
  } finally {
    closeSync(file);
  }
}

import { lstatSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isStatusSkill, statusSkill } from "../core/status-skill.ts";
import { fileError, listNames, lstatIfExists, orNothing, writeAtomically } from "./files.ts";
import { tryRead } from "./input.ts";

/** An unfinished file of this age is from a killed run (ms). */
const graceMs = 10 * 60 * 1000;
/** Those that `writeAtomically` makes. OpenClaw takes none of them for a skill. */
const temporary = /^\.[0-9a-f]{12}\.tmp$/;

/** The path of the status skill below OpenClaw's state directory. */
export function statusFile(state: string): string {
  return join(state, "skills", statusSkill.name, "SKILL.md");
}

/** A status skill's bytes; undefined if there is none: the file may be absent, or somebody else's. */
export function readStatusSkill(file: string): Buffer | undefined {
  const { bytes } = tryRead(file, { maxBytes: statusSkill.maxBytes, noLink: true });
  return bytes && isStatusSkill(bytes.toString("utf8")) ? bytes : undefined;
}

/** What came of writing. */
export interface Written {
  /** What else is in the place, and stays as it is, in a few words. */
  readonly other?: string;
  /** The directory of all skills was made, too. */
  readonly madeRoot: boolean;
}

/**
 * Writes the status skill in one step, and makes its directory, and that of all skills, where there is none.
 * Throws a UserError if the disk does not allow it.
 */
export async function writeStatusSkill(file: string, text: string): Promise<Written> {
  const dir = dirname(file);
  const other = await otherThing(file);
  if (other !== undefined) return { other, madeRoot: false };
  const made = makeDirectories([dirname(dir), dir]);
  try {
    await writeAtomically(file, text, { durable: false });
  } catch (error) {
    for (const path of made) orNothing(() => rmdirSync(path)); // what was made for nothing
    throw error;
  }
  removeStale(dir);
  return { madeRoot: made.includes(dirname(dir)) };
}

async function otherThing(file: string): Promise<string | undefined> {
  const dir = dirname(file);
  const place = await lstatIfExists(dir);
  if (place === undefined) return undefined;
  if (!place.isDirectory()) return `${dir} is not a directory`;
  const found = await lstatIfExists(file);
  if (found === undefined) {
    const isEmpty = listNames(dir).every((name) => temporary.test(name));
    return isEmpty ? undefined : `${dir} holds other files`;
  }
  if (!found.isFile()) return `${file} is not a regular file`;
  return readStatusSkill(file) === undefined ? `${file} is another skill` : undefined;
}

/** Those that were made, the innermost first. */
function makeDirectories(dirs: readonly string[]): string[] {
  const made: string[] = [];
  for (const dir of dirs) {
    try {
      mkdirSync(dir);
      made.unshift(dir);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw fileError("create", dir, cause);
    }
  }
  return made;
}

function removeStale(dir: string): void {
  for (const name of listNames(dir).filter((it) => temporary.test(it))) {
    orNothing(() => {
      const path = join(dir, name);
      if (Date.now() - lstatSync(path).mtimeMs > graceMs) rmSync(path);
    });
  }
}

/**
 * The directory in which agents ask for tools. Who can write there is not trusted: names are read and never a
 * content; nothing is followed, nothing that is there is opened for writing. The directory is opened once per
 * use, and everything is reached through that descriptor, so that a link in its place leads nowhere.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  opendirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { isBinName } from "../core/names.ts";
import { orNothing } from "../core/or-nothing.ts";
import { token } from "./files.ts";
import { tryRead } from "./input.ts";

/** Answers end with this, and no request does. */
const ending = ".answer";
/** Entries that are looked at, of whatever name. */
const maxEntries = 10_000;

/** What is in the directory. */
export interface RequestNames {
  /** Valid names of programs, sorted. */
  readonly names: readonly string[];
  /** There are more entries than are looked at. */
  readonly isCut: boolean;
  /** There is no such directory. */
  readonly isMissing?: boolean;
}

/**
 * The names in the directory; none if it does not exist. Throws the system error where it cannot be
 * read, `ELOOP` or `ENOTDIR` where it is a link or a file.
 */
export function readRequests(dir: string): RequestNames {
  try {
    return onDirectory(dir, namesIn);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    return { names: [], isCut: false, isMissing: true };
  }
}

function namesIn(path: string): RequestNames {
  const names: string[] = [];
  const entries = opendirSync(path);
  try {
    for (let count = 0; count < maxEntries; count += 1) {
      const entry = entries.readSync();
      if (entry === null) return { names: names.sort(), isCut: false };
      if (isBinName(entry.name) && !entry.name.endsWith(ending)) names.push(entry.name);
    }
    return { names: names.sort(), isCut: true };
  } finally {
    entries.closeSync();
  }
}

/** What those of the names are that are no regular files. */
export function oddRequests(dir: string, names: readonly string[]): Map<string, string> {
  return onDirectory(dir, (path) => {
    const kinds = names.flatMap((name) => {
      const kind = kindOf(join(path, name));
      return kind === undefined ? [] : [[name, kind] as const];
    });
    return new Map(kinds);
  });
}

function kindOf(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats || stats.isFile()) return undefined;
  if (stats.isSymbolicLink()) return "a link";
  return stats.isDirectory() ? "a directory" : "a pipe, a socket or a device";
}

export interface WrittenAnswers {
  /** Names whose answer is another one now. */
  readonly changed: readonly string[];
  /** Names whose answer could not be written, and the first error. */
  readonly failed: readonly string[];
  readonly error?: unknown;
}

/** Writes `NAME.answer` for each name, unless it has this text already. */
export function writeAnswers(dir: string, answers: ReadonlyMap<string, string>): WrittenAnswers {
  const changed: string[] = [];
  const failed: string[] = [];
  let error: unknown;
  const write = (path: string): void => {
    for (const [name, text] of answers) {
      try {
        if (replace(path, `${name}${ending}`, text)) changed.push(name);
      } catch (cause) {
        error ??= cause;
        failed.push(name);
      }
    }
  };
  try {
    onDirectory(dir, write);
  } catch (cause) {
    return { changed, failed: [...answers.keys()], error: cause };
  }
  return { changed, failed, ...(error === undefined ? {} : { error }) };
}

/** False if the file has this text. It is replaced by a new one, whatever lies there. */
function replace(dir: string, name: string, text: string): boolean {
  const path = join(dir, name);
  if (hasText(path, text)) return false;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const temporary = join(dir, `.${token()}.tmp`);
  const file = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    try {
      writeSync(file, text);
      orNothing(() => fchmodSync(file, 0o644)); // agents read it, whatever the umask
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    orNothing(() => rmSync(temporary, { force: true }));
    throw cause;
  }
  return true;
}

function hasText(path: string, text: string): boolean {
  const size = Buffer.byteLength(text);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile() || stats.size !== size) return false;
  return tryRead(path, { maxBytes: size, noLink: true }).bytes?.toString("utf8") === text;
}

function onDirectory<T>(dir: string, work: (path: string) => T): T {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const descriptor = openSync(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    return work(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

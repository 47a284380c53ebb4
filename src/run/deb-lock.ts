import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { renderDebLock } from "../core/deb-lock.ts";
import { parseDebWanted } from "../core/deb-wanted.ts";
import { UserError } from "../core/errors.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { createHttp } from "../net/http.ts";
import { makeLock, type SeenContents } from "../sources/deb-author.ts";
import { openRelease } from "../sources/deb-index.ts";
import type { Place } from "./place.ts";

/** A lock that was written: its file, and how many packages it has per processor. */
export interface WrittenLock {
  readonly file: string;
  readonly packages: Readonly<Record<string, number>>;
}

/**
 * Makes the lock of each recipe anew, from the signed index that the machine's apt uses, and writes it
 * beside the recipe. Nothing is written for a recipe that is wrong.
 */
export async function lockRecipes(
  place: Place,
  files: readonly string[],
  onLock: (lock: WrittenLock) => void,
): Promise<void> {
  const { env, options, clock } = place;
  const http = createHttp({ env, mirrors: options.mirrors, offline: options.offline });
  const dir = await mkdtemp(join(tmpdir(), "openclaw-lock-"));
  try {
    const context = { http, apt: await readAptConfig(env), dir, clock };
    const release = await openRelease(context);
    const seen: SeenContents = new Map();
    for (const file of files.map((name) => resolve(name))) {
      const wanted = parseDebWanted(await readFile(file, "utf8"), file);
      const lock = await makeLock(wanted, release, context, seen).catch((error: unknown) => {
        throw error instanceof UserError ? inFile(file, error) : error;
      });
      const target = join(dirname(file), wanted.lock);
      await writeFile(target, renderDebLock(lock));
      const counts = Object.entries(lock.packages).map(([arch, list]) => [arch, list.length]);
      onLock({ file: target, packages: Object.fromEntries(counts) });
    }
  } finally {
    await http.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function inFile(file: string, { code, message, hint, cause }: UserError): UserError {
  return new UserError(code, `${file}: ${message}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

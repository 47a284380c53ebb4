import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { exitStatus, UserError } from "../core/errors.ts";
import { placedSources } from "../core/recipe-checks.ts";
import { createHttp } from "../net/http.ts";
import { readNpmConfig } from "../net/npm-config.ts";
import { authorGoSum } from "../run/go-author.ts";
import type { Place } from "../run/place.ts";
import { authorPypiLock } from "../run/pypi-author.ts";

/** `recipe lock FILE…`: makes the locks that recipes name, and says the checksums that they need. */
export async function lockRecipes(place: Place, files: readonly string[]): Promise<number> {
  if (files.length === 0) {
    throw new UserError("usage", "recipe lock: no file is named", {
      hint: "Write openclaw-install-skill-deps recipe lock recipes/black.yaml",
    });
  }
  for (const file of files) await lockRecipe(place, resolve(file));
  return exitStatus.done;
}

async function lockRecipe(place: Place, file: string): Promise<void> {
  const { env, home, options, reporter } = place;
  const sources = placedSources(parse(await readFile(file, "utf8"))).map(({ source }) => source);
  const locks = new Map(sources.flatMap(({ pypi, lock }) => (pypi && lock ? [[lock, pypi]] : [])));
  const modules = new Set(sources.flatMap(({ go, sum }) => (go && sum ? [go] : [])));
  const { mirrors, offline } = options;
  const http = createHttp({ env, mirrors, offline, settings: () => readNpmConfig(env, home) });
  try {
    for (const [lock, pypi] of locks) {
      const text = await authorPypiLock(pypi, { env, home, http, emit: reporter.emit });
      await writeFile(join(dirname(file), lock), text);
      place.stdout.write(`${join(dirname(file), lock)}: ${pypi}\n`);
    }
    for (const module of modules) {
      place.stdout.write(`${file}: ${module}\n  sum: ${await authorGoSum(module, env)}\n`);
    }
  } finally {
    await http.close();
  }
}

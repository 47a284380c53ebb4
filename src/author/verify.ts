import { join } from "node:path";
import pLimit from "p-limit";
import { formatDigest } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { once } from "../core/once.ts";
import type { Artifact } from "../core/recipe.ts";
import { mkdir, rm } from "../io/disk.ts";
import { findOnPath } from "../io/volume/bins.ts";
import { readAptConfig } from "../net/apt-config.ts";
import { readGoConfig } from "../net/go-config.ts";
import { type ArchiveContext, stageArchive } from "../sources/archive.ts";
import { downloadDeb } from "../sources/debian/mirrors.ts";
import { downloadModule } from "../sources/go/module.ts";
import { stageNpmPackage } from "../sources/npm/package.ts";
import { downloadTarball } from "../sources/npm/registry.ts";
import { downloadWheel } from "../sources/python/index.ts";
import type { Bins } from "../sources/tree.ts";
import type { DraftContext } from "./draft.ts";
import { lockGoModule } from "./lock-go.ts";
import { readIndexes } from "./lock-pypi.ts";

const filesAtOnce = 6;

/** Fetches all that artifacts pin and compares it; what several pin is fetched once. */
export interface Verifier {
  /**
   * The number of files that were right. Throws a UserError: `integrity` where one is another than
   * the recipe promises, `recipe` where an archive is not as the recipe says or lacks one of `bins`, any
   * other where one could not be had.
   */
  verify(artifact: Artifact, bins: Bins): Promise<number>;
}

/** Fetches into a file, or into a directory of that name. */
type Fetch = (file: string, signal: AbortSignal) => Promise<unknown>;

export function openVerifier(place: DraftContext): Verifier {
  const { http, env, home, dir } = place;
  const limit = pLimit(filesAtOnce);
  const signal = place.signal ?? new AbortController().signal;
  const apt = once(() => readAptConfig(env));
  const pip = once(() => readIndexes(place));
  const go = once(async () => {
    const onPath = findOnPath(["go"], env.PATH ?? "", "/nonexistent");
    return readGoConfig(env, home, onPath.get("go"));
  });
  const seen = new Map<string, Promise<unknown>>();
  let count = 0;
  const check = (id: string, bring: Fetch): Promise<unknown> => {
    const found = seen.get(id);
    if (found) return found;
    count += 1;
    const file = join(dir, `verify-${count}`);
    const work = limit(async () => {
      await bring(file, signal);
      await rm(file, { recursive: true, force: true });
    });
    seen.set(id, work);
    return work;
  };
  const all = async (work: readonly Promise<unknown>[]): Promise<number> => {
    const settled = await Promise.allSettled(work);
    const errors = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    const wrong = errors.find((error) => error instanceof UserError && error.code === "integrity");
    if (errors.length > 0) throw wrong ?? errors[0];
    return work.length;
  };
  /** As an installation brings it, so that what it says of the archive is the same. */
  const unpacked = async (
    dir: string,
    stage: (context: ArchiveContext) => Promise<unknown>,
    bins: Bins,
  ): Promise<void> => {
    await mkdir(dir);
    const onProgress = () => {};
    await stage({ http, npm: place.npm, dir, bins, written: new Map(), onProgress, signal });
  };
  const verify: Verifier["verify"] = async (artifact, bins) => {
    switch (artifact.kind) {
      case "archive": {
        const { url, digest, format, strip } = artifact;
        const id = JSON.stringify([url, formatDigest(digest), format, strip, bins]);
        return await all([
          check(id, (dir) => unpacked(dir, (context) => stageArchive(artifact, context), bins)),
        ]);
      }
      case "npm-package": {
        const { name, version, digest, strip } = artifact;
        const id = JSON.stringify([name, version, formatDigest(digest), strip, bins]);
        return await all([
          check(id, (dir) => unpacked(dir, (context) => stageNpmPackage(artifact, context), bins)),
        ]);
      }
      case "npm-closure": {
        const npm = await place.npm();
        return await all(
          artifact.packages.map(({ name, version, digest }) =>
            check(`npm ${name} ${version} ${formatDigest(digest)}`, (file) =>
              downloadTarball({ http, npm, name, version, digest, file, signal }),
            ),
          ),
        );
      }
      case "debian": {
        const { snapshot, packages } = artifact;
        const config = await apt();
        return await all(
          packages.map((locked) =>
            check(`deb ${locked.path} ${formatDigest(locked.digest)}`, (file) =>
              downloadDeb({ http, apt: config, locked, snapshot, file, signal }),
            ),
          ),
        );
      }
      case "python": {
        const config = await pip();
        return await all(
          artifact.wheels.map((wheel) =>
            check(`pypi ${wheel.file} ${formatDigest(wheel.digest)}`, (file) =>
              downloadWheel({ http, pip: config, wheel, file, signal }),
            ),
          ),
        );
      }
      case "go-module": {
        const config = await go();
        const id = `go ${artifact.module} ${artifact.version} ${formatDigest(artifact.digest)}`;
        return await all([
          check(id, (file) => downloadModule(artifact, file, { http, signal }, config)),
        ]);
      }
      case "go-build": {
        const { module, version, sum } = artifact;
        return await all([check(`go ${module} ${version} ${sum}`, () => verifySum(artifact, env))]);
      }
      case "declared":
        throw new Error("a recipe file holds no declaration");
    }
  };
  return { verify };
}

async function verifySum(
  { module, version, sum }: Extract<Artifact, { kind: "go-build" }>,
  env: DraftContext["env"],
): Promise<void> {
  const found = await lockGoModule(`${module}@${version}`, env);
  if (found.sum === sum) return;
  const message = `${module}@${version}: expected ${sum}, got ${found.sum}`;
  throw new UserError("integrity", message, {
    hint: "Either the recipe is wrong, or the proxy serves another module.",
  });
}

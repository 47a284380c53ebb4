/** Whatever a path says: what it names lies inside, or it is refused. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, normalize, sep } from "node:path";
import { expect, test } from "vitest";
import { isRelativePath } from "../../src/core/names.ts";
import { resolveInside } from "../../src/unpack/links.ts";
import { Refusal } from "../../src/unpack/refusals.ts";
import { treeWriter } from "../../src/unpack/tree.ts";
import { type Chance, chance } from "../support/random.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const rounds = 50 + 400 * Number(process.env.FUZZ_SECONDS ?? 0);
const parts = [
  "a",
  "b",
  "c",
  "..",
  ".",
  "",
  "...",
  "..a",
  "a..",
  " ",
  "-",
  "\\",
  "\\..",
  "~",
  "%2e%2e",
  "a\n",
];

function randomPath({ below, one }: Chance): string {
  const path = Array.from({ length: 1 + below(6) }, () => one(parts)).join("/");
  return below(10) === 0 ? `/${path}` : path;
}

function isInside(path: string): boolean {
  const plain = normalize(path);
  return !plain.startsWith("/") && plain !== ".." && !plain.startsWith("../");
}

test("a plain relative path stays below its root, and is its own shortest form", () => {
  for (let round = 0; round < rounds * 20; round += 1) {
    const path = randomPath(chance(seed + round));
    if (!isRelativePath(path)) continue;
    expect(isInside(path), `FUZZ_SEED=${seed + round}`).toBe(true);
    expect(normalize(path)).toBe(path);
  }
});

test("a link's target is inside, or there is none", () => {
  for (let round = 0; round < rounds * 20; round += 1) {
    const any = chance(seed + round);
    const place = Array.from({ length: 1 + any.below(4) }, () => any.one(["a", "b"])).join("/");
    const target = randomPath(any).replace(/^\/+/, "");
    const found = resolveInside(place, target);
    const truth = normalize(join("/root/of/it", place, "..", target));
    const inside = truth === "/root/of/it" || truth.startsWith("/root/of/it/");
    if (found === undefined) continue; // it may be refused for leaving and coming back
    expect(inside, `FUZZ_SEED=${seed + round}: ${place} -> ${target}`).toBe(true);
    expect(join("/root/of/it", found)).toBe(truth.replace(/\/$/, ""));
  }
});

/** Anything at all, as an archive would ask for it. */
function writeAnything(tree: ReturnType<typeof treeWriter>, any: Chance): void {
  const path = randomPath(any);
  const other = randomPath(any);
  switch (any.below(4)) {
    case 0:
      tree.directory(path);
      break;
    case 1:
      tree.symlink(path, other);
      break;
    case 2:
      tree.hardlink(path, other);
      break;
    default: {
      const file = tree.file(path, any.below(0o10000));
      file?.write(Buffer.from("x"));
      file?.close();
    }
  }
}

function everyPath(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return lstatSync(path).isDirectory() ? [path, ...everyPath(path)] : [path];
  });
}

test("whatever entries come, nothing lies or leads outside of the tree", {
  timeout: 600_000,
}, () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "paths-")));
  try {
    for (let round = 0; round < rounds; round += 1) {
      const label = `FUZZ_SEED=${seed + round}`;
      const any = chance(seed + round);
      const root = join(dir, "above", "tree");
      rmSync(join(dir, "above"), { recursive: true, force: true });
      mkdirSync(root, { recursive: true });
      const tree = treeWriter(root, any.below(3), { bytes: 1000, entries: 100 });
      // As in an archive, one refusal would end it; here the others are tried all the same.
      for (let entries = any.below(12); entries > 0; entries -= 1) {
        expectOnlyRefusals(label, () => writeAnything(tree, any));
      }
      expectOnlyRefusals(label, () => tree.finish());
      tree.close();
      expect(readdirSync(dir), label).toEqual(["above"]);
      expect(readdirSync(join(dir, "above")), label).toEqual(["tree"]);
      for (const path of everyPath(root)) {
        const leadsTo = realTarget(path);
        expect(leadsTo === root || leadsTo.startsWith(root + sep), `${label}: ${path}`).toBe(true);
        if (!lstatSync(path).isSymbolicLink()) {
          expect(lstatSync(path).mode & 0o7022, `${label}: ${path}`).toBe(0);
        }
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Where the kernel goes; the path itself where that is nowhere. */
function realTarget(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function expectOnlyRefusals(label: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    expect(error, `${label}: ${String((error as Error).stack)}`).toBeInstanceOf(Refusal);
  }
}

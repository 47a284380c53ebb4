/** Equal files of library sets are one file on the disk, and what is damaged is not spread. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layout } from "../../src/core/layout.ts";
import { bytesOf } from "../../src/io/volume/prune.ts";
import { learnDigests, renewedRecords } from "../../src/io/volume/renew-records.ts";
import { shareFiles } from "../../src/io/volume/shared-files.ts";
import { type DraftRecord, examineTree, isUnchanged, publish } from "../../src/io/volume/store.ts";
import { listTree, type WrittenDigests } from "../../src/io/volume/tree-list.ts";
import { openVolume } from "../../src/io/volume/volume.ts";

let prefix: string;
beforeEach(async () => {
  prefix = mkdtempSync(join(tmpdir(), "shared-files-"));
  await openVolume(prefix);
});
afterEach(() => rmSync(prefix, { recursive: true, force: true }));

function write(root: string, files: Readonly<Record<string, string>>): string {
  for (const [path, body] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), body);
  }
  return root;
}

const inode = (...path: string[]): number => lstatSync(join(...path)).ino;

async function publishSet(id: string, files: Readonly<Record<string, string>>) {
  const tool = `libraries-${id.repeat(16)}-node`;
  const key = id.repeat(12);
  const draft: DraftRecord = {
    ...{ tool, version: "1", key, dir: layout.treeDir(tool, "1", key) },
    source: { kind: "node-libraries", from: "2 npm packages", digest: "sha256:0", size: 1 },
    ...{ bins: {}, needs: [], license: "unknown", recipe: "", installedAt: "2026-01-01T00:00:00Z" },
  };
  const tree = write(join(prefix, "lib/.staging", id), files);
  return await publish(prefix, tree, new Map(), draft, Number.POSITIVE_INFINITY);
}

const words = { "node_modules/words/index.js": "exports.words = 1;\n" };
const big = { "node_modules/big/index.js": "x".repeat(300_000) };

test("sets share equal files, and each is intact before and after the other is removed", async () => {
  const first = await publishSet("a", { ...words, ...big });
  const second = await publishSet("b", { ...big, "node_modules/own/index.js": "1\n" });
  const path = "node_modules/big/index.js";
  expect(inode(prefix, second.dir, path)).toBe(inode(prefix, first.dir, path));
  const [one, two] = [join(prefix, first.dir), join(prefix, second.dir)];
  expect((await bytesOf(one)) + (await bytesOf(two))).toBeLessThan(320_000);
  for (const record of [first, second])
    expect((await examineTree(prefix, record)).paths).toEqual([]);
  rmSync(one, { recursive: true });
  expect((await examineTree(prefix, second)).paths).toEqual([]);
});

test("a link changes the times of both sets: their records are renewed, those of damaged ones are not", async () => {
  const first = await publishSet("a", big);
  const other = await publishSet("c", words);
  const second = await publishSet("b", big);
  expect(isUnchanged(prefix, first)).toBe(false);
  const found = await renewedRecords(prefix, [first, other, second], new Map());
  expect(found.map(({ tool }) => tool)).toEqual([first.tool]);
  expect(found.every((record) => isUnchanged(prefix, record))).toBe(true);
  writeFileSync(join(prefix, first.dir, "node_modules/big/index.js"), "y".repeat(300_000));
  expect(await renewedRecords(prefix, [...found, second], new Map())).toEqual([]);
});

test("what no link has touched is not read again, and what somebody has changed is", async () => {
  const first = await publishSet("a", { ...big, ...words });
  const known: WrittenDigests = new Map();
  await learnDigests(prefix, [first], known);
  const before = known.size;
  await publishSet("b", big);
  const [found] = await renewedRecords(prefix, [first], known);
  expect(found && isUnchanged(prefix, found)).toBe(true);
  expect([before, known.size]).toEqual([2, 3]); // the linked file alone has a new stamp
  writeFileSync(join(prefix, first.dir, "node_modules/words/index.js"), "exports.words = 2;\n");
  expect(await renewedRecords(prefix, [first], known)).toEqual([]);
  const changed: WrittenDigests = new Map();
  await learnDigests(prefix, [first], changed);
  expect(changed.size).toBe(0);
});

test("a file that is not what its list says, or has other bits, is not linked", async () => {
  const donor = write(join(prefix, "donor"), {
    a: "same",
    b: "other",
    c: "same but bits",
    d: "link",
  });
  const tree = write(join(prefix, "tree"), {
    a: "same",
    b: "right",
    c: "same but bits",
    d: "link",
  });
  const files = await listTree(tree);
  chmodSync(join(donor, "c"), 0o600);
  rmSync(join(donor, "d"));
  symlinkSync("a", join(donor, "d"));
  shareFiles(tree, files, [{ dir: donor, files }]);
  expect(inode(tree, "a")).toBe(inode(donor, "a"));
  for (const name of ["b", "c", "d"]) expect(inode(tree, name)).not.toBe(inode(donor, name));
  expect(readFileSync(join(tree, "b"), "utf8")).toBe("right");
  expect(await listTree(tree)).toEqual(files); // and nothing is left beside them
});

test("a donor whose files are gone is none", async () => {
  const tree = write(join(prefix, "tree"), { a: "same" });
  const files = await listTree(tree);
  shareFiles(tree, files, [{ dir: join(prefix, "gone"), files }]);
  expect(await listTree(tree)).toEqual(files);
});

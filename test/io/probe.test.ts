import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { layout } from "../../src/core/layout.ts";
import { probe } from "../../src/io/volume/probe.ts";
import { openVolume } from "../../src/io/volume/volume.ts";

let dir: string;
let prefix: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "probe-"));
  prefix = join(dir, "volume");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const record = (at = prefix): string => join(at, layout.traits);
const inodeOf = (path: string): bigint => lstatSync(path, { bigint: true }).ino;

interface Entry {
  kept: { inode: string; changed: string };
  copies: number;
  traits: { inodes: string };
}

function entryOf(at = prefix): Entry {
  const { mounts } = JSON.parse(readFileSync(record(at), "utf8"));
  return Object.values(mounts)[0] as Entry;
}

/** As a run under another mount left it. */
function edit(change: (entry: Entry) => void): void {
  const whole = JSON.parse(readFileSync(record(), "utf8"));
  change(Object.values(whole.mounts)[0] as Entry);
  writeFileSync(record(), JSON.stringify(whole));
}

test("opening a volume finds out what its file system is like, and leaves a record only", async () => {
  await openVolume(prefix);
  expect(entryOf()).toMatchObject({
    copies: 0,
    kept: { inode: `${inodeOf(join(prefix, layout.kept))}` },
    traits: { changeTimes: "move", inodes: "stable", chmod: "set", hardLinks: true, fsync: true },
  });
  expect(readdirSync(join(prefix, layout.staging))).toEqual([]);
  expect(readdirSync(join(prefix, layout.share)).sort()).toEqual(["file-system.json", "inode"]);
});

test("what is known is not tried again", async () => {
  await openVolume(prefix);
  const before = [record(), join(prefix, layout.staging)].map((path) => lstatSync(path).ctimeMs);
  await openVolume(prefix);
  const after = [record(), join(prefix, layout.staging)].map((path) => lstatSync(path).ctimeMs);
  expect(after).toEqual(before);
});

describe("a kept file with another inode", () => {
  beforeEach(async () => {
    await openVolume(prefix);
    edit((entry) => {
      entry.kept.inode = "1";
    });
  });

  test("and the same change time: inodes do not last, and that is kept", async () => {
    expect((await probe(prefix)).inodes).toBe("unstable");
    expect(entryOf().traits.inodes).toBe("unstable");
    const before = inodeOf(record());
    expect((await probe(prefix)).inodes).toBe("unstable");
    expect(inodeOf(record())).toBe(before);
  });

  test("and another change time: a copy, tried again once", async () => {
    const touched = (entry: Entry): void => {
      entry.kept = { inode: "1", changed: "5" };
    };
    edit(touched);
    expect((await probe(prefix)).inodes).toBe("stable");
    expect(entryOf()).toMatchObject({ copies: 1, traits: { inodes: "stable" } });
    edit(touched);
    expect((await probe(prefix)).inodes).toBe("unstable");
  });
});

test("a copied volume is one whose inodes last", async () => {
  await openVolume(prefix);
  const copy = join(dir, "copy");
  execFileSync("cp", ["-a", prefix, copy]);
  await openVolume(copy);
  const kept = { inode: `${inodeOf(join(copy, layout.kept))}` };
  expect(entryOf(copy)).toMatchObject({ copies: 1, kept, traits: { inodes: "stable" } });
});

test("other mounts of the volume stay known", async () => {
  await openVolume(prefix);
  const { mounts } = JSON.parse(readFileSync(record(), "utf8"));
  const [[mount, entry] = []] = Object.entries(mounts);
  writeFileSync(record(), JSON.stringify({ schema: 1, mounts: { "0123456789abcdef": entry } }));
  await probe(prefix);
  const now = JSON.parse(readFileSync(record(), "utf8"));
  expect(Object.keys(now.mounts)).toEqual(["0123456789abcdef", mount]);
});

describe("whatever somebody else has put there, a run goes on", () => {
  test.each<[string, (path: string) => void]>([
    ["text", (path) => writeFileSync(path, "{")],
    ["a record with other words", (path) => writeFileSync(path, '{"schema":1,"mounts":{"x":1}}')],
    ["a link", (path) => symlinkSync("/etc/passwd", path)],
    ["a pipe", (path) => void execFileSync("mkfifo", [path])],
    ["a file without an end", (path) => symlinkSync("/dev/zero", path)],
  ])("%s as the record: it is replaced", async (_, put) => {
    await openVolume(prefix);
    rmSync(record());
    put(record());
    expect((await probe(prefix)).changeTimes).toBe("move");
    expect(entryOf().traits.inodes).toBe("stable");
  });

  test.each<[string, (path: string) => void]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a link", (path) => symlinkSync("/etc/passwd", path)],
    ["a pipe", (path) => void execFileSync("mkfifo", [path])],
  ])("%s as the kept file, or as the record", async (_, put) => {
    await openVolume(prefix);
    for (const path of [join(prefix, layout.kept), record()]) {
      rmSync(path);
      put(path);
      expect((await probe(prefix)).changeTimes).toBe("move");
      rmSync(path, { recursive: true });
    }
    expect(readdirSync(join(prefix, layout.staging))).toEqual([]);
  });
});

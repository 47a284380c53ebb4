/** A volume on a disk that fails, is full or is gone: told as that, and nothing of it is lost. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FaultyDisk, hasFuse, mountFaulty } from "../reliability/support/faulty.ts";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, snapshotOf, type Workplace } from "../support/workplace.ts";

describe.skipIf(!hasFuse)("a disk that fails", () => {
  let place: Workplace;
  let disk: FaultyDisk;
  const run = (...args: string[]) => place.run("--prefix", join(disk.path, "volume"), ...args);
  const behind = (): Record<string, string> => snapshotOf(join(disk.behind, "volume"));

  beforeAll(async () => {
    place = await openWorkplace();
    place.skill("mail", { bins: ["zog"] });
    const tree = { "bin/zog": program("1.0.0"), "lib/data": "x".repeat(100_000) };
    const source = place.serve("zog.tar.gz", archive("tar.gz", tree));
    place.recipe("zog", { artifacts: { "linux-x64": source } });
    disk = await mountFaulty(place.dir);
    const { status, stderr } = await run();
    expect(status, stderr).toBe(0);
  });
  afterAll(async () => {
    disk.close();
    await place.close();
  });

  const bundle = (): string => join(place.dir, "volume.tar.gz");
  const runs: [errno: string, words: string][] = [
    ["EIO", "install"],
    ["ESTALE", "install"],
    ["ENOTCONN", "--force-reinstall"],
    ["ETIMEDOUT", "update"],
    ["EREMOTEIO", "remove zog"],
    ["EHOSTDOWN", "gc"],
    ["EUCLEAN", "list"],
    ["EIO", "list"],
    ["ENOMEM", "outdated"],
    ["EIO", "doctor"],
    ["ESTALE", "doctor --deep"],
    ["EIO", "doctor --repair"],
    ["EIO", "bundle export FILE"],
    ["EIO", "bundle import FILE"],
  ];
  test.each(runs)("%s at every call: %s", async (errno, words) => {
    const before = behind();
    disk.failAt(1, errno, 1_000_000);
    const { status, stderr } = await run(
      ...words.split(" ").map((word) => (word === "FILE" ? bundle() : word)),
    );
    expect(disk.heal().length).toBeGreaterThan(0);
    expect(stderr).toContain(disk.path);
    expect(stderr).toMatch(
      errno === "ENOMEM"
        ? /not enough memory/
        : /the disk, or the connection to it, reports errors \(fuse\S* mounted at/,
    );
    expect(status, stderr).toBe(5);
    expect(behind()).toEqual(before);
    expect((await run("list")).stdout).toMatch(/zog/);
  });

  const refusals: [refusal: string, errno: number, says: RegExp][] = [
    ["fsync", 28, /the disk is full/],
    ["fsync", 5, /the disk, or the connection to it, reports errors/],
    ["fsyncdir", 28, /the disk is full/],
    ["flush", 122, /the disk quota is used up/],
    ["flush", 28, /the disk is full/],
    ["write", 28, /the disk is full/],
    ["read", 5, /the disk, or the connection to it, reports errors/],
    ["readdir", 116, /the disk, or the connection to it, reports errors/],
  ];
  test.each(refusals)("%s refused with %i: what is there stays", async (refusal, errno, says) => {
    await disk.remount([`refuse=${refusal}:${errno}`]);
    const { status, stderr } = await run("--force-reinstall");
    await disk.remount([]);
    expect(stderr).toMatch(says);
    expect(stderr).toContain(disk.path);
    expect(stderr).not.toMatch(/This is a bug/);
    expect(status, stderr).toBe(5);
    const next = await run();
    expect(next.status, next.stderr).toBe(0);
    expect(existsSync(join(disk.path, "volume", "bin", "zog"))).toBe(true);
  });

  test("doctor --deep calls nothing damaged that it cannot read", async () => {
    await disk.remount(["refuse=read:5"]);
    const { status, stdout, stderr } = await run("doctor", "--deep");
    await disk.remount([]);
    expect(stdout + stderr).not.toMatch(/damaged|not as published/);
    expect(stderr).toMatch(/cannot read \S+: .*\[E_DISK_FAILING\]/);
    expect(status).toBe(5);
  });

  test("a manifest that cannot be read is no reason to begin again", async () => {
    rmSync(bundle(), { force: true });
    await disk.remount(["refuse=read:116"]);
    const found = await Promise.all([run(), run("gc"), run("list")]);
    await disk.remount([]);
    for (const { status, stderr } of found) {
      expect(stderr).not.toMatch(/no manifest|holds nothing/);
      expect(status, stderr).toBe(5);
    }
    expect((await run("list")).stdout).toMatch(/zog/);
  });
});

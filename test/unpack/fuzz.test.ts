/**
 * Honest archives with some bytes changed, taken out or doubled: whatever comes of them is whole files or a
 * refusal. FUZZ_SECONDS makes it longer, FUZZ_SEED repeats a failure.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { unpackDeb } from "../../src/unpack/deb.ts";
import { extract } from "../../src/unpack/extract.ts";
import { Refusal } from "../../src/unpack/refusals.ts";
import { treeWriter } from "../../src/unpack/tree.ts";
import { archive, link, program, run } from "../support/archives.ts";
import { debOf } from "../support/deb-bytes.ts";
import { type Chance, chance } from "../support/random.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20_251_129);
const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
const rounds = 60;
/** Bytes that an archive of the few kilobytes here may fill, and what a run may take beside. */
const limits = { bytes: 20_000_000, entries: 1000 };
const maxGrowth = 600_000_000;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fuzz-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const body = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * i) >> 7));
const tree = {
  "bin/tool": program("1.0"),
  "bin/alias": link("tool"),
  "share/data": { body },
  [`share/${"n".repeat(120)}`]: "long",
};

/** A tar as GNU tar makes it of a file with holes, two names of one file, and a long name. */
function oddTar(format: string, ...more: string[]): Buffer {
  const root = mkdtempSync(join(tmpdir(), "odd-"));
  try {
    run("sh", [
      "-c",
      'cd "$1" && truncate -s 300000 holes && printf x | dd of=holes bs=1 seek=200000 conv=notrunc 2>/dev/null && ln holes again && printf y > "$2"',
      "sh",
      root,
      "l".repeat(150),
    ]);
    return run("tar", ["-C", root, "-S", `--format=${format}`, ...more, "-cf", "-", "."]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

type Format = ArchiveFormat | "deb";
const formats: Format[] = ["tar", "tar.gz", "tar.xz", "tar.bz2", "tar.zst", "zip", "gz", "bz2"];

function honest(): [Format, Buffer][] {
  const archives = formats.map((format): [Format, Buffer] => [
    format,
    archive(
      format as ArchiveFormat,
      format.startsWith("tar") || format === "zip" ? tree : { tool: { body } },
    ),
  ]);
  return [
    ...archives,
    ["tar", oddTar("gnu")],
    ["tar", oddTar("pax")],
    ["tar", oddTar("pax", "--sparse-version=0.0")],
    ["tar", oddTar("pax", "--sparse-version=0.1")],
    ["deb", debOf({ "./usr/bin/x": program("1"), "./usr/share/x": link("../bin/x") })],
  ];
}

/** The bytes with a few of them flipped, taken out, doubled, zeroed, or cut at the end. */
function damage(bytes: Buffer, { below, one }: Chance): Buffer {
  let damaged = Buffer.from(bytes);
  for (let times = 1 + below(4); times > 0 && damaged.length > 0; times -= 1) {
    const at = below(damaged.length);
    const length = 1 + below(one([1, 4, 16, 600]));
    const [before, part, after] = [
      damaged.subarray(0, at),
      damaged.subarray(at, at + length),
      damaged.subarray(at + length),
    ];
    const ways = [
      () => Buffer.concat([before, part.map((byte) => byte ^ (1 << below(8))), after]),
      () => Buffer.concat([before, part.map(() => one([0, 0x30, 0x37, 0x7f, 0x80, 0xff])), after]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, part, part, after]),
      () => before,
    ];
    damaged = one(ways)();
  }
  return damaged;
}

async function unpack(format: Format, bytes: Buffer): Promise<void> {
  const into = join(dir, "tree");
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  const file = join(dir, "download");
  writeFileSync(file, bytes);
  if (format !== "deb") {
    await extract({ file, format, into, strip: 0, limits, rawPath: "tool" });
    return;
  }
  const writer = treeWriter(into, 0, limits);
  try {
    await unpackDeb(file, writer);
    writer.finish();
  } finally {
    writer.close();
  }
}

test("what is honest is unpacked", async () => {
  for (const [format, bytes] of honest()) await unpack(format, bytes);
  expect(readFileSync(join(dir, "tree/usr/bin/x"), "utf8")).toContain("echo 1");
});

test("what is damaged is unpacked or refused, and nothing lies elsewhere", {
  timeout: 60_000 + seconds * 2000,
}, async () => {
  const archives = honest();
  const end = performance.now() + seconds * 1000;
  let refused = 0;
  // Other tests' files may have run in this process before.
  const before = process.memoryUsage.rss();
  for (let round = 0; round < rounds * archives.length || performance.now() < end; round += 1) {
    const [format, bytes] = archives[round % archives.length] as [Format, Buffer];
    const any = chance(seed + round);
    const label = `FUZZ_SEED=${seed + round - (round % archives.length)} ${format}, round ${round}`;
    await unpack(format, damage(bytes, any)).catch((error: unknown) => {
      expect(error, `${label}: ${(error as Error).stack}`).toBeInstanceOf(Refusal);
      refused += 1;
    });
    expect(readdirSync(dir).sort(), label).toEqual(["download", "tree"]);
    expect(process.memoryUsage.rss() - before, label).toBeLessThan(maxGrowth);
  }
  expect(refused).toBeGreaterThan(0);
});

/** Archives of many pieces, several at once: threads of Node's pool inflate them. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { stampOf, type WrittenDigests } from "../../src/io/volume/tree-list.ts";
import { extract } from "../../src/unpack/extract.ts";
import { archive, tarGzOf } from "../support/archives.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "large-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What repeats so far away only xz and zstd see, for which it is less work than noise. */
const bodies = [3_000_001, 5_000_000, 4_194_304].map((size) =>
  Buffer.alloc(size, randomBytes(50_000)),
);
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const formats: ArchiveFormat[] = ["tar", "tar.gz", "tar.xz", "tar.zst", "zip"];

function store(name: string, format: ArchiveFormat, files: Record<string, Buffer>) {
  const entries = Object.entries(files).map(([path, body]) => [path, { body, mode: 0o755 }]);
  const into = join(dir, name);
  mkdirSync(into);
  const file = join(dir, `${name}.archive`);
  writeFileSync(file, archive(format, Object.fromEntries(entries)));
  return { file, format, into, strip: 0, limits: { bytes: 1e8, entries: 100 } };
}

const modeOf = (root: string, path: string): string =>
  (statSync(join(root, path)).mode & 0o777).toString(8);

test.each(formats)(
  "%s: several at once, each whole, with the modes and digests of its files",
  async (format) => {
    await Promise.all(
      bodies.map(async (body, i) => {
        const small = Buffer.from(`number ${i}`);
        const written: WrittenDigests = new Map();
        const request = store(`tree-${i}`, format, { "bin/large": body, "share/small": small });
        await extract({ ...request, written });
        for (const [path, expected, mode] of [
          ["bin/large", body, modeOf(request.into, "bin/large")],
          ["share/small", small, modeOf(request.into, "share/small")],
        ] as const) {
          const found = join(request.into, path);
          expect(sha256(readFileSync(found))).toBe(sha256(expected));
          expect(written.get(stampOf(statSync(found, { bigint: true })))).toBe(
            `${mode} ${sha256(expected)}`,
          );
        }
      }),
    );
  },
);

test("a refusal comes back as what it is, and the next archive is unpacked", async () => {
  const [body = Buffer.alloc(0)] = bodies;
  for (const name of ["one", "two"]) {
    const hostile = store(name, "tar.gz", { "bin/large": body });
    const entries = ["bin/large", "../outside"].map((path) => ({ name: path, body }));
    writeFileSync(hostile.file, tarGzOf(entries));
    const refused = await extract(hostile).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(UserError);
    expect(refused).toMatchObject({ kind: "integrity", message: /leads out/, hint: /Nothing/ });
  }
  const good = store("good", "tar.gz", { "bin/large": body });
  await extract(good);
  expect(statSync(join(good.into, "bin/large")).size).toBe(body.length);
});

test("what is no refusal is thrown too", async () => {
  const [body = Buffer.alloc(0)] = bodies;
  const request = store("gone", "tar.gz", { "bin/large": body });
  rmSync(request.into, { recursive: true });
  await expect(extract(request)).rejects.toThrow(/cannot|ENOENT/);
});

test("archives of one closure share their limits", async () => {
  const taken = { bytes: 0, entries: 0 };
  const requests = bodies.map((body, i) => store(`part-${i}`, "tar.gz", { [`large-${i}`]: body }));
  const limits = { bytes: 9_000_000, entries: 100, taken };
  const [first, second, third] = requests.map((request) => ({ ...request, limits }));
  if (!first || !second || !third) throw new Error("three were made");
  await extract(first);
  await extract(second);
  expect(taken).toEqual({ bytes: 8_000_001, entries: 4 });
  await expect(extract(third)).rejects.toThrow(/exceeds the limit/);
});

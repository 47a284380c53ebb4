/** Archives that are large enough to be unpacked in a thread. */
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { stampOf, type WrittenDigests } from "../../src/io/tree-list.ts";
import { extract } from "../../src/unpack/extract.ts";
import { archive, tarGzOf } from "../support/archives.ts";
import { repository } from "../support/workplace.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "thread-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bodies = [3_000_001, 5_000_000, 4_194_304].map((size) => randomBytes(size));
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

test.each(formats)(
  "%s: several at once, each whole, with the digests of its files",
  async (format) => {
    await Promise.all(
      bodies.map(async (body, i) => {
        const small = Buffer.from(`number ${i}`);
        const written: WrittenDigests = new Map();
        const request = store(`tree-${i}`, format, { "bin/large": body, "share/small": small });
        await extract({ ...request, written });
        for (const [path, expected] of [
          ["bin/large", body],
          ["share/small", small],
        ] as const) {
          const found = join(request.into, path);
          expect(sha256(readFileSync(found))).toBe(sha256(expected));
          expect(written.get(stampOf(statSync(found, { bigint: true })))).toBe(sha256(expected));
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
    expect(refused).toMatchObject({ code: "integrity", message: /leads out/, hint: /Nothing/ });
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
  await expect(extract(third)).rejects.toThrow(/is too much/);
});

const script = `
  import { stat } from "node:fs/promises";
  import { Worker } from "node:worker_threads";
  import { extract } from ${JSON.stringify(join(repository, "src/unpack/extract.ts"))};
  await Promise.all([1, 2, 3, 4].map(() => stat("/"))); // Node's own pool has its threads now
  try {
    new Worker("", { eval: true });
  } catch ({ code }) {
    console.log(code);
  }
  await extract(JSON.parse(process.argv[1]));
  console.log("unpacked");
`;

test.runIf(process.getuid?.() === 0)(
  "where no thread can be had it is unpacked all the same",
  () => {
    const [body = Buffer.alloc(0)] = bodies;
    const request = store("few", "tar.gz", { "bin/large": body });
    for (const path of [dir, request.into, request.file]) chownSync(path, 65534, 65534);
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const node = [process.execPath, "--input-type=module", "-e", script, JSON.stringify(request)];
    // How many threads Node has before the first of ours differs between its versions.
    const said = [9, 10, 11, 12, 13, 14].map((most) => {
      const { stdout } = spawnSync("setpriv", [...user, "prlimit", `--nproc=${most}`, ...node]);
      return stdout.toString();
    });
    expect(said).toContain("ERR_WORKER_INIT_FAILED\nunpacked\n");
    expect(statSync(join(request.into, "bin/large")).size).toBe(body.length);
  },
);

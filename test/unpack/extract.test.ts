import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { type ExtractRequest, extract } from "../../src/unpack/extract.ts";
import {
  archive,
  compress,
  link,
  program,
  type RawEntry,
  type RawZipEntry,
  run,
  tarGzOf,
  tarOf,
  zipOf,
} from "../support/archives.ts";
import { pax, tarBytes, tarEntry } from "../support/tar-bytes.ts";

let dir: string;
let into: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "extract-"));
  into = join(dir, "outer/tree");
  mkdirSync(into, { recursive: true });
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function unpack(
  format: ArchiveFormat,
  bytes: Buffer,
  more: Partial<ExtractRequest> = {},
): Promise<void> {
  const file = join(dir, "download");
  writeFileSync(file, bytes);
  const limits = { bytes: 1e9, entries: 1e5 };
  await extract({ file, format, into, strip: 0, limits, ...more });
}

/** The refusal, and nothing written outside of the tree. */
async function refused(
  format: ArchiveFormat,
  bytes: Buffer,
  more = {},
  kind = "integrity",
): Promise<string> {
  const error = await unpack(format, bytes, more).then(
    () => expect.fail("it was unpacked"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).kind).toBe(kind);
  expect(readdirSync(dir).sort()).toEqual(["download", "outer"]);
  expect(readdirSync(join(dir, "outer"))).toEqual(["tree"]);
  return (error as UserError).message;
}

const modeOf = (path: string): string => (lstatSync(join(into, path)).mode & 0o7777).toString(8);
const textOf = (path: string): string => readFileSync(join(into, path), "utf8");

const large = Buffer.alloc(3_000_000, "0123456789abcdef\n");
const longName = `share/${"d".repeat(90)}/${"f".repeat(120)}`;
const release = {
  "bin/gog": program("1.0"),
  "bin/go": link("gog"),
  "share/doc": link("../bin"),
  "share/large": { body: large },
  [longName]: "long",
  "share/empty": "",
};

describe("archives as they are released", () => {
  test.each<[ArchiveFormat, number]>([
    ["tar", 1],
    ["tar.gz", 1],
    ["tar.gz", 3],
    ["tar.xz", 1],
    ["tar.xz", 2],
    ["tar.bz2", 1],
    ["tar.bz2", 2],
    ["tar.zst", 1],
    ["tar.zst", 5],
    ["zip", 1],
  ])("%s in %i streams", async (format, frames) => {
    await unpack(format, archive(format, release, { top: "gog-1.0", frames }), { strip: 1 });
    expect(textOf("bin/gog")).toContain("echo 1.0");
    expect(modeOf("bin/gog")).toBe("755");
    expect(modeOf("share/large")).toBe("644");
    expect(modeOf("bin")).toBe("755");
    expect(readlinkSync(join(into, "bin/go"))).toBe("gog");
    expect(readlinkSync(join(into, "share/doc"))).toBe("../bin");
    expect(textOf("bin/go")).toBe(textOf("bin/gog"));
    expect(readFileSync(join(into, "share/large")).equals(large)).toBe(true);
    expect(textOf(longName)).toBe("long");
    expect(textOf("share/empty")).toBe("");
    expect(readdirSync(into).sort()).toEqual(["bin", "share"]);
  });

  test.each<ArchiveFormat>(["gz", "bz2", "raw"])("%s is one program", async (format) => {
    const bytes = archive(format, { gog: program("2.0") });
    await unpack(format, bytes, { rawPath: "bin/gog", strip: 1 });
    expect(textOf("bin/gog")).toContain("echo 2.0");
    expect(modeOf("bin/gog")).toBe("755");
    expect(modeOf("bin")).toBe("755");
  });

  test("members with ./ in front, and a directory of its own", async () => {
    await unpack("tar.gz", archive("tar.gz", { "bin/gog": program("1") }));
    expect(modeOf("bin/gog")).toBe("755");
  });

  test("strip drops what has no more components", async () => {
    await unpack("tar.gz", archive("tar.gz", { README: "x", "a/b/c": "y" }), { strip: 3 });
    expect(readdirSync(into)).toEqual([]);
    await unpack("tar.gz", archive("tar.gz", { "a/README": "x", "a/b/c": "y" }, { top: "top" }), {
      strip: 2,
    });
    expect(readdirSync(into).sort()).toEqual(["README", "b"]);
  });

  test("hard links, as GNU tar makes them", async () => {
    mkdirSync(join(dir, "in/top/bin"), { recursive: true });
    writeFileSync(join(dir, "in/top/bin/a"), "same", { mode: 0o755 });
    run("ln", [join(dir, "in/top/bin/a"), join(dir, "in/top/bin/b")]);
    const bytes = run("tar", ["-C", join(dir, "in"), "-czf", "-", "top"]);
    rmSync(join(dir, "in"), { recursive: true });
    await unpack("tar.gz", bytes, { strip: 1 });
    expect([textOf("bin/a"), textOf("bin/b")]).toEqual(["same", "same"]);
    expect([modeOf("bin/a"), modeOf("bin/b")]).toEqual(["755", "755"]);
  });

  test("pax and old formats, long names and links", async () => {
    for (const format of ["pax", "gnu"]) {
      mkdirSync(join(dir, "in", "x".repeat(150)), { recursive: true });
      writeFileSync(join(dir, "in", "x".repeat(150), "y".repeat(150)), format);
      const args = ["-C", join(dir, "in"), `--format=${format}`, "-cf", "-", "."];
      const bytes = run("tar", args);
      rmSync(join(dir, "in"), { recursive: true });
      rmSync(into, { recursive: true });
      mkdirSync(into);
      await unpack("tar", bytes);
      expect(textOf(`${"x".repeat(150)}/${"y".repeat(150)}`)).toBe(format);
    }
  });

  test.each(["pax", "gnu"])(
    "a long name of %s whose first 100 bytes end with a slash",
    async (format) => {
      const name = "x".repeat(97); // behind "./"
      mkdirSync(join(dir, "in", name), { recursive: true });
      writeFileSync(join(dir, "in", name, "file"), "content".repeat(100));
      const bytes = run("tar", ["-C", join(dir, "in"), `--format=${format}`, "-cf", "-", "."]);
      await unpack("tar", bytes);
      expect(textOf(`${name}/file`)).toBe("content".repeat(100));
    },
  );

  test.each([
    ["gnu"],
    ["oldgnu"],
    ["gnu", "-V", "label"],
    ["pax", "-V", "label"],
    ["pax"],
    ["pax", "--sparse-version=0.0"],
    ["pax", "--sparse-version=0.1"],
  ])("files with holes, of %s %s%s", async (format, ...more) => {
    const source = join(dir, "in/top");
    mkdirSync(source, { recursive: true });
    const files: Record<string, [size: number, offsets: number[]]> = {
      few: [1_000_000, [0, 500_000]],
      many: [9_000_000, Array.from({ length: 60 }, (_, i) => 100 + i * 150_000)],
      empty: [700_000, []],
      [`end-${"n".repeat(120)}`]: [800_000, [799_998]],
    };
    for (const [name, [size, offsets]] of Object.entries(files)) {
      const descriptor = openSync(join(source, name), "w");
      ftruncateSync(descriptor, size);
      for (const at of offsets) writeSync(descriptor, "xy", at);
      closeSync(descriptor);
    }
    writeFileSync(join(source, "plain"), "plain");
    const args = ["-C", join(dir, "in"), "-S", `--format=${format}`, ...more, "-cf", "-", "top"];
    const bytes = run("tar", args);
    expect(bytes.length).toBeLessThan(4_000_000);
    await unpack("tar", bytes, { strip: 1 });
    for (const name of [...Object.keys(files), "plain"]) {
      const same = readFileSync(join(into, name)).equals(readFileSync(join(source, name)));
      expect(same, name).toBe(true);
    }
    rmSync(join(dir, "in"), { recursive: true });
  });

  test("files with holes that do not fit are refused, and none larger than the limit is made", async () => {
    const map = (text: string, size: string) =>
      tarBytes(
        pax({
          "GNU.sparse.major": "1",
          "GNU.sparse.minor": "0",
          "GNU.sparse.name": "holes",
          "GNU.sparse.realsize": size,
        }),
        tarEntry({ name: "GNUSparseFile.0/x", body: `${text.padEnd(512, "\0")}data` }),
      );
    await unpack("tar", map("1\n2\n4\n", "9"));
    expect(textOf("holes")).toBe("\0\0data\0\0\0");
    const wrong = [
      "2\n2\n4\n1\n0\n",
      "1\n2\n3\n",
      "1\n6\n4\n",
      "1\n-2\n4\n",
      "1\n2\n",
      "x\n",
      "\0",
    ];
    for (const text of wrong) {
      expect(await refused("tar", map(text, "9")), text).toMatch(/has holes that do not match/);
    }
    expect(await refused("tar", map("1\n2\n4\n", "99999999999"))).toMatch(/with its holes/);
    expect(await refused("tar", map("1\n2\n4\n", "many"))).toMatch(/do not match/);
  });

  test("zip: a comment, a stored file, no Unix modes, zip64", async () => {
    const inner = zipOf([{ name: "inner", body: "in" }]);
    const entries = [
      { name: "dir/", mode: 0o40777 },
      { name: "dir/plain", body: "p", mode: 0 },
      { name: "stored.zip", body: inner, method: 0 },
    ];
    await unpack("zip", zipOf(entries, { comment: `of ${"many ".repeat(50)} words` }));
    expect(textOf("dir/plain")).toBe("p");
    expect(modeOf("dir/plain")).toBe("644");
    expect(modeOf("dir")).toBe("755");
    expect(readFileSync(join(into, "stored.zip")).equals(inner)).toBe(true);
    await unpack("zip", zipOf([{ name: "big", body: "as if it were big" }], { zip64: true }));
    expect(textOf("big")).toBe("as if it were big");
  });

  test.each([
    ["the owner", 0o022, ["755", "644"]],
    ["the owner and the group", 0o002, ["775", "664"]],
  ])("%s may write; special bits are dropped", async (_, umask, [open, plain]) => {
    const entries: RawEntry[] = [
      { name: "d/", type: "5", mode: 0o7777 },
      { name: "d/suid", mode: 0o6777 },
      { name: "d/open", mode: 0o1666 },
      { name: "d/closed", mode: 0o400 },
      { name: "d/mine", mode: 0o500 },
    ];
    const before = process.umask(umask);
    try {
      await unpack("tar", tarOf(entries));
      await unpack("zip", zipOf([{ name: "z/s", body: "x", mode: 0o106777 }]));
    } finally {
      process.umask(before);
    }
    const names = ["d", "d/suid", "d/open", "d/closed", "d/mine", "z", "z/s"];
    expect(names.map(modeOf)).toEqual([open, open, plain, plain, open, open, open]);
  });

  test("the same file twice: the later one stands", async () => {
    const bytes = tarGzOf([
      { name: "a", body: "first" },
      { name: "a", body: "second" },
    ]);
    await unpack("tar.gz", bytes);
    expect(textOf("a")).toBe("second");
  });
});

describe("hostile tars are refused whole", () => {
  const cases: [string, RawEntry[], RegExp][] = [
    ["absolute", [{ name: "/tmp/evil", body: "x" }], /absolute path/],
    ["..", [{ name: "../evil", body: "x" }], /leads out of the tree/],
    ["inner ..", [{ name: "a/../../evil", body: "x" }], /leads out of the tree/],
    ["link out", [{ name: "l", type: "2", linkname: "../.." }], /links out of the tree/],
    [
      "links that lead out together",
      [
        { name: "a/b/l", type: "2", linkname: "../.." },
        { name: "m", type: "2", linkname: "a/b/l/../.." },
      ],
      /links out of the tree/,
    ],
    [
      "links that lead out together, each inside as text",
      [
        { name: "a/b/l", type: "2", linkname: "../.." },
        { name: "c/m", type: "2", linkname: "../a/b/l/.." },
      ],
      /through other links/,
    ],
    [
      "a file through a link",
      [
        { name: "sub/", type: "5" },
        { name: "l", type: "2", linkname: "sub" },
        { name: "l/evil", body: "x" },
      ],
      /written through the link/,
    ],
    [
      "a file that replaces a link",
      [
        { name: "l", type: "2", linkname: "target" },
        { name: "l", body: "x" },
      ],
      /replace a link/,
    ],
    ["a hard link out", [{ name: "h", type: "1", linkname: "../../../etc/passwd" }], /leads out/],
    ["an absolute hard link", [{ name: "h", type: "1", linkname: "/etc/passwd" }], /absolute/],
    [
      "a hard link to nothing",
      [{ name: "h", type: "1", linkname: "none" }],
      /hard link to none, which is not a file/,
    ],
    [
      "a file below a file",
      [
        { name: "f", body: "x" },
        { name: "f/g", body: "x" },
      ],
      /below the file/,
    ],
    [
      "a file over a directory",
      [
        { name: "d/", type: "5" },
        { name: "d", body: "x" },
      ],
      /replace a directory/,
    ],
  ];
  test.each(cases)("%s", async (_name, entries, message) => {
    const good = { name: "good", body: "x" };
    expect(await refused("tar.gz", tarGzOf([good, ...entries]))).toMatch(message);
  });

  test("a hard link to a link is that link, seen from its own place", async () => {
    const entries = [
      { name: "a/b/l", type: "2", linkname: "../../x" },
      { name: "l2", type: "1", linkname: "a/b/l" },
    ];
    expect(await refused("tar", tarOf(entries))).toMatch(/links out of the tree/);
  });

  test("a damaged header", async () => {
    const bytes = tarOf([{ name: "a", body: "x" }, { name: "b" }]);
    bytes[1024 + 5] = 0x41;
    expect(await refused("tar", bytes)).toMatch(/checksum/);
  });
});

describe("hostile zips are refused whole", () => {
  const cases: [string, RawZipEntry[], RegExp][] = [
    ["absolute", [{ name: "/tmp/evil", body: "x" }], /absolute path/],
    ["..", [{ name: "a/../../evil", body: "x" }], /leads out of the tree/],
    ["backslash", [{ name: "..\\evil", body: "x" }], /leads out of the tree/],
    ["link out", [{ name: "l", body: "../../x", mode: 0o120777 }], /links out of the tree/],
    [
      "a file through a link",
      [
        { name: "l", body: "sub", mode: 0o120777 },
        { name: "l/evil", body: "x" },
      ],
      /written through the link/,
    ],
    ["a wrong checksum", [{ name: "a", body: "abc", claims: { crc: 1 } }], /checksum/],
    ["more than claimed", [{ name: "a", body: "abcdef", claims: { size: 3 } }], /size/],
    ["less than claimed", [{ name: "a", body: "abc", claims: { size: 30 } }], /size/],
    [
      "claims to be empty",
      [{ name: "a", body: "abc", claims: { size: 0, packed: 0 } }],
      /checksum/,
    ],
    ["reaches past its end", [{ name: "a", body: "abc", claims: { packed: 99999 } }], /./],
  ];
  test.each(cases)("%s", async (_name, entries, message) => {
    expect(await refused("zip", zipOf([{ name: "good", body: "x" }, ...entries]))).toMatch(message);
  });
});

describe("limits", () => {
  const bomb = { "a/zeros": { body: Buffer.alloc(8_000_000) } };
  const formats: ArchiveFormat[] = ["tar", "tar.gz", "tar.xz", "tar.bz2", "tar.zst", "zip"];
  test.each(formats)("a %s bomb stops at the limit", async (format) => {
    const limits = { bytes: 1_000_000, entries: 100 };
    const message = await refused(format, archive(format, bomb), { limits });
    expect(message).toMatch(/more than 1000000 bytes/);
    expect(lstatSync(join(into, "a/zeros")).size).toBeLessThanOrEqual(1_000_000);
  });

  test("gz, one program", async () => {
    const limits = { bytes: 1_000_000, entries: 100 };
    const bytes = compress("gz", Buffer.alloc(8_000_000));
    expect(await refused("gz", bytes, { limits, rawPath: "p" })).toMatch(/1000000 bytes/);
  });

  test("entries", async () => {
    const entries = Array.from({ length: 11 }, (_, i) => ({ name: `f${i}`, body: "x" }));
    const limits = { bytes: 1000, entries: 10 };
    expect(await refused("tar", tarOf(entries), { limits })).toMatch(/limit of 10/);
    rmSync(into, { recursive: true });
    mkdirSync(into);
    expect(await refused("zip", zipOf(entries), { limits })).toMatch(/limit is 10/);
  });
});

describe("what is not whole is refused", () => {
  const formats: ArchiveFormat[] = ["tar.gz", "tar.xz", "tar.bz2", "tar.zst", "zip"];
  const tree = { "bin/gog": program("1"), noise: { body: run("cat", ["/bin/sh"]) } };
  test.each(formats)("%s: cut short, with more behind it, empty, a web page", async (format) => {
    const whole = archive(format, tree);
    const cuts = [whole.length - 3, Math.floor(whole.length / 2), 40].map((at) =>
      whole.subarray(0, at),
    );
    const garbage = Buffer.from("and then something else follows, long enough to be noticed");
    const page = Buffer.from("<!doctype html><html><body>no</body></html>");
    // What signs a zip stands behind it.
    const more = format === "zip" ? [] : [Buffer.concat([whole, garbage])];
    for (const bytes of [...cuts, ...more, page, Buffer.alloc(0)]) {
      rmSync(into, { recursive: true });
      mkdirSync(into);
      await refused(format, bytes);
    }
  });

  test("tar cut within a file", async () => {
    const bytes = archive("tar", tree);
    expect(await refused("tar", bytes.subarray(0, 20_000))).toMatch(/truncated/);
    expect(await refused("tar", Buffer.from("no tar"), { into })).toMatch(
      /not a tar file: it looks like text/,
    );
  });

  test.each<ArchiveFormat>(["tar.gz", "tar.xz", "tar.bz2"])(
    "a flipped bit in %s",
    async (format) => {
      const bytes = archive(format, tree);
      const middle = Math.floor(bytes.length / 2);
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 4, middle);
      await refused(format, bytes);
    },
  );

  test("gzip with padding is whole, with something behind the padding it is not", async () => {
    const bytes = Buffer.concat([archive("tar.gz", { a: "x" }), Buffer.alloc(700_000)]);
    await unpack("tar.gz", bytes);
    expect(textOf("a")).toBe("x");
    rmSync(join(into, "a"));
    expect(await refused("tar.gz", Buffer.concat([bytes, Buffer.from("x")]))).toMatch(/follows/);
  });

  test("xz with a filter that is not supported says so", async () => {
    const bytes = run("xz", ["-c", "--x86", "--lzma2"], archive("tar", { a: "x" }));
    expect(await refused("tar.xz", bytes, {}, "unmet")).toMatch(/filter/);
    const next = archive("tar.xz", { b: "y" }); // the one decoder is free again
    await unpack("tar.xz", next);
    expect(textOf("b")).toBe("y");
  });
});

test.each(["tar.gz", "tar.bz2", "tar.xz", "zip"] as const)(
  "a %s is left where the run is to stop",
  async (format) => {
    const signal = AbortSignal.abort(new Error("stopped"));
    const bytes = archive(format, { a: "text", b: "text" });
    await expect(unpack(format, bytes, { signal })).rejects.toThrow("stopped");
    expect(readdirSync(into)).toEqual([]);
  },
);

test("archives of one tree share its limits", async () => {
  const limits = { bytes: 2500, entries: 5, taken: { bytes: 0, entries: 0 } };
  const part = (name: string) => tarGzOf([{ name, body: Buffer.alloc(1000) }]);
  await unpack("tar.gz", part("a"), { limits });
  await unpack("tar.gz", part("b"), { limits });
  expect(await refused("tar.gz", part("c"), { limits })).toMatch(/more than 2500 bytes/);
  const few = { ...limits, bytes: 1e6, taken: { bytes: 0, entries: 5 } };
  expect(await refused("tar.gz", part("d"), { limits: few })).toMatch(/limit of 5 entries/);
});

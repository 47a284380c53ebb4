/**
 * Real archives for tests, made by the tools that releases are made with.
 *
 *   const bytes = archive("tar.gz", { "bin/gog": program("1.0"), "bin/go": link("gog") });
 *   const { sha256, size, integrity } = describe(bytes);
 *   const tarball = npmTarball("left-pad", "1.0.0", { "index.js": "…" });
 *   const hostile = tarOf([{ name: "../out", body: "x" }]);     // by hand: no tool makes these
 *   const hostileZip = zipOf([{ name: "/etc/passwd", body: "x" }]);
 *
 * A tool that is missing throws and says so: a test that needs it fails, it never passes silently.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import type { Digest, DigestAlgorithm } from "../../src/core/digest.ts";
import { type ArchiveFormat, isPlainFormat } from "../../src/core/recipe.ts";
import { madeOnce } from "./shared.ts";

export interface Content {
  readonly body?: string | Buffer;
  readonly mode?: number;
  readonly link?: string;
  /** An earlier path of the tree: a hard link to it, which zip packs as a file of its own. */
  readonly same?: string;
}
/** Path to content; a bare text is a file of mode 0644. */
export type Tree = Readonly<Record<string, string | Content>>;

/** A shell script that answers with its version. */
export function program(version: string): Content {
  return { body: `#!/bin/sh\necho ${version}\n`, mode: 0o755 };
}

export function link(target: string): Content {
  return { link: target };
}

/**
 * An archive of a tree. `top` is a directory that all paths get, as releases have it. `gz`, `bz2` and
 * `raw` take the tree's only file. `frames`: the compressed stream is made of so many concatenated ones.
 */
export function archive(format: ArchiveFormat, tree: Tree, shape: Shape = {}): Buffer {
  if (!Object.values(tree).every(isSmall)) return pack(format, tree, shape);
  // Many tests ask for the same small tree, and each costs two processes.
  const key = createHash("sha256")
    .update(JSON.stringify([format, tree, shape]))
    .digest("hex");
  return readFileSync(
    madeOnce(`archive-${key}`, (path) => writeFileSync(path, pack(format, tree, shape))),
  );
}

function isSmall(content: string | Content): boolean {
  const body = typeof content === "string" ? content : content.body;
  return (body ?? "").length < 10_000;
}

interface Shape {
  readonly top?: string;
  readonly frames?: number;
}

function pack(format: ArchiveFormat, tree: Tree, { top = "", frames = 1 }: Shape): Buffer {
  return inScratch((dir) => {
    const root = join(dir, "tree");
    writeTree(join(root, top), tree);
    if (isPlainFormat(format)) {
      const only = readFileSync(join(root, top, Object.keys(tree)[0] ?? ""));
      return format === "raw" ? only : compress(format, only);
    }
    if (format === "zip") return zip(root, join(dir, "archive.zip"));
    const tar = run("tar", ["-C", root, "--sort=name", "-cf", "-", ...(top ? [top] : ["."])]);
    return format === "tar" ? tar : inFrames(tar, frames, (part) => compress(format, part));
  });
}

/** A package's tarball as `npm pack` makes it: everything below `package/`. */
export function npmTarball(name: string, version: string, tree: Tree, more: object = {}): Buffer {
  const manifest = JSON.stringify({ name, version, ...more });
  return archive("tar.gz", { "package.json": manifest, ...tree }, { top: "package" });
}

/** What a recipe or a lock says about a file. */
export function describe(bytes: Buffer): {
  sha256: string;
  integrity: string;
  size: number;
  /** `sha256` and `integrity`, parsed. */
  digest: Digest;
  sha512: Digest;
} {
  const hash = (algorithm: DigestAlgorithm): Buffer => createHash(algorithm).update(bytes).digest();
  const sha256 = hash("sha256").toString("hex");
  return {
    sha256,
    integrity: `sha512-${hash("sha512").toString("base64")}`,
    size: bytes.length,
    digest: { algorithm: "sha256", hex: sha256 },
    sha512: { algorithm: "sha512", hex: hash("sha512").toString("hex") },
  };
}

/** Compresses with the system's own tool. */
export function compress(format: ArchiveFormat, bytes: Buffer): Buffer {
  const tools: Partial<Record<ArchiveFormat, string>> = {
    gz: "gzip",
    "tar.gz": "gzip",
    "tar.xz": "xz",
    "tar.bz2": "bzip2",
    bz2: "bzip2",
    "tar.zst": "zstd",
  };
  const tool = tools[format];
  if (tool === undefined) throw new Error(`${format} is not compressed by one tool`);
  return run(tool, ["-c"], bytes);
}

/** Runs a tool; says loudly which one is missing. */
export function run(tool: string, args: readonly string[], input?: Buffer): Buffer {
  try {
    return execFileSync(tool, args, { input, maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(`THIS TEST NEEDS THE PROGRAM "${tool}", WHICH IS NOT INSTALLED HERE`);
  }
}

/** One entry of a hand-made archive. `type` is tar's type flag: 0 file, 1 hard link, 2 link, 5 … */
export interface RawEntry {
  readonly name: string;
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly linkname?: string;
  readonly mode?: number;
}

/** A tar, byte by byte, with whatever the entries say. Names up to 100 bytes. */
export function tarOf(entries: readonly RawEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const body = Buffer.from(entry.body ?? "");
    return [tarHeader(entry, body.length), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** The same, as `tar.gz`. */
export function tarGzOf(entries: readonly RawEntry[]): Buffer {
  return gzipSync(tarOf(entries));
}

function tarHeader(entry: RawEntry, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(entry.name, 0, 100);
  header.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100);
  header.write("0001750\0".repeat(2), 108);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write(" ".repeat(8), 148);
  header.write(entry.type ?? "0", 156);
  header.write(entry.linkname ?? "", 157, 100);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** One entry of a hand-made zip. The claims are what its headers say instead of the truth. */
export interface RawZipEntry {
  readonly name: string;
  readonly body?: string | Buffer;
  /** Unix mode with its type bits, such as 0o120777 for a link; 0: made without Unix attributes. */
  readonly mode?: number;
  readonly flags?: number;
  readonly method?: number;
  readonly claims?: { size?: number; packed?: number; crc?: number };
}

/** A zip, byte by byte; deflated where no method is named. `zip64`: with the end records of one. */
export function zipOf(
  entries: readonly RawZipEntry[],
  { comment = "", zip64 = false }: { comment?: string; zip64?: boolean } = {},
): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const body = Buffer.from(entry.body ?? "");
    const method = entry.method ?? 8;
    const packed = method === 8 ? deflateRawSync(body) : body;
    const name = Buffer.from(entry.name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.flags ?? 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(entry.claims?.crc ?? crc32(body), 10);
    common.writeUInt32LE(entry.claims?.packed ?? packed.length, 14);
    common.writeUInt32LE(entry.claims?.size ?? body.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    const madeBy = Buffer.from([20, entry.mode === 0 ? 0 : 3]);
    centrals.push(Buffer.concat([Buffer.from("PK\x01\x02"), madeBy, common, rest, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(zip64 ? 0xffff : entries.length, 4);
  end.writeUInt16LE(zip64 ? 0xffff : entries.length, 6);
  end.writeUInt32LE(zip64 ? 0xffffffff : directory.length, 8);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 12);
  end.writeUInt16LE(comment.length, 16);
  const large = zip64 ? zip64End(entries.length, directory.length, offset) : Buffer.alloc(0);
  const last = [Buffer.from("PK\x05\x06"), end, Buffer.from(comment)];
  return Buffer.concat([...locals, directory, large, ...last]);
}

function zip64End(count: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(52);
  record.writeBigUInt64LE(44n, 0);
  record.writeBigUInt64LE(BigInt(count), 20);
  record.writeBigUInt64LE(BigInt(count), 28);
  record.writeBigUInt64LE(BigInt(size), 36);
  record.writeBigUInt64LE(BigInt(offset), 44);
  const locator = Buffer.alloc(16);
  locator.writeBigUInt64LE(BigInt(offset + size), 4);
  locator.writeUInt32LE(1, 12);
  return Buffer.concat([Buffer.from("PK\x06\x06"), record, Buffer.from("PK\x06\x07"), locator]);
}

function zip(root: string, file: string): Buffer {
  execIn(root, "zip", ["-q", "-r", "-y", file, "."]);
  return readFileSync(file);
}

function execIn(cwd: string, tool: string, args: readonly string[]): void {
  run("sh", ["-c", 'cd "$1" && shift && exec "$@"', "sh", cwd, tool, ...args]);
}

function inFrames(bytes: Buffer, frames: number, pack: (part: Buffer) => Buffer): Buffer {
  const length = Math.ceil(bytes.length / frames);
  const parts = Array.from({ length: frames }, (_, i) =>
    pack(bytes.subarray(i * length, (i + 1) * length)),
  );
  return Buffer.concat(parts);
}

function writeTree(root: string, tree: Tree): void {
  for (const [path, content] of Object.entries(tree)) {
    const {
      body = "",
      mode = 0o644,
      link: target,
      same,
    } = typeof content === "string" ? { body: content } : content;
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (target !== undefined) {
      symlinkSync(target, file);
      continue;
    }
    if (same !== undefined) {
      linkSync(join(root, same), file);
      continue;
    }
    writeFileSync(file, body);
    chmodSync(file, mode);
  }
}

function inScratch<T>(work: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "archive-"));
  try {
    return work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

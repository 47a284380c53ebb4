/** Small archives that would unpack to gigabytes of files, bytes or names. */
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import type { ArchiveFormat } from "../../src/core/recipe.ts";
import { compress } from "./archives.ts";
import { type Hostile, tool } from "./hostile-entry.ts";
import { gnuLong, octal, pax, tarEnd, tarEntry } from "./tar-bytes.ts";
import { zipBytes } from "./zip-bytes.ts";

const piece = 100_000_000;
const pieces = 40;

/** A stream of 4 GB of zeros behind a head, as concatenated streams of a few bytes each. */
function zeros(format: ArchiveFormat, head: Buffer): Buffer {
  const zero = compress(format, Buffer.alloc(piece));
  return Buffer.concat([compress(format, head), ...Array.from({ length: pieces }, () => zero)]);
}

function bomb(name: string, format: ArchiveFormat, refused: RegExp, bytes: () => Buffer): Hostile {
  return { name: `${format}: ${name}`, format, refused, bytes };
}

const program = tarEntry(tool);
/** A file of 4 GB, of which only the header is here. */
const hugeFile = tarEntry({ name: "zeros", size: octal("35632440000") });
const tooMuch = /more than \d+ bytes/;

export const bombs: readonly Hostile[] = [
  ...(["tar.gz", "tar.xz", "tar.bz2", "tar.zst"] as const).map((format) =>
    bomb("a file of 4 GB", format, tooMuch, () =>
      zeros(format, Buffer.concat([program, hugeFile])),
    ),
  ),
  {
    ...bomb("a file of 4 GB that strip drops", "tar.zst", tooMuch, () =>
      zeros("tar.zst", Buffer.concat([tarEntry({ ...tool, name: "top/bin/tool" }), hugeFile])),
    ),
    strip: 1,
  },
  bomb("4 GB behind the tar's end", "tar.zst", tooMuch, () =>
    zeros("tar.zst", Buffer.concat([program, tarEnd])),
  ),
  bomb("4 GB of gzip inside", "tar.gz", /looks like a gzip file/, () =>
    gzipSync(zeros("tar.gz", Buffer.concat([program, hugeFile]))),
  ),
  bomb("4 GB as one program", "gz", tooMuch, () => zeros("gz", Buffer.from(tool.body))),
  bomb("40 files of 100 MB", "zip", tooMuch, zeroZip),
  bomb("link targets of 800 MB", "tar.gz", /names are too long/, () =>
    manyEntries(200_000, (i) =>
      Buffer.concat([
        gnuLong("K", `${"t/".repeat(2000)}${i}`),
        tarEntry({ name: `${i}`, type: "2", linkname: "t" }),
      ]),
    ),
  ),
  bomb("link targets of 1 MB each", "tar.gz", /too long a target/, () =>
    manyEntries(500, (i) =>
      Buffer.concat([
        pax({ linkpath: "t/".repeat(500_000) }),
        tarEntry({ name: `${i}`, type: "2", linkname: "t" }),
      ]),
    ),
  ),
  bomb("20 million directories", "tar.gz", /exceeds the limit|names are too long/, () =>
    manyEntries(100_000, (i) =>
      Buffer.concat([gnuLong("L", `${i}/${"a/".repeat(190)}b/`), directory]),
    ),
  ),
];

const directory = tarEntry({ name: "d", type: "5" });

function manyEntries(count: number, entry: (i: number) => Buffer): Buffer {
  const batches: Buffer[] = [gzipSync(program)];
  for (let from = 0; from < count; from += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - from) }, (_, i) => entry(from + i));
    batches.push(gzipSync(Buffer.concat(batch), { level: 1 }));
  }
  return Buffer.concat(batches);
}

function zeroZip(): Buffer {
  const body = Buffer.alloc(piece);
  const packed = deflateRawSync(body);
  const claims = { size: piece, packed: packed.length, crc: crc32(body) };
  const files = Array.from({ length: pieces }, (_, i) => ({ name: `z${i}`, packed, claims }));
  return zipBytes([{ ...tool, mode: 0o100755 }, ...files]);
}

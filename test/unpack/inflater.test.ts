import { syncBuiltinESMExports } from "node:module";
import zlib from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { inflate } from "../../src/unpack/inflate.ts";

const { createGunzip } = zlib;

function replaceGunzip(value: typeof createGunzip): void {
  Object.defineProperty(zlib, "createGunzip", { value });
  syncBuiltinESMExports();
}

afterEach(() => replaceGunzip(createGunzip));

const text = Buffer.alloc(1_000_000, "0123456789abcdef\n");

/** What `inflate` makes of a gzip, and how many bytes went through a public stream of zlib. */
async function inflated(handle: object): Promise<{ bytes: Buffer; throughStreams: number }> {
  const streams: zlib.Gunzip[] = [];
  replaceGunzip((options) => {
    const stream = createGunzip(options);
    Object.assign((stream as unknown as { _handle: object })._handle, handle);
    streams.push(stream);
    return stream;
  });
  const pieces: Buffer[] = [];
  for await (const piece of inflate("gzip", [zlib.gzipSync(text)])) pieces.push(Buffer.from(piece));
  const throughStreams = streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  return { bytes: Buffer.concat(pieces), throughStreams };
}

test("zlib's own handle is used where it is as expected", async (context) => {
  context.skip(
    process.execArgv.some((word) => word.includes("other-zlib")),
    "it is not",
  );
  const { bytes, throughStreams } = await inflated({});
  expect(bytes.equals(text)).toBe(true);
  expect(throughStreams).toBe(0);
});

test("and where it is not, zlib's public stream", async () => {
  const { bytes, throughStreams } = await inflated({ writeSync: undefined });
  expect(bytes.equals(text)).toBe(true);
  expect(throughStreams).toBeGreaterThan(0);
});

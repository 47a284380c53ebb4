/** Archives of other people's tools, and what is said of those that are not unpacked. */
import { execFileSync } from "node:child_process";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../support/archives.ts";
import { tarBytes, tarEntry } from "../support/tar-bytes.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place.close());

const script = "#!/bin/sh\necho 1.0.0\n";
const zog = { name: "bin/zog", body: script, mode: 0o755 };

/** Installs what a skill wants from an archive. */
async function install(file: string, bytes: Buffer, ...args: string[]) {
  place.skill("mail", { bins: ["zog"] });
  place.recipe("zog", { artifacts: { "linux-x64": place.serve(file, bytes) } });
  return await place.run(...args);
}

const ask = (): string =>
  execFileSync(join(place.prefix, "bin/zog"), ["--version"], { encoding: "utf8" }).trim();
const accusation = /may be malicious/;

test("a zip of Windows PowerShell: backslashes, an old encoding and no modes", async () => {
  const entries = [
    { host: 0, mode: 0, name: "bin\\zog", body: script },
    { host: 0, mode: 0, name: Buffer.from("share\\\x81.txt", "latin1"), body: "x" },
  ];
  const { status, stderr } = await install("zog.zip", zipBytes(entries));
  expect(stderr).not.toMatch(/error|warning/);
  expect(status).toBe(0);
  expect(ask()).toBe("1.0.0");
  const { dir } = place.manifest().tools.zog ?? {};
  expect(lstatSync(join(place.prefix, dir ?? "", "share/ü.txt")).isFile()).toBe(true);
  expect((await place.run("doctor", "--deep")).status).toBe(0);
});

test("a link to the system's own files and Icon\\r are left out, which is said", async () => {
  const bytes = tarBytes(
    tarEntry(zog),
    tarEntry({ name: "etc/certs.pem", type: "2", linkname: "/etc/ssl/certs/ca.crt" }),
    tarEntry({ name: "Icon\r" }),
  );
  const { status, stderr } = await install("zog.tar.gz", gzipSync(bytes));
  expect(status).toBe(0);
  expect(stderr).toMatch(/zog: left out of the archive: .*"etc\/certs\.pem" links out of the tree/);
  expect(stderr).toMatch(/"Icon\\r" has a control character/);
  expect(stderr).not.toMatch(accusation);
  expect(ask()).toBe("1.0.0");
});

test("a line feed behind a gzip is no harm", async () => {
  const bytes = Buffer.concat([gzipSync(tarBytes(tarEntry(zog))), Buffer.from("\n")]);
  expect((await install("zog.tar.gz", bytes)).status).toBe(0);
  expect(ask()).toBe("1.0.0");
});

describe("what is refused", () => {
  const packed = (method: number): Buffer => zipBytes([{ ...zog, mode: 0o100755, method }]);
  const tar = tarBytes(tarEntry(zog));
  const unsupported: [what: string, file: string, said: RegExp, bytes: () => Buffer][] = [
    ["bzip2 in a zip", "zog.zip", /bzip2 \(method 12\), which is not supported/, () => packed(12)],
    ["LZMA in a zip", "zog.zip", /LZMA \(method 14\), which is not supported/, () => packed(14)],
    [
      "a dictionary of 128 MiB",
      "zog.tar.xz",
      /cannot be unpacked here: it needs a dictionary of more than 64 MiB/,
      () => run("xz", ["-c", "--lzma2=preset=0,dict=128MiB"], tar),
    ],
  ];
  test.each(unsupported)(
    "%s is not supported, and no reason to fail",
    async (_, file, said, bytes) => {
      const { status, stderr } = await install(file, bytes());
      expect(stderr).toMatch(said);
      expect(stderr).not.toMatch(accusation);
      expect(stderr).not.toMatch(/damaged|broken/);
      expect(status).toBe(0);
      expect((await place.run("--strict")).status).toBe(3);
    },
  );

  test("a page is told as what it is", async () => {
    const page = Buffer.from("<!doctype html><title>Sign in</title>");
    const { status, stderr } = await install("zog.tar.gz", page);
    expect(stderr).toMatch(/tar\.gz.*web page.*\[E_ARCHIVE_FORMAT\]/);
    expect(stderr).not.toMatch(accusation);
    expect(status).toBe(4);
  });

  test("what is cut short is told so", async () => {
    const { status, stderr } = await install("zog.tar.gz", gzipSync(tar).subarray(0, -9));
    expect(stderr).toMatch(/the tar\.gz file is truncated/);
    expect(status).toBe(4);
  });

  test("an attack is told as one", async () => {
    const link = tarEntry({ name: "l", type: "2", linkname: "/tmp" });
    const bytes = gzipSync(tarBytes(tarEntry(zog), link, tarEntry({ name: "l/evil", body: "x" })));
    const { status, stderr } = await install("zog.tar.gz", bytes);
    expect(stderr).toMatch(/"l\/evil" .*\[E_ARCHIVE_HOSTILE\]/);
    expect(stderr).toMatch(accusation);
    expect(status).toBe(4);
  });
});

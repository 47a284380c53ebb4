import { fileURLToPath } from "node:url";
import { type Digest, sha256Of } from "../../core/digest.ts";
import { UserError } from "../../core/errors.ts";
import type { LockedWheel } from "../../core/recipe.ts";
import { shownUrl } from "../../core/shown-url.ts";
import { writeFile } from "../../io/disk.ts";
import { listNames, statIfExists, withContext } from "../../io/files.ts";
import { tryRead } from "../../io/input.ts";
import type { Download, Text } from "../../net/download.ts";
import { fillFile } from "../../net/sink.ts";
import { type IndexFile, nameOf, parsePage } from "./page.ts";

/**
 * The files at a file URL: a wheel, a page of links, or a directory. `isLink`: from find-links, a
 * directory of wheels and pages; else an index, with an index.html.
 */
export async function filesHere(url: URL, isLink: boolean): Promise<IndexFile[]> {
  const path = fileURLToPath(url);
  if (isWheel(url)) return await parsePage(linkTo(url));
  const isDirectory = (await statIfExists(path))?.isDirectory() === true;
  if (!isDirectory) return await pageHere(url);
  const inside = new URL(`${url.href.replace(/\/$/, "")}/`);
  const names = isLink ? listNames(path) : ["index.html"];
  const within = (name: string): URL => new URL(encodeURIComponent(name), inside);
  const pages = names.filter((name) => /\.html?$/i.test(name)).map(within);
  const wheels = names.map(within).filter(isWheel).map(linkTo);
  const listed = [...wheels.map(parsePage), ...pages.map(pageHere)];
  return (await Promise.all(listed)).flat();
}

async function pageHere(url: URL): Promise<IndexFile[]> {
  return await parsePage({ text: readHere(url).toString("utf8"), url });
}

export function isWheel(url: URL): boolean {
  return nameOf(url).endsWith(".whl");
}

const largestWheel = 4 * 1024 ** 3;

/** A page that lists one file. */
export function linkTo(url: URL): Text {
  return { text: JSON.stringify({ files: [{ url: url.href }] }), url };
}

/** Copies a local wheel and verifies it. */
export async function copyWheel(
  from: URL,
  wheel: Pick<LockedWheel, "digest"> & { readonly size?: number },
  file: string,
): Promise<Download> {
  const bytes = readHere(from, wheel.size ?? largestWheel);
  return await fillFile(file, [wheel.digest.algorithm], async (sink) => {
    await sink.write(bytes);
    sink.verify(from, wheel.digest);
    return { size: sink.received, url: from.href };
  });
}

/** Copies a local wheel and returns its digest. */
export async function hashWheel(
  from: URL,
  file: string,
): Promise<{ readonly sha256: Digest; readonly size: number }> {
  const bytes = readHere(from, largestWheel);
  await withContext("write", file, writeFile(file, bytes));
  return { sha256: sha256Of(bytes), size: bytes.length };
}

/** `maxBytes`: the limit for a page. */
function readHere(url: URL, maxBytes = 16 * 1024 ** 2): Buffer {
  const { bytes, why } = tryRead(fileURLToPath(url), { maxBytes });
  if (bytes) return bytes;
  throw new UserError("E_NOT_A_REGISTRY", `cannot read ${shownUrl(url)}: ${why}`);
}

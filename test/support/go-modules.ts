/**
 * Go modules on a loopback server, which is then a module proxy (GOPROXY).
 *
 *   const zog = serveModule(server, "example.test/zog", "v1.0.0", { "go.mod": …, "main.go": … });
 *   place.recipe("zog", { artifacts: { "linux-x64": { go: zog.at, sum: zog.sum } } });
 */
import { createHash } from "node:crypto";
import type { Loopback } from "./loopback.ts";
import { zipBytes } from "./zip-bytes.ts";

export interface ServedModule {
  /** MODULE@VERSION. */
  readonly at: string;
  readonly sum: string;
  /** What is served. */
  readonly zip: Buffer;
}

export function serveModule(
  server: Loopback,
  module: string,
  version: string,
  files: Readonly<Record<string, string>>,
): ServedModule {
  const root = `${module}@${version}`;
  const entries = Object.entries(files).map(([path, body]) => ({ name: `${root}/${path}`, body }));
  const base = `/goproxy/${module}/@v`;
  server.serve(`${base}/${version}.info`, JSON.stringify({ Version: version }));
  server.serve(`${base}/${version}.mod`, files["go.mod"] ?? `module ${module}\n`);
  const zip = zipBytes(entries);
  server.serve(`${base}/${version}.zip`, zip);
  return { at: root, sum: sumOf(entries), zip };
}

/** Go's dirhash: the sha256 of the sorted lines of every file's sha256 and name. */
export function sumOf(entries: readonly { name: string; body: string }[]): string {
  const hash = (text: string) => createHash("sha256").update(text);
  const lines = [...entries]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, body }) => `${hash(body).digest("hex")}  ${name}\n`);
  return `h1:${hash(lines.join("")).digest("base64")}`;
}

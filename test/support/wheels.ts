/**
 * Wheels and a simple index on a loopback server.
 *
 *   const wheel = makeWheel("zog", "1.0", { "zog.py": "def main(): print('zog')" }, { zog: "zog:main" });
 *   const index = serveIndex(server, [wheel]);          // PIP_INDEX_URL
 *   place.recipe("zog", { needs: ["python3"], artifacts: { any: { pypi: "zog@1.0", lock } } });
 */
import { describe } from "./archives.ts";
import type { Loopback } from "./loopback.ts";
import { type ZipFields, zipBytes } from "./zip-bytes.ts";

export interface MadeWheel {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: Buffer;
}

/** A wheel as a build tool makes it. `scripts`: name to `module:function`; `more`: paths as they are. */
export function makeWheel(
  name: string,
  version: string,
  modules: Readonly<Record<string, string>>,
  scripts: Readonly<Record<string, string>> = {},
  {
    tags = "py3-none-any",
    more = [] as readonly ZipFields[],
    metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
  } = {},
): MadeWheel {
  const plain = name.replaceAll("-", "_");
  const info = `${plain}-${version}.dist-info`;
  const points = Object.entries(scripts).map(([script, target]) => `${script} = ${target}\n`);
  const files = {
    ...modules,
    [`${info}/METADATA`]: metadata,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tags}\n`,
    ...(points.length > 0 && {
      [`${info}/entry_points.txt`]: `[console_scripts]\n${points.join("")}`,
    }),
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((path) => `${path},,\n`).join("");
  const entries = Object.entries({ ...files, [`${info}/RECORD`]: record });
  const bytes = zipBytes([...entries.map(([path, body]) => ({ name: path, body })), ...more]);
  return { name, version, file: `${plain}-${version}-${tags}.whl`, bytes };
}

/** A lock of wheels for every Python from 3.9 to 3.20 on both processors. */
export function lockOf(wheels: readonly MadeWheel[]): string {
  const places = Array.from({ length: 12 }, (_, i) => i + 9).flatMap((minor) =>
    ["x64", "arm64"].map((arch) => `3.${minor}-${arch}`),
  );
  const packages = wheels.map(({ name, version, file, bytes }) => {
    const { sha256, size } = describe(bytes);
    return { name, version, wheels: [{ file, sha256, size }] };
  });
  return JSON.stringify({ pypiLockVersion: 1, places, packages });
}

/** Serves wheels and the pages that list them; gives the index's URL. */
export function serveIndex(
  server: Loopback,
  wheels: readonly MadeWheel[],
  form: "html" | "json" = "html",
): string {
  for (const name of new Set(wheels.map((wheel) => wheel.name))) {
    const files = wheels.flatMap(({ name: of, file, bytes }) => {
      if (of !== name) return [];
      server.serve(`/files/${file}`, bytes);
      return [{ file, url: `../../files/${file}`, ...describe(bytes) }];
    });
    const listed = files.map(({ file, url, sha256, size }) => {
      return { filename: file, url, hashes: { sha256 }, size };
    });
    const links = files.map(
      ({ file, url, sha256 }) =>
        `<a href="${url}#sha256=${sha256}" data-requires-python="&gt;=3.9">${file}</a><br/>`,
    );
    const page =
      form === "json"
        ? JSON.stringify({ name, files: listed })
        : `<!DOCTYPE html><html><body>${links.join("")}</body></html>`;
    const type = form === "json" ? "application/vnd.pypi.simple.v1+json" : "text/html";
    server.serve(`/simple/${name}/`, page, { headers: { "content-type": type } });
  }
  return `${server.origin}/simple`;
}

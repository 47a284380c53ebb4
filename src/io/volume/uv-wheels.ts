import { join } from "node:path";
import { layout } from "../../core/layout.ts";
import { lineOfTool } from "../../core/library-set.ts";
import type { InstalledRecord } from "../../core/manifest.ts";
import { rm } from "../disk.ts";
import { ifThere, listNames, makeDirectory, withContext, writeAtomically } from "../files.ts";
import { tryRead } from "../input.ts";

/*
 * For `uv run` of a script with inline metadata, where no index can be reached: uv wants a wheel of each package
 * before it starts Python. These wheels have names, versions and extras, and no modules; those come from the
 * script's own tree, through the hook. So a script gets none of another one's modules, and a noexec /tmp is no
 * problem.
 */

/** Far more than any METADATA (bytes). */
const maxMetadata = 1024 * 1024;
const maxWheel = 64 * 1024;

/** Writes a wheel for each package of the library sets of Python, and removes all others. */
export async function writeUvWheels(
  prefix: string,
  records: readonly InstalledRecord[],
): Promise<void> {
  const dir = join(prefix, layout.uvWheels);
  const wanted = new Map(records.flatMap((record) => wheelsOf(prefix, record)));
  const present = ifThere(dir, () => listNames(dir)) ?? [];
  if (wanted.size > 0) await makeDirectory(dir);
  for (const [file, info] of wanted) {
    const path = join(dir, file);
    const bytes = await renderWheel(info);
    if (tryRead(path, { maxBytes: maxWheel, noLink: true }).bytes?.equals(bytes)) continue;
    await writeAtomically(path, bytes, { durable: false });
  }
  for (const file of present.filter((name) => name.endsWith(".whl") && !wanted.has(name))) {
    await withContext("remove", join(dir, file), rm(join(dir, file), { force: true }));
  }
}

interface Info {
  /** `requests-2.32.3`. */
  readonly release: string;
  readonly extras: readonly string[];
}

function wheelsOf(prefix: string, { tool, dir, libraries }: InstalledRecord): [string, Info][] {
  if (!libraries || lineOfTool(tool) === "node") return [];
  const packages = join(prefix, dir, "site-packages");
  return (ifThere(packages, () => listNames(packages)) ?? []).flatMap((name) => {
    const [, release] = /^([A-Za-z0-9_.]+-[A-Za-z0-9_.!+]+)\.dist-info$/.exec(name) ?? [];
    if (release === undefined) return [];
    const metadata = tryRead(join(packages, name, "METADATA"), { maxBytes: maxMetadata });
    const [header = ""] = (metadata.bytes?.toString("utf8") ?? "").split(/\r?\n\r?\n/);
    const extras = [...header.matchAll(/^Provides-Extra: *([A-Za-z0-9._-]+)\r?$/gm)];
    const info = { release, extras: extras.map(([, extra = ""]) => extra) };
    return [[`${release}-py3-none-any.whl`, info]];
  });
}

async function renderWheel({ release, extras }: Info): Promise<Buffer> {
  const { zipSync } = await import("fflate"); // only where there are sets of Python
  const [name, version] = release.split("-");
  const head = ["Metadata-Version: 2.1", `Name: ${name}`, `Version: ${version}`];
  const files = {
    METADATA: [...head, ...extras.map((extra) => `Provides-Extra: ${extra}`)],
    WHEEL: ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"],
    RECORD: ["METADATA", "WHEEL", "RECORD"].map((file) => `${release}.dist-info/${file},,`),
  };
  const entries = Object.entries(files).map(([file, lines]): [string, Uint8Array] => [
    `${release}.dist-info/${file}`,
    Buffer.from(`${lines.join("\n")}\n`),
  ]);
  // The first date that a zip can hold, in any time zone: equal wheels are equal bytes.
  return Buffer.from(
    zipSync(Object.fromEntries(entries), { level: 0, mtime: new Date(1980, 0, 1) }),
  );
}

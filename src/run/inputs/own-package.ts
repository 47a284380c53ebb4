import { join, sep } from "node:path";
import type { Context } from "../../context.ts";
import { layout } from "../../core/layout.ts";
import { isVersion } from "../../core/names.ts";
import { orNothing } from "../../core/or-nothing.ts";
import { buildFile } from "../../core/package-files.ts";
import type { OwnPackage } from "../../core/plan/plan.ts";
import { realpathSync } from "../../io/disk.ts";
import { readPlain } from "../../io/input.ts";

/** Far more than both files (bytes). */
const maxBytes = 64 * 1024;

/** The package that is running; undefined where no build made it, or it cannot be read. */
export function loadOwnPackage(
  prefix: string,
  { packageDir: dir, version }: Pick<Context, "packageDir" | "version">,
): OwnPackage | undefined {
  const read = (file: string) => orNothing(() => readPlain(join(dir, file), maxBytes)) ?? "";
  const build = read(buildFile).trim();
  if (!/^[0-9a-f]{64}$/.test(build) || !isVersion(version)) return undefined;
  const { license } = orNothing(() => JSON.parse(read("package.json"))) ?? {};
  const trees = orNothing(() => realpathSync(join(prefix, layout.lib)));
  const isInstalled = trees !== undefined && realpathSync(dir).startsWith(trees + sep);
  return { dir, version, build, license: String(license ?? "unknown"), isInstalled };
}

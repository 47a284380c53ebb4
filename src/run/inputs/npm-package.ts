import { join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import type { Host } from "../../core/topology.ts";
import { statIfExists } from "../../io/files.ts";

const packageName = "openclaw-install-skill-deps";

interface From extends Pick<Context, "packageDir" | "version"> {
  readonly options: Pick<Context["options"], "npmPackage">;
}

/**
 * What npx is to fetch: what `--package` names, this version from npm's registry, or, in a clone, the tarball
 * that `npm pack` makes of it. `isContainer`: files here are not those of the host. Throws a UserError where `--package` is neither a tarball here nor a name.
 */
export async function packageFor(
  { options, packageDir, version }: From,
  isContainer: boolean,
): Promise<Pick<Host, "npmPackage" | "isPacked">> {
  const { npmPackage } = options;
  if (npmPackage !== undefined) {
    if (!npmPackage.endsWith(".tgz"))
      return { npmPackage: checkedName(npmPackage), isPacked: false };
    return { npmPackage: await checkedTarball(npmPackage, isContainer), isPacked: false };
  }
  // A package of npm has no lock.
  const isPacked =
    !isContainer && (await statIfExists(join(packageDir, "package-lock.json"))) !== undefined;
  return isPacked
    ? { npmPackage: join(packageDir, `${packageName}-${version}.tgz`), isPacked }
    : { npmPackage: `${packageName}@${version}`, isPacked };
}

/** It becomes a word of a shell's command. */
function checkedName(name: string): string {
  if (/^[@a-z0-9][\w.@/-]*$/.test(name)) return name;
  throw new UserError("E_USAGE", `--package ${name} is neither a package's name nor a .tgz file`, {
    hint: `For instance --package ${packageName}@1.2.3, or --package ./${packageName}-1.2.3.tgz`,
  });
}

/** In a container an absolute path is one of the host's, which cannot be seen from there. */
async function checkedTarball(path: string, isContainer: boolean): Promise<string> {
  const file = resolve(path);
  if (file.includes(":")) {
    const message = `--package ${path}: compose cannot mount ${file}`;
    throw new UserError("E_USAGE", message, { hint: "Use a path without a colon." });
  }
  const isOfHost = isContainer && path.startsWith("/");
  if (isOfHost || (await statIfExists(file))?.isFile()) return file;
  throw new UserError("E_USAGE", `--package ${path}: there is no such file`, {
    hint: "npm pack makes it, in a clone.",
  });
}

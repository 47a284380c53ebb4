import { join } from "node:path";
import { renderDebLauncher } from "../../core/deb-launcher.ts";
import type { DebianStart } from "../../core/recipe.ts";
import { rename, writeFile } from "../../io/disk.ts";
import { ownDirectories } from "../../unpack/deb.ts";
import type { Start } from "../context.ts";
import { followed, isNative, type TreeFile } from "../programs.ts";

export interface Relocation {
  /** Absolute. */
  readonly tree: string;
  readonly bins: Readonly<Record<string, string>>;
  readonly start: DebianStart;
}

/** The C library's own files: those of the tree do not fit the system's loader. */
const ofC =
  /^(ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util|anl|nsl|mvec|BrokenLocale|thread_db|nss_\w+))\.so\.\d+$/;

/** Libraries that the system's loader may find in the tree. */
export function withoutC(libraries: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...libraries].filter(([name]) => !ofC.test(name)));
}

/**
 * Makes launchers for the programs of `bins` that the system's loader starts. Each program stays
 * beside its data, which it looks for beside /proc/self/exe; what it starts inherits the library
 * path.
 */
export async function startBySystem(
  { tree, bins, start }: Relocation,
  files: readonly TreeFile[],
): Promise<Record<string, Start>> {
  const launchers: Record<string, Start> = {};
  for (const [bin, path] of Object.entries(bins)) {
    const place = await followed(tree, path);
    const file = files.find((one) => one.path === place);
    if (!file || !isNative(file)) continue;
    const program = `${place}.openclaw`;
    const text = renderDebLauncher({
      place,
      libraries: ownDirectories.libraries,
      command: [`{root}/${program}`, ...(start.args[bin] ?? [])],
      env: start.env,
      fallbacks: [],
    });
    await rename(join(tree, place), join(tree, program));
    await writeFile(join(tree, place), text, { flag: "wx", mode: 0o755 });
    launchers[place] = { program };
  }
  return launchers;
}

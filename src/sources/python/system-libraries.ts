import { dirname, join } from "node:path";
import { machineNames, type Platform } from "../../core/platform.ts";
import { nameSome } from "../../core/wording.ts";
import { isThere, orNothing } from "../../io/files.ts";
import { libraryNames, listPrograms, type TreeFile } from "../programs.ts";

/** Modules that Python itself can load; other libraries of a wheel may be plugins that nobody uses. */
const moduleName = /\.(cpython-\d+[\w-]*|abi3)\.so$/;

/**
 * The shared libraries that compiled modules in `site-packages` need, also through libraries beside them, and that
 * neither the tree nor this machine has: `cv2 (libxcb.so.1)`. A wheel should have them, but some expect a desktop.
 * Empty if it is not known where this machine has its libraries.
 */
export async function missingLibraries(
  sitePackages: string,
  platform: Platform,
): Promise<readonly string[]> {
  const directories = systemDirectories(platform);
  const isHere = (name: string): boolean =>
    directories.some((dir) => orNothing(() => isThere(join(dir, name))) === true);
  if (!isHere("libc.so.6")) return [];
  const files = await listPrograms(sitePackages);
  const byName = new Map(files.flatMap((file) => libraryNames(file).map((name) => [name, file])));
  const modules = files.filter(({ path, elf }) => elf !== undefined && moduleName.test(path));
  const missing = new Map<string, Set<string>>();
  for (const module of modules) {
    const names = neededBy(module, byName).filter((name) => !byName.has(name) && !isHere(name));
    if (names.length === 0) continue;
    const [top = ""] = module.path.split("/");
    const title = dirname(module.path) === "." ? (top.split(".")[0] ?? top) : top;
    missing.set(title, new Set([...(missing.get(title) ?? []), ...names]));
  }
  return [...missing].map(([title, names]) => `${title} (${nameSome([...names].sort(), 3)})`);
}

/** All names that the loader will look for. */
function neededBy(module: TreeFile, byName: ReadonlyMap<string, TreeFile>): string[] {
  const found = new Set<string>();
  const queue = [...(module.elf?.needed ?? [])];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name) || isOfPython(name)) continue;
    found.add(name);
    queue.push(...(byName.get(name)?.elf?.needed ?? []));
  }
  return [...found];
}

/** The interpreter that loads the module is one, or has it. */
function isOfPython(name: string): boolean {
  return name.startsWith("libpython");
}

function systemDirectories({ arch }: Platform): string[] {
  const triple = `${machineNames[arch]}-linux-gnu`;
  const places = [triple, ""].flatMap((name) => [join("/lib", name), join("/usr/lib", name)]);
  return [...places, "/lib64", "/usr/lib64", "/usr/local/lib"];
}

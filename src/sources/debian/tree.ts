import { basename, dirname, join, posix } from "node:path";
import { type DebLauncher, type Fallback, renderDebLauncher } from "../../core/deb-launcher.ts";
import { archOfMachine } from "../../core/elf.ts";
import { UserError } from "../../core/errors.ts";
import { machineNames } from "../../core/platform.ts";
import { link as linkTo, rename, writeFile } from "../../io/disk.ts";
import { isThere, makeDirectory } from "../../io/files.ts";
import { ownDirectories } from "../../unpack/deb.ts";
import type { Start } from "../context.ts";
import { followed, isNative, libraryNames, listPrograms, type TreeFile } from "../programs.ts";
import { writeFontConfig } from "./fonts.ts";
import { type Relocation, startBySystem, withoutC } from "./system-loader.ts";

/**
 * Makes unpacked packages relocatable: one directory of links to libraries, and a launcher in place
 * of each native program and of each script whose interpreter is in the tree. Returns the data of
 * each launcher.
 */
export async function relocate(relocation: Relocation): Promise<Record<string, Start>> {
  const { tree } = relocation;
  const files = await listPrograms(tree);
  const loader = files.find(({ elf }) => /^ld-linux-[a-z0-9-]+\.so\.\d$/.test(elf?.soname ?? ""));
  const arch = archOfMachine(loader?.elf?.machine);
  if (!loader || arch === undefined) {
    throw incomplete("no package has the loader", "Its `data` must name libc6.");
  }
  const triplet = `${machineNames[arch]}-linux-gnu`;
  const libraries = findLibraries(files, triplet);
  await linkLibraries(tree, relocation.start.loader === "system" ? withoutC(libraries) : libraries);
  link(tree, ownDirectories.native, `usr/lib/${triplet}`);
  requireLibraries(relocation, files, libraries);
  await writeFontConfig(tree);
  return relocation.start.loader === "system"
    ? await startBySystem(relocation, files)
    : await makeLaunchers(relocation, files, loader.path);
}

/** Library name to its file: those of the standard directories first. */
function findLibraries(files: readonly TreeFile[], triplet: string): Map<string, string> {
  const usual = ["lib", "usr/lib"].flatMap((dir) => [`${dir}/${triplet}`, dir]);
  const rank = ({ path }: TreeFile): number => {
    const at = usual.indexOf(dirname(path));
    return at < 0 ? usual.length : at;
  };
  const needed = new Set(files.flatMap(({ elf }) => elf?.needed ?? []));
  const libraries = new Map<string, string>();
  for (const file of [...files].sort((a, b) => rank(a) - rank(b))) {
    for (const name of libraryNames(file)) {
      // From other directories (plugins, alternatives) only the libraries that something is linked
      // with.
      const wanted = rank(file) < usual.length || needed.has(name);
      if (wanted && !libraries.has(name)) libraries.set(name, file.path);
    }
  }
  return libraries;
}

async function linkLibraries(tree: string, libraries: ReadonlyMap<string, string>): Promise<void> {
  await makeDirectory(join(tree, ownDirectories.libraries));
  for (const [name, path] of libraries) link(tree, `${ownDirectories.libraries}/${name}`, path);
}

function link(tree: string, place: string, target: string): void {
  linkTo(join(tree, place), posix.relative(posix.dirname(place), target));
}

/** Detects an incomplete lock at install, before a program fails. */
function requireLibraries(
  { bins }: Relocation,
  files: readonly TreeFile[],
  libraries: ReadonlyMap<string, string>,
): void {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const ahead = Object.values(bins);
  for (let path = ahead.pop(); path !== undefined; path = ahead.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const name of byPath.get(path)?.elf?.needed ?? []) {
      const found = libraries.get(name);
      if (found === undefined) throw incomplete(`${path} needs ${name}, which no package has`);
      ahead.push(found);
    }
  }
}

function incomplete(what: string, hint = "Recreate the lock: recipe lock FILE."): UserError {
  return new UserError("E_LOCK", `the lock is incomplete: ${what}`, { hint });
}

/** The arguments of programs by their files: a bin may be a link. */
async function argsOfFiles({
  tree,
  bins,
  start,
}: Relocation): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const [bin, args] of Object.entries(start.args)) {
    found.set(await followed(tree, bins[bin] ?? ""), args);
  }
  return found;
}

/** What the launchers of a tree start programs with. Paths are relative to the tree. */
interface Starters {
  readonly loader: string;
  readonly fallbacks: readonly Fallback[];
  readonly python: string | undefined;
  /** The command of the tree's own Perl; undefined if it has none. */
  readonly perl: readonly string[] | undefined;
}

const perlPath = "usr/bin/perl";

async function makeLaunchers(
  { tree, bins, start }: Relocation,
  files: readonly TreeFile[],
  loader: string,
): Promise<Record<string, Start>> {
  const hasPerl = files.some(({ path }) => path === perlPath);
  const starters: Starters = {
    loader,
    fallbacks: fallbacksOf(tree, dirname(loader)),
    python: files.find(({ path }) => /^usr\/bin\/python3\.\d+$/.test(path))?.path,
    perl: hasPerl ? [`{root}/${moved(perlPath)}`, ...perlPaths(tree)] : undefined,
  };
  const argsOf = await argsOfFiles({ tree, bins, start });
  const launchers: Record<string, Start> = {};
  for (const file of files) {
    const { path } = file;
    const how = startOf(file, argsOf.get(path), starters);
    if (!how) continue;
    const program = moved(path);
    await makeDirectory(dirname(join(tree, program)));
    await rename(join(tree, path), join(tree, program));
    const text = renderDebLauncher({ place: path, env: start.env, ...how });
    await writeFile(join(tree, path), text, { flag: "wx", mode: 0o755 });
    launchers[path] = { program };
  }
  return launchers;
}

/** Where the program of a launcher is. */
function moved(path: string): string {
  return `${ownDirectories.programs}/${path}`;
}

/** How a program is started; undefined for a file that gets no launcher. */
function startOf(
  file: TreeFile,
  args: readonly string[] | undefined,
  { loader, fallbacks, python, perl }: Starters,
): Omit<DebLauncher, "place" | "env"> | undefined {
  const { path, executable, interpreter = "" } = file;
  const own = perl && path === perlPath ? perl : [`{root}/${moved(path)}`];
  const command = [...own, ...(args ?? [])];
  // Modules of Python may be executable, too: they are loaded from where they are.
  const isCommand = /^(usr\/)?s?bin\/[^/]+$/.test(path) || args !== undefined;
  if (python && isCommand && executable && /(^|\/)python3?$/.test(interpreter)) {
    // By Python's own launcher, whose name is then that of the interpreter, which programs start again.
    return { command: [`{root}/${python}`, ...command], fallbacks: [] };
  }
  const byLoader = { loader, libraries: ownDirectories.libraries, fallbacks };
  if (perl && executable && /(^|\/)perl$/.test(interpreter)) {
    return { ...byLoader, command: [...perl, ...command] };
  }
  return isNative(file) ? { ...byLoader, command } : undefined;
}

/** Locales and character set conversions, for an image that has none (such as busybox). */
function fallbacksOf(tree: string, libraryDir: string): Fallback[] {
  const gconv = `usr/lib/${basename(libraryDir)}/gconv`;
  const known: Fallback[] = [
    { variable: "LOCPATH", system: "/usr/lib/locale/C.utf8", own: "usr/lib/locale" },
    { variable: "GCONV_PATH", system: `/${gconv}`, own: gconv },
  ];
  return known.filter(({ own }) => isThere(join(tree, own)));
}

/**
 * Perl's module paths as options, because a variable would also affect every perl that it starts.
 */
function perlPaths(tree: string): string[] {
  const triplet = `{root}/${ownDirectories.native}`;
  const found = [
    "{root}/etc/perl",
    `${triplet}/perl5/{version}`,
    "{root}/usr/share/perl5",
    `${triplet}/perl-base`,
    `${triplet}/perl/{version}`,
    "{root}/usr/share/perl/{version}",
  ];
  const versions = ["5.36", "5.38", "5.40"];
  return found
    .flatMap((path) =>
      path.includes("{version}") ? versions.map((one) => path.replace("{version}", one)) : [path],
    )
    .filter((path) => isThere(path.replace("{root}", tree)))
    .map((path) => `-I${path}`);
}

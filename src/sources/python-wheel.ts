import { chmod, lstat, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { LockedWheel } from "../core/recipe.ts";
import { normalName, parseWheelName } from "../core/wheel-tags.ts";
import { doing, look } from "../io/files.ts";
import { extract, limitsFor } from "../unpack/extract.ts";

/** Where the parts of a wheel go, by the name of its part in NAME.data; what is not here is dropped. */
const places: Readonly<Record<string, string>> = {
  purelib: "site-packages",
  platlib: "site-packages",
  scripts: "scripts",
  data: ".",
};

/**
 * Unpacks a verified wheel into a tree: packages into `site-packages`, scripts into `scripts`. No
 * code of it is run. Two wheels may share a directory (a namespace) but not a file, unless it is the
 * same in both. Gives the text of its entry_points.txt, empty where it has none.
 */
export async function unpackWheel(
  wheel: LockedWheel,
  file: string,
  room: string,
  tree: string,
): Promise<string> {
  await doing("create", room, mkdir(room));
  await extract({ file, format: "zip", into: room, strip: 0, limits: limitsFor(wheel.size) });
  const info = await findInfo(wheel, room);
  const entryPoints = await readFile(join(room, info, "entry_points.txt"), "utf8").catch(() => "");
  const data = join(room, info.replace(/\.dist-info$/, ".data"));
  for (const part of await names(data)) {
    const place = places[part];
    if (place !== undefined) await merge(join(data, part), join(tree, place), wheel);
  }
  await rm(data, { recursive: true, force: true });
  await merge(room, join(tree, "site-packages"), wheel);
  await rm(room, { recursive: true, force: true });
  return entryPoints;
}

/** The one directory that says what the wheel is; it must say what the lock says. */
async function findInfo(wheel: LockedWheel, room: string): Promise<string> {
  const infos = (await names(room)).filter((name) => name.endsWith(".dist-info"));
  const info = infos[0] ?? "";
  const named = parseWheelName(`${info.slice(0, -".dist-info".length)}-py3-none-any.whl`);
  const text = await readFile(join(room, info, "WHEEL"), "utf8").catch(() => "");
  const recorded = await look(join(room, info, "RECORD"));
  if (infos.length !== 1 || normalName(named?.name ?? "") !== wheel.name || !recorded?.isFile()) {
    throw broken(wheel, "it does not describe itself as that package");
  }
  if (!/^Wheel-Version:\s*1\./m.test(text)) throw broken(wheel, "it is of an unknown version");
  return info;
}

async function merge(from: string, to: string, wheel: LockedWheel): Promise<void> {
  if (!(await look(to))) {
    await doing("move", to, rename(from, to));
    await chmod(to, 0o755);
    return;
  }
  for (const name of await names(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const [mine, theirs] = [await lstat(source), await look(target)];
    if (!theirs) await doing("move", target, rename(source, target));
    else if (mine.isDirectory() && theirs.isDirectory()) await merge(source, target, wheel);
    else if (!mine.isFile() || !theirs.isFile() || !(await isSame(source, target))) {
      throw broken(wheel, `it has another ${name} than a package beside it`);
    }
  }
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([readFile(a), readFile(b)]);
  return left.equals(right);
}

async function names(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(() => [])).sort();
}

function broken(wheel: LockedWheel, why: string): UserError {
  return new UserError("integrity", `${wheel.file} cannot be installed: ${why}`, {
    hint: "Nothing of it was installed. Lock another version of the package.",
  });
}

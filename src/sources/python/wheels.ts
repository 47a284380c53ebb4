import { join } from "node:path";
import { formatDigest, sha256Hex } from "../../core/digest.ts";
import type { EntryPoint } from "../../core/locks/entry-points.ts";
import { installOrder, neededBy } from "../../core/locks/wheel-order.ts";
import { normalName } from "../../core/locks/wheel-tags.ts";
import type { LockedWheel } from "../../core/recipe.ts";
import { mkdir, rm } from "../../io/disk.ts";
import type { StageContext } from "../context.ts";
import { fetchAll } from "../fetch-all.ts";
import type { PinnedFile } from "../kind.ts";
import { compileBytecode } from "./bytecode.ts";
import { downloadWheel, type PythonIndexes } from "./index.ts";
import { type OpenWheel, openWheel, placeWheel, type WheelPart } from "./wheel.ts";

const wheelsAtOnce = 6;

/** Fetches and verifies the wheels, several at once. Returns their files and the bytes of all. */
export async function fetchWheels(
  wheels: readonly LockedWheel[],
  indexes: PythonIndexes,
  context: StageContext,
): Promise<{ readonly files: readonly string[]; readonly size: number }> {
  const { hasAlternative } = context;
  const size = wheels.reduce((sum, wheel) => sum + wheel.size, 0);
  const how = { atOnce: wheelsAtOnce, total: size };
  const files = await fetchAll(
    wheels,
    how,
    context,
    async (wheel, { file, signal, onProgress }) => {
      await downloadWheel({ ...indexes, wheel, file, hasAlternative, signal, onProgress });
      return file;
    },
  );
  return { files, size };
}

/** Where wheels are unpacked to. */
interface Placing extends Pick<StageContext, "dir" | "signal"> {
  readonly tree: string;
  /** The package that is placed last: a program is needed by nothing. */
  readonly program?: string;
  /** The parts of a wheel besides its packages that are kept. */
  readonly parts: readonly WheelPart[];
}

/**
 * Unpacks the wheels into one tree, in pip's order, and removes their files. Returns their entry points by
 * program name.
 */
export async function placeWheels(
  wheels: readonly LockedWheel[],
  files: readonly string[],
  { dir, tree, signal, program, parts }: Placing,
): Promise<ReadonlyMap<string, EntryPoint>> {
  const open = new Map<string, OpenWheel>();
  for (const [i, wheel] of wheels.entries()) {
    const file = files[i] ?? "";
    open.set(wheel.name, await openWheel(wheel, file, join(dir, `wheel-${i}`), signal));
    await rm(file, { force: true });
  }
  const last = program === undefined ? undefined : normalName(program);
  const needs = [...open].map(([name, { metadata }]) => {
    return { name, needs: name === last ? [...open.keys()] : neededBy(metadata) };
  });
  const entryPoints = new Map<string, EntryPoint>();
  for (const name of installOrder(needs)) {
    const wheel = open.get(name);
    if (!wheel) continue;
    await placeWheel(wheel, tree, parts);
    for (const script of wheel.scripts) entryPoints.delete(script);
    for (const [script, entryPoint] of wheel.entryPoints) entryPoints.set(script, entryPoint);
  }
  return entryPoints;
}

/** The digest of a list of wheels, whatever their order in the lock. */
export function digestOfWheels(wheels: readonly LockedWheel[]): string {
  const lines = wheels.map(({ file, digest }) => `${file} ${formatDigest(digest)}\n`);
  return `sha256:${sha256Hex(lines.sort().join(""))}`;
}

/** Compiles the modules of a staged tree with the Python that will run them. */
export async function compileModules(
  program: string,
  tree: string,
  { dir, signal }: Pick<StageContext, "dir" | "signal">,
): Promise<void> {
  const home = join(dir, "compile");
  await mkdir(home);
  await compileBytecode(program, join(tree, "site-packages"), home, signal);
}

/** What pins wheels, to be fetched and compared. */
export function pinnedWheels(wheels: readonly LockedWheel[]): PinnedFile[] {
  return wheels.map((wheel) => ({
    id: `pypi ${wheel.file} ${formatDigest(wheel.digest)}`,
    async fetch(file, { http, pip, signal }) {
      await downloadWheel({ http, pip: await pip(), wheel, file, signal });
    },
  }));
}

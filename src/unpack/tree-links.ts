import { linkSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { copyFile } from "../io/files.ts";
import { resolveInside } from "./links.ts";
import { maxPath, placeOf } from "./paths.ts";
import { refuseEntry, showPath } from "./refusals.ts";
import { clear, countBytes, enter, type State, withContext } from "./tree-state.ts";

/**
 * A link out of the tree is skipped, unless the archive itself has `..` paths, which is an attack.
 */
export function recordLink(state: State, path: string, target: string): void {
  const place = enter(state, path);
  if (place === undefined || state.links.get(place) === target) return;
  if (target === "" || target.includes("\0")) refuseEntry("damaged", path, "is a link to nothing");
  if (target.length > maxPath) {
    refuseEntry("damaged", path, "is a link with too long a target"); // no system allows such a link
  }
  state.names += target.length;
  const climbs = resolveInside(placeOf(0, path) ?? "", target) === undefined;
  if (climbs) refuseEntry("hostile", path, `links out of the tree: ${target}`);
  clear(state, place, path);
  if (target.startsWith("/") || resolveInside(place, target) === undefined) {
    state.absent.add(place);
    state.skipped.push(`${showPath(path)} links out of the tree: ${showPath(target)}`);
  } else {
    state.links.set(place, target);
  }
}

/** A second name of a file in the archive, which may come later. Throws `integrity` if it leads out of the tree. */
export function makeHardlink(state: State, path: string, target: string): void {
  const place = enter(state, path);
  const from = placeOf(state.strip, target);
  if (place === undefined || place === from) return;
  if (from === undefined) refuseEntry("damaged", path, `is a hard link to ${target}`);
  clear(state, place, path);
  if (!linkTo(state, place, from)) state.pending.set(place, from);
}

/** False if the target does not exist. */
function linkTo(state: State, place: string, from: string): boolean {
  const target = state.links.get(from);
  if (target !== undefined) recordLink({ ...state, strip: 0 }, place, target);
  else if (state.absent.has(from)) state.absent.add(place);
  else if (state.files.has(from)) makeLink(state, place, from);
  else return false;
  return true;
}

function makeLink(state: State, place: string, from: string): void {
  const source = join(state.into, from);
  withContext(state, place, (absolute) => {
    try {
      linkSync(source, absolute);
    } catch {
      countBytes(state, place, lstatSync(source).size);
      copyFile(source, absolute, lstatSync(source).mode & 0o777); // file systems without hard links
    }
  });
  state.files.add(place);
}

/** Links to later entries, which may be such links themselves. */
export function finishHardlinks(state: State): void {
  for (let before = -1; before !== state.pending.size; ) {
    before = state.pending.size;
    for (const [place, from] of state.pending) {
      if (linkTo(state, place, from)) state.pending.delete(place);
    }
  }
  for (const [place, from] of state.pending) {
    refuseEntry("damaged", place, `is a hard link to ${from}, which is not a file of the archive`);
  }
}

import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { refuseEntry } from "./refusals.ts";
import { count, isFile, isLink, type State, withContext } from "./tree-state.ts";

/** Creates a directory and its parents, never through a link. */
export function makeDirectories(state: State, place: string, path: string): void {
  if (state.directories.has(place)) return;
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
  if (isLink(state, place)) {
    refuseEntry("hostile", path, `would be written through the link ${place}`);
  }
  if (isFile(state, place)) refuseEntry("damaged", path, `is below the file ${place}`);
  count(state, path, place);
  withContext(state, place, (absolute) => {
    try {
      mkdirSync(absolute);
    } catch (error) {
      // Another package of a closure may have created it.
      if (!lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  });
  state.directories.add(place);
}

function makeParents(state: State, place: string, path: string): void {
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
}

/** Prepares the path of a file. As in tar, a repeated file replaces the first one. */
export function clear(state: State, place: string, path: string): void {
  makeParents(state, place, path);
  if (isLink(state, place)) refuseEntry("hostile", path, "would replace a link");
  if (state.directories.has(place)) refuseEntry("damaged", path, "would replace a directory");
  state.pending.delete(place);
  if (state.files.delete(place)) withContext(state, place, unlinkSync);
}

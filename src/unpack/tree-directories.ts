import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { refuseEntry } from "./refusals.ts";
import { count, isFile, isLink, type State, withContext } from "./tree-state.ts";

/** Makes a directory and those above it, never through a link. */
export function makeDirectories(state: State, place: string, path: string): void {
  if (state.directories.has(place)) return;
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
  if (isLink(state, place)) {
    refuseEntry("hostile", path, `would be written through the link ${place}`);
  }
  if (isFile(state, place)) refuseEntry("damaged", path, `lies below the file ${place}`);
  count(state, path, place);
  withContext(state, place, (absolute) => {
    try {
      mkdirSync(absolute);
    } catch (error) {
      // Another package of a closure may have made it.
      if (!lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  });
  state.directories.add(place);
}

function makeParents(state: State, place: string, path: string): void {
  const slash = place.lastIndexOf("/");
  if (slash > 0) makeDirectories(state, place.slice(0, slash), path);
}

/** Prepares the place of a file. A file that comes twice replaces itself, as tar does it. */
export function clear(state: State, place: string, path: string): void {
  makeParents(state, place, path);
  if (isLink(state, place)) refuseEntry("hostile", path, "would replace a link");
  if (state.directories.has(place)) refuseEntry("damaged", path, "would replace a directory");
  state.pending.delete(place);
  if (state.files.delete(place)) withContext(state, place, unlinkSync);
}

/**
 * Archives that attack, lie, or are merely odd, and what has to come of each: a reason to refuse it,
 * or exactly one tree. Each has the program `bin/tool` where it can, so that it would be installed.
 *
 *   for (const { name, format, bytes, refused, tree } of hostileArchives) …
 */
import type { Hostile } from "./hostile-entry.ts";
import { oddTars } from "./hostile-odd.ts";
import { hostileStreams } from "./hostile-streams.ts";
import { hostileTars } from "./hostile-tars.ts";
import { hostileZips } from "./hostile-zips.ts";

export const hostileArchives: readonly Hostile[] = [
  ...hostileTars,
  ...oddTars,
  ...hostileZips,
  ...hostileStreams,
];

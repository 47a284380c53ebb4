/** Resolves symbolic links without reading the disk. */

/** The kernel reports longer chains as loops. */
const maxHops = 40;

/**
 * The path that a link's target names if no directory in it is itself a link; undefined if it is
 * outside the tree. Paths are relative to the tree's root, which is the empty text.
 */
export function resolveInside(place: string, target: string): string | undefined {
  const parts = place.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/**
 * Resolves every link as the kernel would, through other links: `a/l -> ..` and `m -> a/l/../..`
 * are each harmless but together point out of the tree. Loops and dangling links are ignored: they
 * have no target.
 */
export function checkLinks(
  links: ReadonlyMap<string, string>,
  refuse: (place: string, why: string) => never,
): void {
  for (const [place, target] of links) {
    if (escapes(links, place))
      refuse(place, `links out of the tree through other links: ${target}`);
  }
}

function escapes(links: ReadonlyMap<string, string>, start: string): boolean {
  const walked: string[] = [];
  const ahead = start.split("/").reverse();
  let hops = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (walked.pop() === undefined) return true;
      continue;
    }
    walked.push(part);
    const target = links.get(walked.join("/"));
    if (target === undefined) continue;
    hops += 1;
    if (hops > maxHops) return false;
    walked.pop();
    ahead.push(...target.split("/").reverse());
  }
  return false;
}

/** Where symbolic links lead, found without asking the disk. */

/** Longer chains the kernel refuses as loops. */
const maxHops = 40;

/**
 * The place that a link's target names when no directory on the way is itself a link; undefined where
 * it lies outside of the tree. Places are relative to the tree's root, which is the empty text.
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
 * Walks every link as the kernel would, through the other links: `a/l -> ..` and `m -> a/l/../..` are
 * each harmless as text and lead out together. Loops and links to nothing are left alone: they lead
 * nowhere.
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

import { normalName } from "./wheel-tags.ts";

/** A package and its dependencies, by their normalized names. */
interface Package {
  readonly name: string;
  readonly needs: readonly string[];
}

/**
 * pip's install order: packages without dependencies first, then those that need only these, and so
 * on; among equals the last name first. The order decides which file wins if two packages install
 * the same one.
 */
export function installOrder(packages: readonly Package[]): string[] {
  const left = new Map(packages.map(({ name, needs }) => [name, needs]));
  const order: string[] = [];
  for (;;) {
    const ready = [...left].filter(([name, needs]) =>
      needs.every((needed) => needed === name || !left.has(needed)),
    );
    const next = ready.length > 0 ? ready.map(([name]) => name) : innermost(left);
    if (next.length === 0) return order;
    order.push(...next.sort().reverse());
    for (const name of next) left.delete(name);
  }
}

/** The innermost dependency cycle: packages that need each other and nothing outside the cycle. */
function innermost(left: ReadonlyMap<string, readonly string[]>): string[] {
  const circles = [...left.keys()].map((name) => {
    const circle = new Set([name]);
    for (const member of circle) {
      for (const needed of left.get(member) ?? []) if (left.has(needed)) circle.add(needed);
    }
    return circle;
  });
  const smallest = circles.sort((a, b) => a.size - b.size)[0];
  return [...(smallest ?? [])];
}

/** The dependencies in a wheel's METADATA, without those of its extras. */
export function neededBy(metadata: string): string[] {
  const [head = ""] = metadata.split(/\r?\n\r?\n/);
  const lines = [...head.matchAll(/^Requires-Dist:[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)(.*)$/gim)];
  const own = lines.filter(([, , rest = ""]) => !/;.*\bextra\s*==/.test(rest));
  return own.map(([, name = ""]) => normalName(name));
}

/** Each row of the README's table: whether Node is asked after a change, however the record can tell it. */
import { execFileSync } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { hasShell, makePlace, type Place, seesMounts, shells } from "./place.ts";
import { dropStat, dropTimes, named, type Row, recordsOf, rows, type Way } from "./rows.ts";

/** Who decides: times of change; contents; every byte of the volume; what a read-only volume shows. */
type Tier = "metadata" | "content" | "bytes" | "read-only";

const weaken: Readonly<Record<Tier, (place: Place) => void>> = {
  metadata: () => {},
  content: dropStat,
  bytes: dropTimes,
  "read-only": () => {},
};

let place: Place;
/** Of the ways that change nothing on the disk: with its records. */
let still: Place | undefined;
afterEach(() => {
  if (place !== still) place.remove();
});

const aside = (tier: Tier): string => `${recordsOf(place)}.${tier}`;

/** With the records of this tier where the entrypoint looks for them. */
function within<T>(tier: Tier, action: () => T): T {
  renameSync(aside(tier), recordsOf(place));
  try {
    return action();
  } finally {
    // The change may have been that they are gone.
    if (existsSync(recordsOf(place))) renameSync(recordsOf(place), aside(tier));
  }
}

function keepRecords(tiers: readonly Tier[]): void {
  const original = `${recordsOf(place)}.original`;
  renameSync(recordsOf(place), original);
  for (const tier of tiers) {
    execFileSync("cp", ["-a", original, recordsOf(place)]);
    weaken[tier](place);
    renameSync(recordsOf(place), aside(tier));
  }
}

const wordsOf = (way: Way): string[] => [...named(place), ...(way.args ?? [])];
const mountOf = (tier: Tier): string[] => (tier === "read-only" ? ["ro"] : []);
/** Other words, another directory or mount. */
const changesNothing = ({ before, args, env, change }: Way): boolean =>
  !(before || args || env || change);

/** Opens a place with the records of each tier, by which Node is not asked. */
async function openPlace(way: Way, shell: readonly string[], tiers: readonly Tier[]) {
  place = makePlace(shell);
  const facts = way.before?.(place) ?? {};
  const words = wordsOf(way);
  const env = way.env?.(place) ?? {};
  await place.record(words, facts, { env });
  keepRecords(tiers);
  for (const tier of tiers) {
    const { node } = within(tier, () => place.run(words, { env, mount: mountOf(tier) }));
    expect(node, `before the change, by ${tier}`).toBeUndefined();
  }
}

/** Whether Node is asked after the change, by tier. */
function asksNode(way: Way, tiers: readonly Tier[]): Partial<Record<Tier, boolean>> {
  const words = wordsOf(way);
  const env = way.env?.(place) ?? {};
  if (!way.ofRecord) way.change?.(place);
  const asked = tiers.map((tier) => {
    const { node } = within(tier, () => {
      if (way.ofRecord) way.change?.(place);
      const { args = [], without = [], options } = way.next?.(place) ?? {};
      const mount = way.mount ? [...mountOf(tier), way.mount] : mountOf(tier);
      const rest = words.filter((word) => !without.includes(word));
      return place.run([...rest, ...args], { env, mount, ...options });
    });
    return [tier, node !== undefined];
  });
  return Object.fromEntries(asked);
}

/** What the table says. */
function expected({ told, readOnly }: Row, { sameBytes }: Way, tiers: readonly Tier[]) {
  const of: Record<Tier, boolean> = {
    metadata: told !== "—",
    content: told !== "—",
    bytes: told !== "—" && !sameBytes,
    "read-only": readOnly !== "—",
  };
  return Object.fromEntries(tiers.map((tier) => [tier, of[tier]]));
}

for (const shell of shells) {
  describe.skipIf(!hasShell(shell))(shell[0], () => {
    // busybox thinks that root may do everything; no two other shells differ in what they read of a mount.
    const mounts = seesMounts(shell);
    const tiers: Tier[] = ["metadata", "content", "bytes"];
    if (mounts && shell === shells[0]) tiers.push("read-only");
    afterAll(() => {
      still?.remove();
      still = undefined;
    });
    for (const row of rows) {
      for (const way of row.ways) {
        const name = way.how ? `${row.what}: ${way.how}` : row.what;
        test.skipIf(way.mount && !mounts)(name, async () => {
          if (!changesNothing(way)) await openPlace(way, shell, tiers);
          else if (still) place = still;
          else {
            await openPlace(way, shell, tiers);
            still = place;
          }
          expect(asksNode(way, tiers)).toEqual(expected(row, way, tiers));
        });
      }
    }
  });
}

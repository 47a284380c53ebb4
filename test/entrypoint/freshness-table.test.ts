/** Each row of the README's table: whether Node is asked after a change, however the record can tell it. */
import { cpSync, existsSync, renameSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
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
afterEach(() => place.remove());

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
    cpSync(original, recordsOf(place), { recursive: true, verbatimSymlinks: true });
    weaken[tier](place);
    renameSync(recordsOf(place), aside(tier));
  }
}

/** Whether Node is asked after the change, by tier. It must not be asked before. */
async function asksNode(way: Way, tiers: readonly Tier[]): Promise<Partial<Record<Tier, boolean>>> {
  const facts = way.before?.(place) ?? {};
  const words = [...named(place), ...(way.args ?? [])];
  const env = way.env?.(place) ?? {};
  await place.record(words, facts, { env });
  keepRecords(tiers);
  const mountOf = (tier: Tier): string[] => (tier === "read-only" ? ["ro"] : []);
  for (const tier of tiers) {
    const { node } = within(tier, () => place.run(words, { env, mount: mountOf(tier) }));
    expect(node, `before the change, by ${tier}`).toBeUndefined();
  }
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
    for (const row of rows) {
      for (const way of row.ways) {
        const name = way.how ? `${row.what}: ${way.how}` : row.what;
        test.skipIf(way.mount && !mounts)(name, async () => {
          place = makePlace(shell);
          expect(await asksNode(way, tiers)).toEqual(expected(row, way, tiers));
        });
      }
    }
  });
}

/** Cases on volumes that are file systems of their own. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workplace } from "../../support/workplace.ts";
import type { Case } from "../case.ts";
import { letHoursPass } from "./account.ts";
import { isRoot, openRoom, type Room } from "./mounts.ts";
import { type Goods, judge, offer, repeat, runBuilt, staleIn, type Tried } from "./trial.ts";

/** A case that mounts; skipped where that is not allowed. */
export function privileged(
  name: string,
  [bounded, full]: readonly [number, number],
  once: (place: Workplace, room: Room, n: number) => Promise<Tried>,
): Case {
  return {
    name: `disk: ${name}${isRoot ? "" : " (skipped: needs root)"}`,
    tries: isRoot ? { bounded, full } : { bounded: 0, full: 0 },
    run: (tries) =>
      repeat(tries, 3, async (place, n) => {
        const room = await openRoom();
        try {
          return await once(place, room, n);
        } finally {
          room.close();
        }
      }),
  };
}

/** Mounts a volume of its own, with one program in it, as an earlier run has left it. */
export async function withOld(place: Workplace, room: Room, options: string): Promise<Goods> {
  mkdirSync(place.prefix, { recursive: true });
  room.mount("-t", "tmpfs", "-o", options, "tmpfs", place.prefix);
  const old = offer(place, "old", { bytes: 20_000 });
  const ran = await runBuilt(place, { through: room.through });
  if (ran.status !== 0) throw new Error(`the first run ended with ${ran.status}: ${ran.stderr}`);
  return old;
}

/** What the manifest says of a program that was there before. */
export function recordOf(root: string, tool: string): string {
  const manifest = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8"));
  return `${Object.keys(manifest.tools)}: ${manifest.tools[tool]?.dir}`;
}

/** A later run completes, and after the one behind it nothing is left that belongs to nothing. */
export async function repaired(
  place: Workplace,
  room: Room,
  goods: readonly Goods[],
  wrong: string[],
): Promise<Tried> {
  const root = room.seen(place.prefix);
  letHoursPass(root, goods);
  const through = room.through;
  const later = await runBuilt(place, { through });
  wrong.push(
    ...judge(later, { status: 0, installed: goods }, root).map((line) => `later: ${line}`),
  );
  letHoursPass(root, goods);
  await runBuilt(place, { through, entrypoint: true });
  return { wrong, stale: staleIn(root, goods) };
}

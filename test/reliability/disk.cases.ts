/** Disks that are full: what is said, what stays as it was, and what comes after. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import { letHoursPass } from "./support/account.ts";
import { empty, leaveInodes, leavePages, type Room } from "./support/mounts.ts";
import { answer, judge, offer, runBuilt, type Tried } from "./support/trial.ts";
import { privileged, recordOf, repaired, withOld } from "./support/volumes.ts";

/**
 * Installs a second program while `spoil` holds; then repairs it,
 * lets hours pass and runs again. Whatever the first run came to, nothing that was there may be lost.
 */
async function tryFull(
  place: Workplace,
  room: Room,
  options: string,
  spoil: (root: string) => void,
  raw: boolean,
): Promise<Tried> {
  const old = await withOld(place, room, options);
  const root = room.seen(place.prefix);
  const before = recordOf(root, "old");
  const zog = offer(place, "zog", { raw, bytes: 60_000 });
  spoil(root);
  const full = await runBuilt(place, { through: room.through });
  const wrong = judge(full, { status: full.status === 0 ? 0 : 5 }, root);
  if (answer(root, "old") !== old.outputs.old) wrong.push("the old program is gone");
  if (full.status !== 0) {
    if (!/the disk is full[\s\S]*df -h/.test(full.stderr)) wrong.push(`says ${full.stderr}`);
    if (recordOf(root, "old") !== before) wrong.push("the manifest is another one");
  } else if (answer(root, "zog") !== zog.outputs.zog) wrong.push("it says that zog is there");
  empty(root);
  return await repaired(place, room, [old, zog], wrong);
}

/** The old program is installed again, which must never cost the one that is there. */
async function tryReinstall(
  place: Workplace,
  room: Room,
  options: string,
  spoil: (root: string) => void,
): Promise<Tried> {
  const old = await withOld(place, room, options);
  const root = room.seen(place.prefix);
  const { through } = room;
  const before = recordOf(root, "old");
  spoil(root);
  const full = await runBuilt(place, { through, args: ["--force-reinstall", "old"] });
  const wrong = judge(full, { status: full.status === 0 ? 0 : 5, installed: [old] }, root);
  const isSame = recordOf(root, "old") === before;
  if (isSame === (full.status === 0)) wrong.push("the manifest does not say what happened");
  const again = await runBuilt(place, { through });
  wrong.push(...judge(again, { status: again.status === 0 ? 0 : 5, installed: [old] }, root));
  empty(root);
  return await repaired(place, room, [old], wrong);
}

/** What fills the disk is what a dead run left hours ago: the next run makes its own room. */
async function tryStale(place: Workplace, room: Room, n: number): Promise<Tried> {
  const inodes = n % 2 === 1;
  const options = inodes ? "size=8m,nr_inodes=200,mode=755" : "size=8m,mode=755";
  const old = await withOld(place, room, options);
  const root = room.seen(place.prefix);
  const dead = join(root, "lib/.staging/0123456789ab");
  mkdirSync(dead);
  if (inodes) leaveInodes(dead, 0);
  else leavePages(dead, 0);
  letHoursPass(root, [old]);
  const zog = offer(place, "zog");
  return await repaired(place, room, [old, zog], []);
}

/** Free pages: the fewest end the download, the next ones unpacking, publishing and the manifest. */
const pages = [0, 1, 2, 3, 4, 6, 10, 14, 16, 18, 22, 26, 30, 32, 34, 36, 40];

export const cases: readonly Case[] = [
  privileged("full, at different moments of an installation", [5, 34], (place, room, n) => {
    const left = pages[(n * (n < 5 ? 4 : 1)) % pages.length] ?? 0;
    return tryFull(place, room, "size=8m,mode=755", (root) => leavePages(root, left), false);
  }),
  privileged("full, with a program of one page", [4, 18], (place, room, n) =>
    tryFull(place, room, "size=8m,mode=755", (root) => leavePages(root, n % 9), true),
  ),
  privileged("full, while a program is installed again", [4, 20], (place, room, n) => {
    const left = (n * (n < 4 ? 3 : 1)) % 20;
    return tryReinstall(place, room, "size=8m,mode=755", (root) => leavePages(root, left));
  }),
  privileged("full of what a dead run has left", [2, 20], tryStale),
  privileged("no inodes", [4, 48], (place, room, n) => {
    const left = (n * (n < 4 ? 4 : 1)) % 24;
    return tryFull(
      place,
      room,
      "size=8m,nr_inodes=200,mode=755",
      (root) => leaveInodes(root, left),
      false,
    );
  }),
];

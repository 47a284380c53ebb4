/** Owners, modes and capabilities that stand in the way: what is said, and what repairs it. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { snapshotOf, type Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import { letHoursPass } from "./support/account.ts";
import { asUser, give, powerless, type Room } from "./support/mounts.ts";
import {
  answer,
  builtCopy,
  judge,
  offer,
  type Ran,
  runBuilt,
  staleIn,
  type Tried,
} from "./support/trial.ts";
import { privileged, recordOf, repaired, withOld } from "./support/volumes.ts";

/** Everything that the command reads can be read by any user; its home is the user's. */
function openTo(place: Workplace, uid: number): void {
  builtCopy();
  chmodSync(place.dir, 0o755);
  give(place.home, uid);
}

/** Runs the command that a message names, as root. */
async function obey(ran: Ran, place: Workplace, room: Room, wrong: string[]): Promise<void> {
  const command = /as root: ((?:chown|install) [^\n(]+)/.exec(ran.stderr)?.[1]?.trim();
  if (command === undefined) wrong.push(`names no command: ${ran.stderr}`);
  const through = [...room.through, "sh", "-c", `cd "$1" && ${command ?? "true"}`, "sh", place.dir];
  const [file, ...words] = through as [string, ...string[]];
  const { status, stderr } = spawnSync(file, words, { encoding: "utf8" });
  if (status !== 0) wrong.push(`${command} fails: ${stderr}`);
}

interface Denial {
  /** Words that lead to the user who runs. */
  readonly as: readonly string[];
  /** Spoils the rights of a volume that has one program. */
  readonly spoil: (root: string) => void;
  /** False: the volume has nothing yet. */
  readonly old?: boolean;
}

/** It is denied, says which command repairs that, and completes once the command was run. */
async function tryDenied(place: Workplace, room: Room, denial: Denial): Promise<Tried> {
  const { as, spoil, old: hasOld = true } = denial;
  openTo(place, as === asUser ? 1000 : 0);
  const root = room.seen(place.prefix);
  const goods = [];
  if (hasOld) goods.push(await withOld(place, room, "size=8m,mode=755"));
  else {
    mkdirSync(place.prefix);
    room.mount("-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", place.prefix);
  }
  spoil(root);
  const before = hasOld ? recordOf(root, "old") : "";
  const zog = offer(place, "zog");
  const through = [...room.through, ...as];
  const denied = await runBuilt(place, { through });
  const says = /permission denied[\s\S]*(chown -R|install -d)/;
  const wrong = judge(denied, { status: 5, says, installed: goods, absent: [zog] }, root);
  if (hasOld && recordOf(root, "old") !== before) wrong.push("the manifest is another one");
  await obey(denied, place, room, wrong);
  const inside: Room = { ...room, through };
  return await repaired(place, inside, [...goods, zog], wrong);
}

const user = (spoil: Denial["spoil"], old = true): Denial => ({ as: asUser, spoil, old });

/** Foreign files inside of the user's volume that are not in the way of anything must stay out of it. */
async function tryForeignStale(place: Workplace, room: Room): Promise<Tried> {
  openTo(place, 1000);
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  give(root, 1000);
  for (const dir of ["lib/.staging/0123456789ab/x", "lib/zog/0.9.0-0123456789ab/bin"]) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  chownSync(join(root, "lib/zog"), 1000, 1000);
  letHoursPass(root, [old]);
  const zog = offer(place, "zog");
  const through = [...room.through, ...asUser];
  const ran = await runBuilt(place, { through });
  const wrong = judge(ran, { status: 0, installed: [old, zog] }, root);
  give(root, 1000);
  return await repaired(place, { ...room, through }, [old, zog], wrong);
}

/** Another user's bin/ is set aside where its links can be made again; what is not ours in it stays. */
async function tryForeignBin(place: Workplace, room: Room, n: number): Promise<Tried> {
  openTo(place, 1000);
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  give(root, 1000);
  lchownSync(join(root, "bin"), 0, 0);
  const isShared = n % 2 === 1;
  if (isShared) writeFileSync(join(root, "bin/mine"), "");
  const zog = offer(place, "zog");
  const through = [...room.through, ...asUser];
  const ran = await runBuilt(place, { through });
  const wrong = isShared
    ? judge(ran, { status: 5, says: /chown -R 1000:1000/, installed: [old], absent: [zog] }, root)
    : judge(ran, { status: 0, says: /kept as \S+bin\.broken-/, installed: [old, zog] }, root);
  const aside = readdirSync(root).filter((name) => name.includes(".broken-"));
  if (aside.length !== (isShared ? 0 : 1)) wrong.push(`kept aside: ${aside}`);
  for (const name of aside) rmSync(join(root, name), { recursive: true });
  if (isShared) rmSync(join(root, "bin/mine"));
  give(root, 1000);
  return await repaired(place, { ...room, through }, [old, zog], wrong);
}

/** What is denied by a mode of one's own, or of one's group, is repaired by another command than chown. */
async function tryOwnMode(place: Workplace, room: Room, n: number): Promise<Tried> {
  openTo(place, 1000);
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  give(root, 2000);
  lchownSync(root, 1000, 1000);
  for (const dir of ["lib", "lib/.staging", "bin", "share", "share/openclaw-skill-deps"]) {
    lchownSync(join(root, dir), 2000, 1000); // made by another user of the group
    chmodSync(join(root, dir), 0o755);
  }
  const zog = offer(place, "zog");
  const through = [...room.through, ...asUser];
  const ran = await runBuilt(place, { through });
  const says = /permission denied[\s\S]*as uid 2000 or root: chmod -R g\+rwX \S+\n/;
  const wrong = judge(ran, { status: 5, says, installed: [old], absent: [zog] }, root);
  if (/chown/.test(ran.stderr)) wrong.push(`advises chown: ${ran.stderr}`);
  const command = /chmod -R g\+rwX \S+/.exec(ran.stderr)?.[0] ?? "true";
  const [file, ...words] = [...room.through, "sh", "-c", command];
  spawnSync(file ?? "", words);
  if (n % 2 === 1) give(join(root, "manifest.json"), 2000);
  return await repaired(place, { ...room, through }, [old, zog], wrong);
}

const umasks = ["077", "000", "027"];

async function tryUmask(place: Workplace, room: Room, n: number): Promise<Tried> {
  openTo(place, 0);
  const umask = umasks[n % umasks.length] ?? "";
  const zog = offer(place, "zog");
  const fine = offer(place, "fine", { raw: true });
  const through = ["sh", "-c", `umask ${umask} && exec "$@"`, "sh"];
  const ran = await runBuilt(place, { through, entrypoint: n % 2 === 0 });
  const wrong = judge(ran, { status: 0, installed: [zog, fine] }, place.prefix);
  for (const [path, what] of Object.entries(snapshotOf(place.prefix))) {
    const mode = Number.parseInt(/^(?:file|directory) (\d+)/.exec(what)?.[1] ?? "0", 8);
    if ((mode & 0o022) !== 0) wrong.push(`umask ${umask}: ${path} is writable by others: ${what}`);
    const isOpen = what.startsWith("link") || (mode & 0o444) === 0o444;
    if (!isOpen && path !== "lib/.staging")
      wrong.push(`umask ${umask}: ${path} is closed: ${what}`);
  }
  const [file, ...words] = [...room.through, ...asUser, join(place.prefix, "bin/zog")];
  const { status } = spawnSync(file as string, words);
  if (status !== 0) wrong.push(`umask ${umask}: another user cannot run the program`);
  return { wrong: wrong.slice(0, 5), stale: staleIn(place.prefix, [zog, fine]) };
}

/** A hardened sandbox verifies a volume of somebody else that it may only read. */
async function tryReader(place: Workplace, room: Room, n: number): Promise<Tried> {
  openTo(place, 1000);
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  const before = readFileSync(join(root, "manifest.json"), "utf8");
  const through = [...room.through, ...asUser];
  const ran = await runBuilt(place, { through, entrypoint: n % 2 === 0 });
  const wrong = judge(ran, { status: 0, says: /nothing to do/, installed: [old] }, root);
  if (/error/.test(ran.stderr)) wrong.push(`says ${ran.stderr}`);
  if (readFileSync(join(root, "manifest.json"), "utf8") !== before) wrong.push("it wrote");
  if (answer(root, "old") === undefined) wrong.push("the program is gone");
  return { wrong, stale: staleIn(root, [old]) };
}

const denials: readonly (readonly [string, Denial])[] = [
  ["root's empty volume, as uid 1000", user(() => {}, false)],
  ["root's volume with a program, as uid 1000", user(() => {})],
  [
    "a tool's directory of another uid",
    user((root) => {
      give(root, 1000);
      for (const dir of ["lib", "lib/.staging"]) lchownSync(join(root, dir), 2000, 2000);
    }),
  ],
  [
    "staging not writable",
    user((root) => {
      give(root, 1000);
      lchownSync(join(root, "lib/.staging"), 0, 0);
    }),
  ],
  [
    "the manifest's directory not writable",
    user((root) => {
      give(root, 1000);
      lchownSync(root, 0, 0);
    }),
  ],
  [
    "root without a capability, on uid 1000's volume",
    { as: powerless, spoil: (r) => give(r, 1000) },
  ],
];

export const cases: readonly Case[] = [
  ...denials.map(([name, denial]) =>
    privileged(name, [1, 10], (place, room) => tryDenied(place, room, denial)),
  ),
  privileged("bin of another uid", [2, 10], tryForeignBin),
  privileged("directories of another uid of the same group", [1, 10], tryOwnMode),
  privileged("stale files of another uid", [1, 10], tryForeignStale),
  privileged("somebody else's volume, everything present", [2, 10], tryReader),
  privileged("umask 077, 000 and 027", [3, 30], tryUmask),
];

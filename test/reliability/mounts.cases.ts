/** Volumes that are read-only or noexec: what is said, and that nothing is tried in vain. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import type { Room } from "./support/mounts.ts";
import { judge, offer, type Ran, runBuilt, staleIn, type Tried } from "./support/trial.ts";
import { privileged, repaired, withOld } from "./support/volumes.ts";

/** Runs with strace, and gives every call on the volume that was to change something. */
async function writesOf(place: Workplace, room: Room, entrypoint: boolean): Promise<string[]> {
  const log = join(place.dir, "strace.log");
  const calls = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir";
  const more = "symlink,symlinkat,link,linkat,chmod,fchmodat,utimensat,truncate,mknod,mknodat";
  const strace = ["strace", "-f", "-o", log, "-e", `trace=${calls},${more}`];
  await runBuilt(place, { through: [...room.through, ...strace], entrypoint });
  const lines = readFileSync(log, "utf8").split("\n");
  const changes = /O_WRONLY|O_RDWR|O_CREAT|^\d+ +(?! |open|mkdir.*EEXIST)/;
  return lines.filter((line) => line.includes(place.prefix) && changes.test(line));
}

const hasStrace = existsSync("/usr/bin/strace");

async function tryReadOnly(place: Workplace, room: Room, n: number): Promise<Tried> {
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  const { through } = room;
  const entrypoint = n % 2 === 0;
  if (entrypoint) await runBuilt(place, { through, entrypoint });
  room.mount("-o", "remount,ro", place.prefix);
  const ran = await runBuilt(place, { through, entrypoint });
  const nothing = { status: 0, says: /nothing to do/, installed: [old] };
  const wrong = judge(ran, nothing, root);
  if (/warning|error/.test(ran.stderr)) wrong.push(`says ${ran.stderr}`);
  const strict = await runBuilt(place, { through, entrypoint, args: ["--strict"] });
  wrong.push(...judge(strict, nothing, root));
  const writes = hasStrace ? await writesOf(place, room, entrypoint) : [];
  wrong.push(...writes.map((line) => `tried to write (${entrypoint ? "sh" : "Node"}): ${line}`));
  return { wrong, stale: staleIn(root, [old]) };
}

async function tryReadOnlyMissing(place: Workplace, room: Room, n: number): Promise<Tried> {
  const old = await withOld(place, room, "size=8m,mode=755");
  const root = room.seen(place.prefix);
  room.mount("-o", "remount,ro", place.prefix);
  const zog = offer(place, "zog");
  const expected = { says: /zog[\s\S]*read-only/, installed: [old], absent: [zog] };
  const run = async (...args: string[]): Promise<Ran> =>
    await runBuilt(place, { through: room.through, entrypoint: n % 2 === 0, args });
  const wrong = judge(await run(), { ...expected, status: 0 }, root);
  wrong.push(...judge(await run("--strict"), { ...expected, status: 3 }, root));
  if (place.server.hits(zog.downloads[0]) > 0) wrong.push("it was downloaded for nothing");
  room.mount("-o", "remount,rw", place.prefix);
  return await repaired(place, room, [old, zog], wrong);
}

async function tryNoexec(place: Workplace, room: Room): Promise<Tried> {
  mkdirSync(place.prefix, { recursive: true });
  room.mount("-t", "tmpfs", "-o", "size=8m,noexec,mode=755", "tmpfs", place.prefix);
  const root = room.seen(place.prefix);
  const zog = offer(place, "zog");
  const { through } = room;
  const says = /mounted noexec[\s\S]*mount -o remount,exec/;
  const wrong = judge(await runBuilt(place, { through }), { status: 0, says }, root);
  const strict = await runBuilt(place, { through, args: ["--strict"] });
  wrong.push(...judge(strict, { status: 3, says }, root));
  if (existsSync(join(root, "bin/zog"))) wrong.push("bin/zog was linked");
  room.mount("-o", "remount,exec", place.prefix);
  return await repaired(place, room, [zog], wrong);
}

async function tryNoexecLater(place: Workplace, room: Room, n: number): Promise<Tried> {
  const old = await withOld(place, room, "size=8m,mode=755");
  const { through } = room;
  const entrypoint = n % 2 === 0;
  if (entrypoint) await runBuilt(place, { through, entrypoint });
  room.mount("-o", "remount,noexec", place.prefix);
  const ran = await runBuilt(place, { through, entrypoint });
  const wrong = judge(ran, { status: 0, says: /noexec/ }, room.seen(place.prefix));
  room.mount("-o", "remount,exec", place.prefix);
  return await repaired(place, room, [old], wrong);
}

export const cases: readonly Case[] = [
  privileged("read-only, everything present: no write is tried", [2, 20], tryReadOnly),
  privileged("read-only, something missing", [2, 20], tryReadOnlyMissing),
  privileged("noexec, found before anything is linked", [1, 10], tryNoexec),
  privileged("noexec, everything present", [2, 10], tryNoexecLater),
];

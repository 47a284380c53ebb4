/** Volumes that are file systems of their own, in mount namespaces that nobody else sees. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Namespaces and foreign owners need root, with its capabilities. */
const unshare = "unshare";
export const isRoot =
  process.getuid?.() === 0 && spawnSync(unshare, ["--mount", "--net", "true"]).status === 0;

/** Words that run a command as OpenClaw's sandbox user. */
export const asUser = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--"];

/** Words that run a command as root that may do no more than any other user. */
export const powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

export interface Room {
  /** Words that run a command inside. */
  readonly through: readonly string[];
  /** Where a path of the inside is seen from the outside. */
  seen(path: string): string;
  /** Mounts inside; the mount point is made. */
  mount(...words: readonly string[]): void;
  close(): void;
}

/** Opens a mount namespace, for so many seconds at most; all its mounts are gone with it. */
export async function openRoom(seconds = 900): Promise<Room> {
  const held = ["sleep", `${seconds}`];
  const holder = spawn(unshare, ["--mount", "--propagation", "private", ...held], {
    stdio: "ignore",
  });
  const pid = holder.pid as number;
  const own = namespaceOf(process.pid);
  while (namespaceOf(pid) === own) await sleep(2);
  const through = ["nsenter", `--mount=/proc/${pid}/ns/mnt`, "--"];
  return {
    through,
    seen: (path) => `/proc/${pid}/root${path}`,
    mount(...words) {
      const [file, ...args] = [...through, "mount", ...words] as [string, ...string[]];
      execFileSync(file, args, { stdio: "pipe" });
    },
    close: () => void holder.kill("SIGKILL"),
  };
}

function namespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/mnt`);
}

/** Gives a directory and all that is in it to a user. */
export function give(path: string, uid: number): void {
  lchownSync(path, uid, uid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) give(join(path, name), uid);
}

const page = 4096;

/** Fills a file system until so many pages are free; less than is free already frees what it took. */
export function leavePages(dir: string, pages: number): void {
  const filler = join(dir, "filler");
  rmSync(filler, { force: true });
  const { bavail, bsize } = statfsSync(dir);
  const free = Math.floor((bavail * bsize) / page);
  if (free > pages) writeFileSync(filler, Buffer.alloc((free - pages) * page));
}

/** The same for inodes. */
export function leaveInodes(dir: string, inodes: number): void {
  const filler = join(dir, "filler");
  rmSync(filler, { recursive: true, force: true });
  mkdirSync(filler);
  const { ffree } = statfsSync(dir);
  for (let n = ffree; n > inodes; n -= 1) writeFileSync(join(filler, `${n}`), "");
}

/** Takes away what filled it. */
export function empty(dir: string): void {
  rmSync(join(dir, "filler"), { recursive: true, force: true });
}

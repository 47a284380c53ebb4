/**
 * What Kubernetes' kubelet does to a volume before a pod gets it (root only), and the users of pods.
 *
 *   startPod(volume, { fsGroup: 1000, policy: "Always" });
 *   const words = podUser({ uid: 1000720000, gid: 0, fsGroup: 1000 });
 *   makeSubPath(volume, "skills");
 *   project(dir, { "mail/SKILL.md": text });     // a ConfigMap, mounted; once more: it was updated
 */
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface FsGroup {
  readonly fsGroup: number;
  readonly policy: "Always" | "OnRootMismatch";
}

/** `securityContext` of a pod, and the group that it gives to its volumes. */
export interface PodUser {
  readonly uid: number;
  readonly gid: number;
  readonly fsGroup?: number;
}

const rootBits = 0o2770;

/**
 * Gives a volume to a pod's fsGroup: group and group's rights on everything in it, the volume's own
 * directory last. With OnRootMismatch nothing is done where that one has them. What others remove
 * meanwhile is passed over.
 */
export function startPod(volume: string, { fsGroup, policy }: FsGroup): void {
  const { gid, mode } = statSync(volume);
  const fits = gid === fsGroup && (mode & rootBits) === rootBits;
  if (policy === "OnRootMismatch" && fits) return;
  giveToGroup(volume, fsGroup);
}

function giveToGroup(path: string, gid: number): void {
  unlessGone(() => {
    const stats = lstatSync(path);
    if (stats.isDirectory())
      for (const name of readdirSync(path)) giveToGroup(join(path, name), gid);
    lchownSync(path, stats.uid, gid);
    if (!stats.isSymbolicLink()) chmodSync(path, groupMode(stats));
  });
}

function groupMode(stats: Stats): number {
  return (stats.mode & 0o7777) | 0o660 | (stats.isDirectory() ? 0o2110 : 0);
}

function unlessGone(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Words that run a command as a pod's process: no capability, no name in passwd. */
export function podUser({ uid, gid, fsGroup }: PodUser): string[] {
  const groups = fsGroup === undefined ? "--clear-groups" : `--groups=${fsGroup}`;
  const powers = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, groups, ...powers, "--"];
}

/** Makes a `subPath` of a volume: root's, with the volume's mode, and its group where that is inherited. */
export function makeSubPath(volume: string, name: string): string {
  const path = join(volume, name);
  mkdirSync(path);
  chmodSync(path, statSync(volume).mode & 0o7777);
  return path;
}

let projections = 0;

/**
 * The files of a ConfigMap, Secret or projected volume: in a directory of its own, which `..data` leads
 * to and which an update replaces at once; names lead through it.
 */
export function project(dir: string, files: Readonly<Record<string, string>>): void {
  projections += 1;
  const [data, made] = [join(dir, "..data"), `..2026_11_29_10_00_00.${projections}`];
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, made, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const old = lstatSync(data, { throwIfNoEntry: false }) && readlinkSync(data);
  symlinkSync(made, `${data}_tmp`);
  renameSync(`${data}_tmp`, data);
  for (const name of new Set(Object.keys(files).map((path) => path.split("/")[0] as string))) {
    const link = join(dir, name);
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(join("..data", name), link);
  }
  if (old !== undefined) rmSync(join(dir, old), { recursive: true });
}

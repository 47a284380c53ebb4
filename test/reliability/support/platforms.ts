/** What runs containers, as far as it has a say in a volume: Kubernetes' kubelet, users, gVisor, mounts. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type FsGroup, type PodUser, podUser, startPod } from "../../support/kubelet.ts";
import { runsc } from "../../support/runsc.ts";
import { type FileSystem, simple } from "./filesystems.ts";

/** A directory, mounted after `prepare` was given the volume in it: at each start of a container. */
function bind(name: string, prepare: (volume: string) => void, more: Partial<FileSystem> = {}) {
  const mount = (dir: string, at: string, how: string): readonly string[] => {
    const volume = join(dir, "upper/volume");
    mkdirSync(volume, { recursive: true });
    prepare(volume);
    return ["mount", "-o", `bind,${how}`, join(dir, "upper"), at];
  };
  const nothing = (): void => {};
  return { ...simple(name, [], nothing, mount), isCommon: true, ...more };
}

const inPod = (user: PodUser) => ({ through: podUser(user), uid: user.uid });
const pod: PodUser = { uid: 1000, gid: 1000, fsGroup: 1000 };

function kubernetes(policy: FsGroup["policy"]): FileSystem {
  const start = (volume: string): void => startPod(volume, { fsGroup: 1000, policy });
  return bind(`Kubernetes, fsGroup, ${policy}`, start, inPod(pod));
}

const sandbox = [
  "env",
  `RUNSC=${runsc}`,
  process.execPath,
  join(import.meta.dirname, "in-gvisor.ts"),
];

export const platforms: readonly FileSystem[] = [
  kubernetes("OnRootMismatch"),
  kubernetes("Always"),
  bind(
    "OpenShift, a uid without a name",
    (volume) => chmodSync(volume, 0o775),
    inPod({ uid: 1000720000, gid: 0 }),
  ),
  bind("gVisor", () => {}, { needs: [runsc], through: sandbox, isCommon: false }),
  {
    ...simple(
      "mounted noexec",
      [],
      () => {},
      (_, at) => ["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", at],
    ),
    isCommon: true,
  },
];

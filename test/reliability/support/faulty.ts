/**
 * Mounts of `faulty.c`, a file system with the faults of others. Needs root, FUSE, gcc and libfuse3's
 * headers.
 *
 *   const disk = await mountFaulty(dir, ["ctime=mtime"]);
 *   disk.path;                        // seen by everybody on this machine
 *   disk.failAt(17, "EIO");           // the 17th call from now on fails, once
 *   await disk.remount([]);           // as another container or host mounts it
 *   disk.close();
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { madeOnce } from "../../support/shared.ts";
import { isRoot } from "./mounts.ts";

/** Linux's errors that Node has no name for. */
const others: Readonly<Record<string, number>> = {
  EHOSTDOWN: 112,
  ESTALE: 116,
  EUCLEAN: 117,
  EREMOTEIO: 121,
  EDQUOT: 122,
};

/** An errno's number. */
function errnoOf(name: string): number {
  const number = constants.errno[name as keyof typeof constants.errno] ?? others[name];
  if (number === undefined) throw new Error(`${name} is no errno`);
  return number;
}

/** True where such a file system can be built and mounted. */
export const hasFuse =
  isRoot &&
  existsSync("/dev/fuse") &&
  spawnSync("gcc", ["--version"]).status === 0 &&
  spawnSync("pkg-config", ["--exists", "fuse3"]).status === 0;

function faultyProgram(): string {
  return madeOnce("faulty", (program) => {
    const flags = execFileSync("pkg-config", ["--cflags", "--libs", "fuse3"], { encoding: "utf8" });
    const source = join(import.meta.dirname, "faulty.c");
    execFileSync("gcc", ["-O2", "-o", program, source, ...flags.trim().split(/\s+/)]);
  });
}

export interface FaultyDisk {
  /** The mount point. */
  readonly path: string;
  /** What lies below it, without faults. */
  readonly behind: string;
  /** Makes the Nth call from now on fail, and so many in all from there. */
  failAt(call: number, errno: string, count?: number): void;
  /** Makes each call from now on fail by chance, one of so many. */
  failByChance(oneOf: number, errno: string, seed: number): void;
  /** Ends what these began; `OP PATH` of each call that failed. */
  heal(): string[];
  /** Begins to note calls. */
  record(): void;
  /** `OP PATH` of each call since `record`, in order; ends noting. */
  recorded(): string[];
  remount(switches: readonly string[]): Promise<void>;
  close(): void;
}

/** Mounts DIR/disk as DIR/mnt with the switches that faulty.c names. */
export async function mountFaulty(
  dir: string,
  switches: readonly string[] = [],
): Promise<FaultyDisk> {
  const [behind, path] = [join(dir, "disk"), join(dir, "mnt")];
  for (const made of [behind, path]) mkdirSync(made, { recursive: true });
  let server = await mount(behind, path, switches);
  const [fault, log, failed] = [`${behind}.fault`, `${behind}.log`, `${behind}.failed`];
  return {
    path,
    behind,
    failAt: (call, errno, count = 1) =>
      writeFileSync(fault, `${call} ${errnoOf(errno)} ${count}\n`),
    failByChance: (oneOf, errno, seed) =>
      writeFileSync(fault, `-${oneOf} ${errnoOf(errno)} ${seed}\n`),
    heal() {
      rmSync(fault, { force: true });
      if (!existsSync(failed)) return [];
      const calls = readFileSync(failed, "utf8").trimEnd().split("\n");
      rmSync(failed);
      return calls;
    },
    record: () => writeFileSync(log, ""),
    recorded() {
      const calls = readFileSync(log, "utf8").trimEnd().split("\n");
      rmSync(log);
      return calls;
    },
    async remount(others) {
      unmount(path, server);
      // As it ends it unmounts what is there by its name, which must not be its successor.
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
      server = await mount(behind, path, others);
    },
    close() {
      unmount(path, server);
      for (const made of [fault, log, failed]) rmSync(made, { force: true });
    },
  };
}

async function mount(behind: string, path: string, switches: readonly string[]) {
  const before = statSync(path).dev;
  const server = spawn(faultyProgram(), [behind, path, ...switches], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  while (statSync(path).dev === before) {
    if (server.exitCode !== null) throw new Error(`cannot mount: ${said}`);
    await sleep(5);
  }
  return server;
}

/** Lazily: what still has a file of it open keeps it until then. */
function unmount(path: string, server: ChildProcess): void {
  spawnSync("umount", ["--lazy", path]);
  server.kill("SIGTERM");
}

/** One run of a container, measured by its control group. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { enginesConfig, host } from "../containers/host.ts";
import type { Sample } from "./measure.ts";

/**
 * Runs a script to its end. Seconds by the clock and of CPU; bytes: the largest sum of memory that is not a
 * file's, and what the machine received meanwhile; its last lines. Throws where it fails.
 */
export async function runOnce(
  flags: readonly string[],
  image: string,
  script: string,
): Promise<Sample & { peak: number; received: number; last: string[] }> {
  const { stdout, stderr, exitCode } = await host`podman create ${flags} ${image} sh -c ${script}`;
  if (exitCode !== 0) throw new Error(stderr);
  const id = stdout.trim();
  try {
    const before = receivedBytes();
    const begun = performance.now();
    const env = { ...process.env, CONTAINERS_CONF: enginesConfig };
    const child = spawn("podman", ["start", "--attach", id], { env });
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => last.push(line) > 20 && last.shift());
    }
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const seen = { cpu: 0, peak: 0 };
    const status = await watched(id, ended, seen);
    const wall = (performance.now() - begun) / 1000;
    if (status !== 0) throw new Error(`${script}\nended with ${status}:\n${last.join("\n")}`);
    return { wall, ...seen, received: receivedBytes() - before, last };
  } finally {
    await host`podman rm --force --time 0 ${id}`;
  }
}

/** Looks at the container's group every 20 ms, until it has ended. */
async function watched(
  id: string,
  ended: Promise<number | null>,
  seen: { cpu: number; peak: number },
): Promise<number | null> {
  let status: number | null | undefined;
  void ended.then((it) => {
    status = it;
  });
  let group = "";
  while (status === undefined) {
    await Promise.race([sleep(20), ended]);
    group ||= (await host`podman inspect --format ${"{{.State.CgroupPath}}"} ${id}`).stdout.trim();
    if (group === "") continue;
    seen.cpu = Math.max(seen.cpu, cpuOf(group));
    seen.peak = Math.max(seen.peak, memoryOf(group));
  }
  return status;
}

/** Seconds. */
function cpuOf(group: string): number {
  const nanoseconds = Number(readGroup("cpuacct", group, "cpuacct.usage"));
  const [, microseconds = 0] = /^usage_usec (\d+)/m.exec(readGroup("", group, "cpu.stat")) ?? [];
  return nanoseconds / 1e9 || Number(microseconds) / 1e6;
}

/** Bytes, by version 1 or 2 of control groups. */
function memoryOf(group: string): number {
  const text = readGroup("memory", group, "memory.stat") || readGroup("", group, "memory.stat");
  return Number(/^(?:total_rss|anon) (\d+)/m.exec(text)?.[1] ?? 0);
}

function readGroup(controller: string, group: string, file: string): string {
  const path = `/sys/fs/cgroup/${controller}${group}/${file}`;
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  } catch {
    return ""; // it has ended meanwhile
  }
}

/** By all interfaces but the loopback: on a quiet machine, only what is measured receives something. */
function receivedBytes(): number {
  const lines = readFileSync("/proc/net/dev", "utf8").split("\n").slice(2);
  return lines
    .map((line) => line.trim().split(/[:\s]+/))
    .filter(([name]) => name !== "lo" && name !== "")
    .reduce((sum, [, bytes = "0"]) => sum + Number(bytes), 0);
}

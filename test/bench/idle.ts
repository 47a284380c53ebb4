import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ours, path } from "./contenders.ts";
import { type Command, residentOf, timeOnce } from "./measure.ts";
import type { Line, Part } from "./report.ts";

const skills = 60;
/** Clock ticks per second in /proc, on every Linux that Node runs on. */
const ticks = 100;
/** A watcher has settled: its first run is over, and the volume's times are old enough to prove. */
const settleMs = 15_000;

/** What `watch` costs while nothing changes: the CPU time of the watcher and all that it starts. */
export const idle: Part = async (place, tell) => {
  const seconds = place.quick ? 60 : 600;
  const sets = [place.set("set40"), place.set("many files")] as const;
  const server = await place.serve();
  try {
    const watched = sets.map((set): [string, Command] => {
      const offered = { set, origin: server.origin, dir: place.fresh(set.name) };
      const command = ours(offered, skills).command(place.fresh("volume"), place.fresh("outside"));
      timeOnce(command);
      const [program, ...words] = command.argv;
      return [`watch, ${set.name}`, { ...command, argv: [program, ...words, "watch"] }];
    });
    const floor: Command = {
      argv: ["sh", "-c", "while :; do sleep 2; done"],
      env: { PATH: path },
      cwd: place.dir,
    };
    const entries = [...watched, ["sh: sleep 2, again and again", floor] as const];
    place.say(`idle: ${seconds} s`);
    const samples = await Promise.all(entries.map(([, command]) => costOf(command, seconds)));
    const lines = entries.map(([name], i): Line => {
      const { cpu = 0, resident = 0 } = samples[i] ?? {};
      const floor = i === entries.length - 1;
      return { name, floor, samples: [{ wall: cpu, cpu }], peaks: [resident] };
    });
    tell({
      title: `Idle watch: CPU time in ${seconds} s`,
      note: `${skills} skills, a writable volume with 40 programs, and with one more of 5,000 files. MEDIAN is CPU time; 0.5 % of a core is ${seconds / 200} s.`,
      unit: "s",
      lines,
    });
  } finally {
    await server.close();
  }
};

/** Seconds of CPU, and the bytes that are resident at the end. */
async function costOf(
  { argv: [program, ...words], env, cwd }: Command,
  seconds: number,
): Promise<{ cpu: number; resident: number }> {
  const child = spawn(program, words, { env, cwd, stdio: "ignore" });
  const pid = child.pid ?? 0;
  try {
    await sleep(settleMs);
    const before = cpuOf(pid);
    await sleep(seconds * 1000);
    return { cpu: cpuOf(pid) - before, resident: residentOf(pid).now };
  } finally {
    child.kill();
  }
}

/** Seconds: its own, and those of the children that it has waited for. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / ticks;
}

import { onFreshVolume } from "./cold.ts";
import { mise, ours } from "./contenders.ts";
import { timeOnce } from "./measure.ts";
import type { Line, Part } from "./report.ts";

const mbit = 20;
const latencyMs = 80;

/** The network is what one waits for: how much longer than the bytes need? */
export const slow: Part = async (place, tell) => {
  const sets = [place.set("set40"), ...(place.quick ? [] : [place.set("set8")])];
  const server = await place.serve("--mbit", `${mbit}`, "--latency", `${latencyMs}`);
  try {
    for (const set of sets) {
      const offered = { set, origin: server.origin, dir: place.fresh(set.name) };
      const contenders = [ours(offered), mise(offered, place.peers)];
      const least = (set.size * 8) / (mbit * 1e6);
      const lines: Line[] = contenders.map(({ name }) => ({ name, samples: [] }));
      for (let round = 0; round < 2; round += 1) {
        place.say(`slow: ${set.name}, round ${round + 1}`);
        for (const [i, contender] of contenders.entries()) {
          await onFreshVolume(contender, place, async (command) => {
            lines[i]?.samples.push(timeOnce(command));
          });
        }
      }
      const link = { name: "bytes / bandwidth", floor: true, samples: [{ wall: least, cpu: 0 }] };
      tell({
        title: `Slow link: ${set.name}`,
        note: `${(set.size / 1e6).toFixed(1)} MB over ${mbit} Mbit/s with ${latencyMs} ms of latency.`,
        unit: "s",
        lines: [...lines, link],
      });
    }
  } finally {
    await server.close();
  }
};

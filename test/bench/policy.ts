import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyPackage } from "../support/package.ts";
import { ours, path } from "./contenders.ts";
import { type Command, timeOften, timeOnce } from "./measure.ts";
import type { Line, Part } from "./report.ts";

/** What OpenClaw's install policy takes, which an installation waits for: Node's own start is the floor. */
export const policy: Part = async (place, tell) => {
  const set = place.set("set40");
  const server = await place.serve();
  try {
    const contender = ours({ set, origin: server.origin, dir: place.fresh("policy") });
    const fill = contender.command(place.fresh("volume"), place.fresh("outside"));
    timeOnce(fill);
    const dir = place.fresh("request");
    const entrypoint = join(
      copyPackage(join(dir, "package")),
      "entrypoint/openclaw-install-skill-deps",
    );
    const volume = fill.env.OPENCLAW_SKILL_PREFIX ?? "";
    const request = writeRequest(dir, [set.fixtures[0]?.tool ?? "", "gh", "no-such-program"]);
    // OpenClaw passes on the variables that are named in its configuration.
    const env = { PATH: path, HOME: dir, OPENCLAW_SKILL_DEPS_NODE: process.execPath };
    const reading = (...argv: [string, ...string[]]): Command => ({
      argv: ["sh", "-c", 'exec "$@" <"$0"', request, ...argv],
      env,
      cwd: dir,
    });
    const entries: [Line, Command][] = [
      [{ name: "ours", samples: [] }, reading(entrypoint, "policy", "--prefix", volume)],
      [{ name: "node -e 0", floor: true, samples: [] }, reading(process.execPath, "-e", "0")],
    ];
    const [rounds, runs] = place.quick ? [3, 10] : [10, 20];
    for (let round = 0; round < rounds; round += 1) {
      place.say(`policy: round ${round + 1} of ${rounds}`);
      for (const [line, command] of entries) line.samples.push(...timeOften(command, runs));
    }
    tell({
      title: "Install policy: a skill with 3 programs",
      note: "From the start of the sh entrypoint to its end; a volume with 40 programs, the bundled catalogue.",
      unit: "ms",
      lines: entries.map(([line]) => line),
    });
  } finally {
    await server.close();
  }
};

function writeRequest(dir: string, bins: readonly string[]): string {
  const skill = join(dir, "skill");
  mkdirSync(skill);
  const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
  const text = `---\nname: mail\ndescription: Mail.\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(skill, "SKILL.md"), text);
  const request = join(dir, "request.json");
  writeFileSync(
    request,
    JSON.stringify({ protocolVersion: 1, targetType: "skill", sourcePath: skill }),
  );
  return request;
}

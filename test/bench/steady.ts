import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { removeCaches } from "../support/package.ts";
import { type Contender, dotslash, mise, type Ours, ours, path, toolCache } from "./contenders.ts";
import { type Command, hasHyperfine, timeOften, timeOnce } from "./measure.ts";
import { type Place, throughNode, withoutNode } from "./place.ts";
import type { Line, Part } from "./report.ts";

const skills = 60;

interface Entry {
  readonly name: string;
  readonly command: Command;
  readonly floor?: boolean;
  /** Programs in the volume; absent for what has none. */
  readonly count?: number;
  /** True for what takes seconds. */
  readonly slow?: boolean;
}

/** Everything is present: what does it cost to find out? */
export const steady: Part = async (place, tell) => {
  const sets = [place.set("set8"), place.set("set40"), place.set(200)];
  const server = await place.serve();
  try {
    const entries = floors(place.fresh("floors"), place);
    for (const set of sets) {
      const count = set.fixtures.length;
      const offered = { set, origin: server.origin, dir: place.fresh(set.name) };
      entries.push(...ownEntries(ours(offered, skills), count, place));
      if (count > 40) continue;
      const peers = [
        mise(offered, place.peers),
        dotslash(offered, place.peers, 1),
        dotslash(offered, place.peers, 4),
        toolCache(offered, place.peers),
      ];
      for (const peer of peers) {
        const command = filled(peer, place);
        entries.push({ name: peer.name, count, command });
      }
    }
    const lines = measure(entries, place);
    for (const { fixtures } of sets) {
      const inGroup = ({ count = fixtures.length }: Entry): boolean => count === fixtures.length;
      tell({
        ...about,
        title: `Steady state: ${fixtures.length} programs present`,
        lines: lines.filter((_, i) => inGroup(entries[i] as Entry)),
      });
    }
  } finally {
    await server.close();
  }
};

const about = {
  note: `Ours with ${skills} skills. "content": metadata differ, so that the contents of all SKILL.md decide.`,
  unit: "ms",
} as const;

function floors(cwd: string, { aptUpdate }: Place): Entry[] {
  const env = { PATH: path, HOME: cwd };
  const command = (...argv: [string, ...string[]]): Command => ({ argv, env, cwd });
  const entries: Entry[] = [
    { name: "sh -c true", command: command("sh", "-c", "true"), floor: true },
    { name: "node -e 0", command: command(process.execPath, "-e", "0") },
  ];
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) return entries;
  const present = ["bash", "coreutils", "dash", "findutils", "grep", "gzip", "sed", "tar"];
  // --no-upgrade: the machine is to be the same afterwards.
  const install = ["apt-get", "install", "-y", "-q", "--no-upgrade", ...present];
  const update = `apt-get update -q && ${install.join(" ")}`;
  const apt = {
    name: "apt-get install: 8 packages",
    command: command("apt-get", ...install.slice(1)),
  };
  entries.push({ ...apt, slow: true });
  if (aptUpdate) {
    const both = command("sh", "-c", update);
    entries.push({ name: "apt-get update && apt-get install", command: both, slow: true });
  }
  return entries;
}

/** Installs, and gives the command that finds everything there. */
function filled(contender: Contender, place: Place): Command {
  const command = contender.command(place.fresh("volume"), place.fresh("outside"));
  place.say(`steady: filling a volume with ${contender.name}`);
  timeOnce(command);
  return command;
}

function ownEntries(contender: Ours, count: number, place: Place): Entry[] {
  const command = filled(contender, place);
  const volume = command.env.OPENCLAW_SKILL_PREFIX ?? "";
  const entry = (name: string, over: Command): Entry => ({ name, count, command: over });
  const alone = withoutNode(command);
  const node = throughNode(contender.packageDir, command);
  const copy = join(place.fresh("bare"), "package");
  cpSync(contender.packageDir, copy, { recursive: true });
  removeCaches(join(copy, "dist"));
  const bare = throughNode(copy, command);
  const entries = [
    entry("ours, read-write", alone),
    ...mountedEntries(alone, volume, contender, place).map(([what, over]) => entry(what, over)),
    entry("ours, through Node without its code cache", bare),
    entry("ours, through Node", node),
  ];
  for (const one of entries) timeOften(one.command, 1); // fails now rather than after an hour
  return entries;
}

/** Needs root, because it mounts, and hyperfine, which can be started behind a mount. */
function mountedEntries(
  command: Command,
  volume: string,
  { skills: dir }: Ours,
  place: Place,
): [string, Command][] {
  if (process.getuid?.() !== 0 || !hasHyperfine) {
    place.say("steady: no root or no hyperfine here, so that nothing is measured behind mounts");
    return [];
  }
  const copy = join(place.fresh("skills"), "copy");
  cpSync(dir, copy, { recursive: true });
  const script = (line: string): string[] => ["unshare", "--mount", "sh", "-c", line];
  const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"';
  const copied = `mount --bind '${copy}' '${dir}'`;
  const behind = (line: string): Command => ({
    ...command,
    behind: [...script(`${line} && exec "$@"`), volume],
  });
  return [
    ["ours, read-only", behind(readOnly)],
    ["ours, content, read-write", behind(copied)],
    ["ours, content, read-only", behind(`${readOnly} && ${copied}`)],
  ];
}

/** In many rounds, so that what the machine does meanwhile is shared by all. */
function measure(entries: readonly Entry[], { quick, say }: Place): Line[] {
  const lines = entries.map(({ name, floor = false }): Line => ({ name, floor, samples: [] }));
  const [rounds, runs] = quick ? [3, 5] : [10, 10];
  for (let round = 0; round < rounds; round += 1) {
    say(`steady: round ${round + 1} of ${rounds}`);
    entries.forEach(({ command, slow = false }, i) => {
      if (slow && round > 2) return;
      lines[i]?.samples.push(...timeOften(command, slow ? 3 : runs));
    });
  }
  return lines;
}

/** What agents do in a soak: they ask for tools in the directory of `--requests`; and the answers they must get. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { orNothing } from "../../../src/core/or-nothing.ts";
import { agentLimits } from "../../../src/core/plan/agent-requests.ts";
import type { Soak } from "./soak.ts";
import type { World } from "./world.ts";

/** What lies in the directory at the same time. */
const most = 12;

export interface Requests {
  readonly dir: string;
  /** Those that lie there: the tool, or undefined for what must be refused. */
  readonly asked: Map<string, string | undefined>;
  /** Tools that some request asked for: they may be installed at any time, and those granted must be there. */
  readonly tools: Set<string>;
  readonly granted: Set<string>;
  /** Whose installation may have failed: it is tried again after minutes. One entry for each time. */
  readonly delayed: string[];
}

/** Makes the directory. */
export function openRequests(dir: string): Requests {
  mkdirSync(dir);
  return { dir, asked: new Map(), tools: new Set(), granted: new Set(), delayed: [] };
}

/** False where there are enough requests. */
function ask({ requests }: World, name: string, make: (path: string) => void, tool?: string) {
  const { dir, asked, tools } = requests;
  if (asked.size >= most || asked.has(name)) return false;
  make(join(dir, name));
  asked.set(name, tool);
  if (tool !== undefined) tools.add(tool);
  return true;
}

export function askForTool({ world }: Soak): boolean {
  const { tool } = world.chance.one(world.tools);
  return ask(world, tool, (path) => writeFileSync(path, ""), tool);
}

/** A name that no tool has, a link, or a directory. */
export function askOddly({ world }: Soak): boolean {
  const { tool } = world.chance.one(world.tools);
  const ways = [
    () => ask(world, `no-${world.newName()}`, (path) => writeFileSync(path, "")),
    () => ask(world, tool, (path) => symlinkSync("/etc/passwd", path)),
    () => ask(world, tool, (path) => mkdirSync(path)),
  ];
  return world.chance.one(ways)();
}

/** What was granted stays. */
export function withdraw({ world: { chance, requests } }: Soak): boolean {
  const names = [...requests.asked.keys()];
  if (names.length === 0) return false;
  const name = chance.one(names);
  for (const path of [name, `${name}.answer`]) {
    rmSync(join(requests.dir, path), { recursive: true, force: true });
  }
  requests.asked.delete(name);
  return true;
}

/** A run may fail now: what was not granted yet may have to wait. */
export function mayWait({ asked, granted, delayed }: Requests): void {
  for (const tool of asked.values()) {
    if (tool !== undefined && !granted.has(tool)) delayed.push(tool);
  }
}

/** Reads the answers: the requests that have none, or one that they must not have. */
export function notAnswered({ dir, asked, tools, granted, delayed }: Requests): string[] {
  const isLimited = tools.size + delayed.length > agentLimits.perHour;
  return [...asked].flatMap(([name, tool]) => {
    const text = orNothing(() => readFileSync(join(dir, `${name}.answer`), "utf8")) ?? "";
    const [word = ""] = text.split(":");
    if (tool === undefined) return word === "refused" ? [] : [`request ${name} (${text.trim()})`];
    if (word === "granted") granted.add(tool);
    const maybe = isLimited || delayed.includes(tool) ? ["granted", "waiting"] : ["granted"];
    return maybe.includes(word) ? [] : [`request ${name} (${text.trim()})`];
  });
}

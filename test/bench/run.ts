/**
 * Measures this product beside its peers, and prints tables. A whole run also writes them and two
 * charts into test/bench/, a summary into test/README.md, and one row of it into the front page.
 *
 *   npm run bench -- [--quick] [--only steady|cold|slow|skills|policy|hooks|idle|first-start|growth]… [--apt-update] [--dir DIR] [--out DIR]
 *
 * `--dir` is where volumes lie while it runs (default: the temporary directory); `--out` says where
 * the results of any run go. It needs the registries of npm, Python and Debian, bash, and Linux on x64; root and hyperfine for
 * all of it. The first start needs podman. It takes half an hour on a quiet machine, with `--quick` a few minutes.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { repository } from "../support/workplace.ts";
import { barChart, growthChart } from "./chart.ts";
import { cold } from "./cold.ts";
import { firstStart } from "./first-start.ts";
import { type Cell, growth } from "./growth.ts";
import { hooks } from "./hooks.ts";
import { idle } from "./idle.ts";
import { inPlace, type Place } from "./place.ts";
import { policy } from "./policy.ts";
import { type Group, renderGroup, renderGrowth, renderMarkdown, renderSummary } from "./report.ts";
import { skills } from "./skills.ts";
import { slow } from "./slow.ts";
import { steady } from "./steady.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    "apt-update": { type: "boolean", default: false },
    dir: { type: "string", default: tmpdir() },
    out: { type: "string" },
  },
});

const parts = { cold, steady, slow, skills, policy, hooks, idle, "first-start": firstStart };
const known = [...Object.keys(parts), "growth"];
const unknown = values.only.filter((name) => !known.includes(name));
if (unknown.length > 0) throw new Error(`--only ${unknown}: there are ${known.join(", ")}`);
if (process.platform !== "linux" || process.arch !== "x64") {
  throw new Error("the peers and fixtures are those for Linux on x64");
}

const isAsked = (name: string): boolean => values.only.length === 0 || values.only.includes(name);
const isWhole = values.only.length === 0 && !values.quick;
const out = values.out ?? (isWhole ? import.meta.dirname : undefined);
/** The front page's only row. */
const shown = "Steady state: 40 programs present";
const given = { parent: values.dir, quick: values.quick, aptUpdate: values["apt-update"] };

await inPlace(given, async (place) => {
  const groups: Group[] = [];
  let cells: Cell[] = [];
  const machine = describeMachine(place);
  print(machine.map(([what, is]) => `${what}: ${is}\n`).join(""));
  for (const [name, part] of Object.entries(parts)) {
    if (!isAsked(name)) continue;
    await part(place, (group) => {
      groups.push(group);
      print(renderGroup(group));
    });
  }
  if (isAsked("growth")) {
    cells = await growth(place);
    print(renderGrowth(cells));
  }
  if (out === undefined) return;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "results.md"), renderMarkdown(groups, cells, machine));
  writeFileSync(join(out, "results.svg"), barChart(groups));
  if (cells.length > 0) writeFileSync(join(out, "growth.svg"), growthChart(cells));
  if (out !== import.meta.dirname) return;
  writeBetweenMarks("test/README.md", renderSummary(groups));
  writeBetweenMarks("README.md", renderSummary(groups.filter(({ title }) => title === shown)));
});

function writeBetweenMarks(name: string, table: string): void {
  const file = join(repository, name);
  const marked = /(<!-- npm run bench writes this (?:table|row) -->\n)[\s\S]*?(<!-- to here -->)/;
  writeFileSync(file, readFileSync(file, "utf8").replace(marked, `$1\n${table}\n$2`));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function describeMachine({ dir, peers, quick }: Place): [string, string][] {
  const processors = cpus();
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  const fileSystem = execFileSync("stat", ["-f", "-c", "%T", dir], { encoding: "utf8" }).trim();
  const versions = Object.entries(peers.versions).map(([name, version]) => `${name} ${version}`);
  return [
    ["processor", `${processors.length} x ${processors[0]?.model ?? "?"}`],
    ["memory", `${Math.round(totalmem() / 1024 ** 3)} GiB`],
    ["kernel", release()],
    ["system", `${system}, sh is ${basename(realpathSync("/bin/sh"))}`],
    ["file system", fileSystem],
    ["Node", process.versions.node],
    ["peers", versions.join(", ")],
    ["run", `${quick ? "quick" : "whole"}, ${new Date().toISOString().slice(0, 10)}`],
  ];
}

import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { SteadyFacts } from "../../src/io/steady-facts.ts";
import { type Place, type RunOptions, sha256, write, writeSkill } from "./place.ts";

export interface Row {
  readonly what: string;
  /** Done before the record is made; what it returns are facts that the run saw. */
  readonly before?: (place: Place) => Partial<SteadyFacts>;
  /** Of both runs. */
  readonly args?: string[];
  /** Done after the record was made. */
  readonly change?: (place: Place) => void;
  /** How else the next run is started. */
  readonly next?: (place: Place) => { args?: string[]; options?: RunOptions };
}

export const named = (it: Place): string[] => ["--skills-dir", it.skillsDir];
export const skillOf = (it: Place, n = 0): string => join(it.skillsDir, `skill-${n}`, "SKILL.md");
export const binOf = (it: Place, name = "gog"): string => join(it.prefix, "bin", name);
export const hash = (path: string): string => sha256(readFileSync(path, "utf8"));

/** Other bytes of the same length, at the same modification time. */
export function editInPlace(path: string): void {
  const { atime, mtime } = statSync(path);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/.\n$/, "#\n"));
  utimesSync(path, atime, mtime);
}

export const configOf = (it: Place): string => join(it.home, ".openclaw", "openclaw.json");
export const withConfig = (text: string) => (it: Place) => {
  const path = write(configOf(it), text);
  return { inputs: [...inputsOf(it), { path, sha256: sha256(text), skill: false }] };
};
const recipesOf = (it: Place): string => join(it.dir, "recipes");
export const withRecipes = (it: Place) => {
  const path = write(join(recipesOf(it), "gog.yaml"), "name: gog\n");
  const inputs = [...inputsOf(it), { path, sha256: hash(path), skill: false }];
  return { inputs, directories: [it.skillsDir, recipesOf(it)] };
};
function inputsOf(it: Place): SteadyFacts["inputs"] {
  const skills = readdirSync(it.skillsDir).map((name) => join(it.skillsDir, name, "SKILL.md"));
  return [...skills, it.catalogue].map((path) => ({
    path,
    sha256: hash(path),
    skill: path !== it.catalogue,
  }));
}

export function records(it: Place): string[] {
  const steady = join(it.prefix, "share/openclaw-skill-deps/steady");
  return readdirSync(steady).map((name) => join(steady, name));
}

function recordFiles(it: Place): string[] {
  return records(it).flatMap((dir) =>
    ["unmet", "sizes", "seen", "all", "volume", "content", "settled"]
      .map((name) => join(dir, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })),
  );
}

/** What a place that differs in this would have recorded. */
function replaceInViews(it: Place, from: string, to: string): void {
  for (const dir of records(it)) {
    for (const path of ["seen", "all", "content"].map((name) => join(dir, name))) {
      if (!existsSync(path)) continue;
      writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
    }
    if (dir.includes("any-")) renameSync(dir, dir.replace(from.trim(), to));
  }
}

/** Without proof by metadata, content has to decide. */
export function dropStat(it: Place): void {
  for (const dir of records(it)) {
    for (const name of ["seen", "all"]) rmSync(join(dir, name), { force: true });
  }
}

const withOwnProgram = (it: Place) => {
  write(join(it.systemBin, "only-here"), "", 0o755);
  return { system: ["only-here"] };
};

/** What is checked. Each of these must lead to Node. */
export const rows: Row[] = [
  {
    what: "a SKILL.md has other content of the same size and time",
    change: (p) => editInPlace(skillOf(p)),
  },
  { what: "a skill is new", change: (p) => writeSkill(p.skillsDir, "new") },
  {
    what: "a nested skill is new",
    change: (p) => writeSkill(join(p.skillsDir, "group/a"), "new"),
  },
  {
    what: "a skill is new, by a link",
    change: (p) => symlinkSync(dirname(writeSkill(p.dir, "linked")), join(p.skillsDir, "linked")),
  },
  { what: "a skill is gone", change: (p) => rmSync(dirname(skillOf(p)), { recursive: true }) },
  {
    what: "a skill has another directory",
    change: (p) => renameSync(dirname(skillOf(p)), join(p.skillsDir, "other")),
  },
  {
    what: "a SKILL.md cannot be read",
    change: (p) => {
      rmSync(skillOf(p));
      symlinkSync("nowhere", skillOf(p));
    },
  },
  { what: "the catalogue changed", change: (p) => editInPlace(p.catalogue) },
  { what: "the catalogue is gone", change: (p) => rmSync(p.catalogue) },
  {
    what: "a recipe changed",
    before: withRecipes,
    args: ["--recipes", "/r"],
    change: (p) => editInPlace(join(recipesOf(p), "gog.yaml")),
  },
  {
    what: "a recipe is new",
    before: withRecipes,
    args: ["--recipes", "/r"],
    change: (p) => write(join(recipesOf(p), "b.yaml"), "name: b\n"),
  },
  { what: "openclaw.json appeared", change: (p) => write(configOf(p), "{}") },
  {
    what: "openclaw.json changed",
    before: withConfig("{skills:{}}\n"),
    change: (p) => editInPlace(configOf(p)),
  },
  {
    what: "openclaw.json is gone",
    before: withConfig("{skills:{}}\n"),
    change: (p) => rmSync(configOf(p)),
  },
  {
    what: "one of OpenClaw's skill directories appeared",
    change: (p) => writeSkill(join(p.home, ".agents/skills"), "x"),
  },
  {
    what: "a directory that would be searched appeared",
    before: (p) => ({ roots: [p.skillsDir, join(p.dir, "later")] }),
    change: (p) => writeSkill(join(p.dir, "later"), "x"),
  },
  { what: "a program is deleted", change: (p) => rmSync(binOf(p)) },
  { what: "a program is emptied", change: (p) => truncateSync(binOf(p)) },
  { what: "a program is longer", change: (p) => writeFileSync(binOf(p), "#", { flag: "a" }) },
  { what: "a program cannot be executed", change: (p) => chmodSync(binOf(p), 0o644) },
  {
    what: "a program's link dangles",
    change: (p) => rmSync(join(p.prefix, "lib/gog"), { recursive: true }),
  },
  {
    what: "a program is a directory",
    change: (p) => {
      rmSync(binOf(p));
      symlinkSync("../lib", binOf(p));
    },
  },
  { what: "a launcher is damaged", change: (p) => truncateSync(binOf(p, "launched"), 3) },
  {
    what: "what a launcher starts is gone",
    change: (p) => rmSync(join(p.prefix, "lib/launched"), { recursive: true }),
  },
  {
    what: "the manifest changed",
    change: (p) =>
      writeFileSync(
        join(p.prefix, "manifest.json"),
        readFileSync(join(p.prefix, "manifest.json"), "utf8").replace("glibc", "other"),
      ),
  },
  {
    what: "a file beside a program changed",
    change: (p) => editInPlace(join(p.prefix, "lib/launched/1.0.0-abcdefabcdef/README")),
  },
  {
    what: "a file beside a program is new",
    change: (p) => write(join(p.prefix, "lib/launched/1.0.0-abcdefabcdef/deep/new"), "x"),
  },
  {
    what: "a stranger in bin",
    change: (p) => write(join(p.prefix, "bin/ls"), "#!/bin/sh\n", 0o755),
  },
  {
    what: "a link in bin was turned, and turned back",
    change: (p) => {
      const target = readlinkSync(binOf(p));
      rmSync(binOf(p));
      symlinkSync(target, binOf(p));
    },
  },
  { what: "the manifest is gone", change: (p) => rmSync(join(p.prefix, "manifest.json")) },
  {
    what: "a system program is gone",
    before: withOwnProgram,
    change: (p) => rmSync(join(p.systemBin, "only-here")),
  },
  {
    what: "a system program cannot be executed",
    before: withOwnProgram,
    change: (p) => chmodSync(join(p.systemBin, "only-here"), 0o644),
  },
  { what: "--skill", next: () => ({ args: ["--skill", "x"] }) },
  { what: "--all", next: () => ({ args: ["--all"] }) },
  { what: "--ignore-system", next: () => ({ args: ["--ignore-system"] }) },
  { what: "--recipes", next: () => ({ args: ["--recipes=/r"] }) },
  { what: "a NAME", next: () => ({ args: ["gog"] }) },
  { what: "--force-reinstall", next: () => ({ args: ["--force-reinstall"] }) },
  { what: "-f", next: () => ({ args: ["-f"] }) },
  { what: "--dry-run", next: () => ({ args: ["--dry-run"] }) },
  { what: "--json", next: () => ({ args: ["--json"] }) },
  { what: "--platform", next: () => ({ args: ["--platform", "linux-arm64"] }) },
  { what: "another verb", next: () => ({ args: ["list"] }) },
  { what: "an unknown option", next: () => ({ args: ["--what"] }) },
  ...[
    "OPENCLAW_SKILLS",
    "OPENCLAW_SKILL_DIRS",
    "OPENCLAW_SKILL_RECIPES",
    "OPENCLAW_SKILL_ALLOW_DECLARED",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_HOME",
    "OPENCLAW_WORKSPACE_DIR",
    "OPENCLAW_BUNDLED_SKILLS_DIR",
    "HOME",
  ].map((name): Row => ({ what: name, next: () => ({ options: { env: { [name]: "/other" } } }) })),
  {
    what: "--strict, and something was unmet",
    before: () => ({ unmet: ["x: no recipe"] }),
    next: () => ({ args: ["--strict"] }),
  },
  {
    what: "another platform",
    change: (p) => replaceInViews(p, "x64", "a64"),
  },
  {
    what: "another libc",
    change: (p) => replaceInViews(p, "glibc", "musl."),
  },
  { what: "an earlier form of records", change: (p) => replaceInViews(p, "1 x64", "0 x64") },
  {
    what: "a record was cut short by a crash",
    change: (p) => {
      for (const file of recordFiles(p)) truncateSync(file);
    },
  },
  {
    what: "a record was cut short by a crash, links and all",
    change: (p) => {
      for (const file of recordFiles(p)) truncateSync(file);
      for (const dir of records(p)) {
        for (const kind of ["programs", "trees", "watch", "files", "roots"]) {
          rmSync(join(dir, kind), { recursive: true, force: true });
        }
      }
    },
  },
  {
    what: "a login shell would not find the programs",
    next: (p) => {
      write(join(p.dir, "profile.d/other.sh"), "");
      return { options: { env: { OPENCLAW_SKILL_PROFILE_DIR: join(p.dir, "profile.d") } } };
    },
  },
];

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
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
import { basename, dirname, join } from "node:path";
import type { FreshnessFacts } from "../../src/io/freshness/facts.ts";
import { factsOf, type Place, type RunOptions, sha256, write, writeSkill } from "./place.ts";

/** How a fact is compared, in the words of the README's table; "—": not at all. */
type Told = "words" | "presence" | "content" | "metadata" | "mode, size" | "time" | "—";

/** A change of one fact. */
export interface Way {
  /** Where a row has more than one. */
  readonly how?: string;
  /** Done before the record is made; what it returns are facts that the run saw. */
  readonly before?: (place: Place) => Partial<FreshnessFacts> | undefined;
  /** Of both runs. */
  readonly args?: string[];
  readonly env?: (place: Place) => Record<string, string>;
  /** Done after the record was made. */
  readonly change?: (place: Place) => unknown;
  /** Where bytes are compared instead of times, it is no change. */
  readonly sameBytes?: boolean;
  /** How the volume is mounted then. */
  readonly mount?: string;
  /** How else the next run is started. */
  readonly next?: (place: Place) => { args?: string[]; without?: string[]; options?: RunOptions };
  /** The change is one of the records; else of what they tell about. */
  readonly ofRecord?: boolean;
}

/** A row of the README's table. */
export interface Row {
  readonly what: string;
  /** Where the volume can be written to. */
  readonly told: Told;
  readonly readOnly: Told;
  readonly ways: readonly Way[];
}

function compared(told: Told, readOnly: Told, facts: Readonly<Record<string, Way | Way[]>>): Row[] {
  return Object.entries(facts).map(([what, ways]) => ({
    what,
    told,
    readOnly,
    ways: [ways].flat(),
  }));
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
const requestsOf = (it: Place): string => join(it.dir, "requests");
const withRequests = (it: Place) => {
  write(join(requestsOf(it), "gog"), "");
  write(join(requestsOf(it), "gog.answer"), "granted\n");
  return { requests: { dir: requestsOf(it), names: ["gog"], isWaiting: false } };
};
function inputsOf(it: Place): FreshnessFacts["inputs"] {
  const skills = readdirSync(it.skillsDir).map((name) => join(it.skillsDir, name, "SKILL.md"));
  return [...skills, it.catalogue].map((path) => ({
    path,
    sha256: hash(path),
    skill: path !== it.catalogue,
  }));
}

export const recordsOf = (it: Place): string =>
  join(it.prefix, "share/openclaw-skill-deps/freshness");

export function records(it: Place): string[] {
  const all = recordsOf(it);
  return readdirSync(all).map((name) => join(all, name));
}

function recordFiles(it: Place): string[] {
  return records(it).flatMap((dir) =>
    ["unmet", "sizes", "seen", "all", "volume", "content", "satisfied"]
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
  dropLists(it, ["seen", "all"]);
}

/** As Node leaves a record on a file system whose times prove nothing. */
export function dropTimes(it: Place): void {
  dropLists(it, ["seen", "all", "volume"]);
  for (const dir of records(it)) writeFileSync(join(dir, "by-content"), "");
}

function dropLists(it: Place, names: readonly string[]): void {
  for (const dir of records(it)) {
    for (const name of names) rmSync(join(dir, name), { force: true });
  }
}

const withOwnProgram = (it: Place) => {
  write(join(it.systemBin, "only-here"), "", 0o755);
  return { system: ["only-here"] };
};

const withInput = (path: string) => (it: Place) => {
  const file = write(join(it.dir, path), '{"a":1}\n');
  return { inputs: [...inputsOf(it), { path: file, sha256: hash(file), skill: false }] };
};

const dependencyOf = (it: Place): string => join(dirname(skillOf(it)), "requirements.txt");
const withDependencies = (it: Place) => {
  const path = write(dependencyOf(it), "requests\n");
  const file = { path, sha256: hash(path), skill: false };
  const directories = [dirname(path)];
  return {
    inputs: [...inputsOf(it), file],
    directories: [...factsOf(it).directories, ...directories],
    dependencies: { files: [file], directories },
  };
};

const withProfile = (it: Place) => {
  write(join(it.prefix, "etc/profile.d/script.sh"), "PATH=1\n");
  return { trees: [...factsOf(it).trees, "etc/profile.d"] };
};

const made = (path: string) => (it: Place) =>
  void mkdirSync(join(it.dir, path), { recursive: true });
const gone = (path: string) => (it: Place) => rmSync(join(it.dir, path), { recursive: true });

const asks = (...args: string[]): Way => ({ how: args.join(" "), next: () => ({ args }) });
const sets = (name: string): Way => ({
  how: name,
  next: () => ({ options: { env: { [name]: "/other" } } }),
});

/** A relative path of the same length. */
const relativeOf = (path: string): string => basename(path).padEnd(path.length, "/");

/** The package at another place. */
function movePackage(it: Place): void {
  cpSync(join(it.dir, "package"), join(it.dir, "moved"), { recursive: true });
  it.words.splice(-1, 1, join(it.dir, "moved/entrypoint/openclaw-install-skill-deps"));
}

/** Stale files are to be removed so many seconds from now. */
function setDue(it: Place, seconds: number): undefined {
  const due = write(join(it.prefix, "share/openclaw-skill-deps/prune-due"), "");
  const when = Date.now() / 1000 + seconds;
  utimesSync(due, when, when);
  return undefined;
}

function truncateRecords(it: Place): void {
  for (const file of recordFiles(it)) truncateSync(file);
}

const beside = "volume/lib/launched/1.0.0-abcdefabcdef";
const ownSkills = "home/.agents/skills";
const recipe = { before: withRecipes, args: ["--recipes", "/r"] };
const requests = { before: withRequests, args: ["--requests", "/r"] };
const config = { before: withConfig("{skills:{}}\n") };

/** What is checked: the README's table. Each of these must lead to Node, and nothing else. */
const storedCatalogue = "volume/share/openclaw-skill-deps/catalogues/a.catalogue.json";

export const rows: Row[] = [
  ...compared("words", "words", {
    "another verb, or a NAME": [asks("list"), asks("gog")],
    "an option that selects: `--all`, `--skill`, `--skills-dir`, `--recipes`, `--catalogue`, `--catalogue-key`, `--requests`, `--seed`, `--ignore-system`, `--allow-declared`, `--allow-libraries`, `--declared`":
      [
        asks("--all"),
        asks("--skill", "x"),
        asks("--skills-dir=/other"),
        asks("--recipes=/r"),
        asks("--catalogue", "npm:a@1.0.0"),
        asks("--catalogue-key=/k.pub"),
        asks("--requests", "/r"),
        asks("--seed", "/other"),
        asks("--ignore-system"),
        asks("--allow-declared"),
        asks("--allow-libraries"),
        asks("--declared", "/r.json"),
      ],
    "an option that is for Node: `-f`, `--dry-run`, `--json`, `--platform`, any unknown one": [
      asks("-f"),
      asks("--force-reinstall"),
      asks("--dry-run"),
      asks("--json"),
      asks("--platform", "linux-arm64"),
      asks("--what"),
    ],
    "any option more or less, such as `--jobs`, `--mirror`, `--offline`, `--no-progress`": [
      asks("--jobs", "2"),
      asks("--mirror=http://a/=http://b/"),
      asks("--offline"),
      asks("--no-progress"),
      { how: "less", args: ["--offline"], next: () => ({ without: ["--offline"] }) },
      {
        how: "another order",
        args: ["--all", "--offline"],
        next: () => ({ without: ["--all"], args: ["--all"] }),
      },
    ],
    "`--strict`, where something is unmet": {
      before: () => ({ unmet: ["x: no recipe"] }),
      next: () => ({ args: ["--strict"] }),
    },
    "`--prefix`, `OPENCLAW_SKILL_PREFIX`: the volume by another name": [
      {
        how: "--prefix",
        change: (p) => symlinkSync(p.prefix, join(p.dir, "same")),
        next: (p) => ({ args: ["--prefix", join(p.dir, "same")] }),
      },
      {
        how: "OPENCLAW_SKILL_PREFIX",
        change: (p) => symlinkSync(p.prefix, join(p.dir, "same")),
        next: (p) => ({ options: { env: { OPENCLAW_SKILL_PREFIX: join(p.dir, "same") } } }),
      },
    ],
    "`OPENCLAW_SKILLS`, `_SKILL_DIRS`, `_SKILL_RECIPES`, `_SKILL_CATALOGUE` (and its `_KEY`), `_SKILL_TOOLS`, `_SKILL_REQUESTS`, `_SKILL_SEED`, `_SKILL_ALLOW_DECLARED`, `_SKILL_ALLOW_LIBRARIES`, `_SKILL_DECLARED`":
      [
        "SKILLS",
        "SKILL_DIRS",
        "SKILL_RECIPES",
        "SKILL_CATALOGUE",
        "SKILL_TOOLS",
        "SKILL_REQUESTS",
        "SKILL_SEED",
        "SKILL_ALLOW_DECLARED",
        "SKILL_ALLOW_LIBRARIES",
        "SKILL_DECLARED",
      ].map((name) => sets(`OPENCLAW_${name}`)),
    "`OPENCLAW_CONFIG_PATH`, `_STATE_DIR`, `_HOME`, `_WORKSPACE_DIR`, `_BUNDLED_SKILLS_DIR`": [
      "CONFIG_PATH",
      "STATE_DIR",
      "HOME",
      "WORKSPACE_DIR",
      "BUNDLED_SKILLS_DIR",
    ].map((name) => sets(`OPENCLAW_${name}`)),
    "`HOME`": sets("HOME"),
    "the working directory": { next: (p) => ({ options: { cwd: p.home } }) },
    "where the command itself lies": { change: movePackage },
    "a path of these is relative, or a word has a line break": [
      asks("--prefix", "volume"),
      {
        how: "OPENCLAW_HOME, although a record has just that word",
        env: (p) => ({ OPENCLAW_HOME: join(p.dir, "claw") }),
        ofRecord: true,
        change: (p) => replaceInViews(p, join(p.dir, "claw"), relativeOf(join(p.dir, "claw"))),
        next: (p) => ({
          options: { env: { OPENCLAW_HOME: relativeOf(join(p.dir, "claw")) } },
        }),
      },
      { how: "a line break", next: () => ({ args: ["--skill=a\nb"] }) },
    ],
  }),
  ...compared("presence", "presence", {
    "the processor (the loaders in `/lib`, `/lib64`)": {
      ofRecord: true,
      change: (p) => replaceInViews(p, "x64", "a64"),
    },
    "the C library (likewise)": {
      ofRecord: true,
      change: (p) => replaceInViews(p, "glibc", "musl."),
    },
    "one of OpenClaw's skill directories comes or goes": [
      { how: "comes", change: made(ownSkills) },
      { how: "goes", before: made(ownSkills), change: gone(ownSkills) },
    ],
    "bundled skills, a seed or `openclaw` itself come": [
      {
        how: "bundled skills",
        env: (p) => ({ OPENCLAW_BUNDLED_SKILLS_DIR: join(p.dir, "bundled") }),
        change: made("bundled"),
      },
      {
        how: "a seed",
        env: (p) => ({ OPENCLAW_SKILL_SEED: join(p.dir, "seed") }),
        change: made("seed"),
      },
      {
        how: "openclaw",
        change: (p) => write(join(p.systemBin, "openclaw"), "", 0o755),
      },
    ],
    "openclaw.json comes or goes": [
      { how: "comes", change: (p) => write(configOf(p), "{}") },
      { how: "goes", ...config, change: (p) => rmSync(configOf(p)) },
    ],
  }),
  ...compared("content", "content", {
    "openclaw.json, a file that it includes, or a `.env` of OpenClaw's has other content": [
      { how: "openclaw.json", ...config, change: (p) => editInPlace(configOf(p)) },
      {
        how: "another file",
        before: withInput("home/.openclaw/more.json5"),
        change: (p) => editInPlace(join(p.home, ".openclaw/more.json5")),
      },
    ],
    "such a file comes": {
      before: (p) => ({ absent: [join(p.home, ".openclaw/.env")] }),
      change: (p) => write(join(p.home, ".openclaw/.env"), "A=b\n"),
    },
    "a SKILL.md has other content": { change: (p) => editInPlace(skillOf(p)) },
    "a SKILL.md comes": [
      { how: "into the directory", change: (p) => writeSkill(p.skillsDir, "new") },
      { how: "deeper", change: (p) => writeSkill(join(p.skillsDir, "group/a"), "new") },
      {
        how: "by a link",
        change: (p) =>
          symlinkSync(dirname(writeSkill(p.dir, "linked")), join(p.skillsDir, "linked")),
      },
      {
        how: "into a directory that was not there",
        before: (p) => ({ roots: [p.skillsDir, join(p.dir, "later")] }),
        change: (p) => writeSkill(join(p.dir, "later"), "x"),
      },
    ],
    "a SKILL.md goes, or cannot be read": [
      { how: "goes", change: (p) => rmSync(dirname(skillOf(p)), { recursive: true }) },
      {
        how: "cannot be read",
        change: (p) => {
          rmSync(skillOf(p));
          symlinkSync("nowhere", skillOf(p));
        },
      },
    ],
    "a SKILL.md has another directory": {
      change: (p) => renameSync(dirname(skillOf(p)), join(p.skillsDir, "other")),
    },
    "the catalogue has other content, or goes": [
      { how: "other content", change: (p) => editInPlace(p.catalogue) },
      { how: "goes", change: (p) => rmSync(p.catalogue) },
    ],
    "a recipe of `--recipes` has other content, comes or goes": [
      {
        how: "other content",
        ...recipe,
        change: (p) => editInPlace(join(recipesOf(p), "gog.yaml")),
      },
      {
        how: "comes",
        ...recipe,
        change: (p) => write(join(recipesOf(p), "b.yaml"), "name: b\n"),
      },
      { how: "goes", ...recipe, change: (p) => rmSync(join(recipesOf(p), "gog.yaml")) },
    ],
    "a request of `--requests` comes or goes": [
      { how: "comes", ...requests, change: (p) => write(join(requestsOf(p), "yak"), "") },
      { how: "goes", ...requests, change: (p) => rmSync(join(requestsOf(p), "gog")) },
      {
        how: "with a name like a line of the list",
        ...requests,
        change: (p) => write(join(requestsOf(p), "gog\nend"), ""),
      },
      {
        how: "the directory comes",
        before: (p) => ({ requests: { dir: requestsOf(p), names: [], isWaiting: false } }),
        args: ["--requests", "/r"],
        change: (p) => write(join(requestsOf(p), "yak"), ""),
      },
    ],
    "the seed's manifest has other content": {
      before: withInput("seed/manifest.json"),
      env: (p) => ({ OPENCLAW_SKILL_SEED: join(p.dir, "seed") }),
      change: (p) => editInPlace(join(p.dir, "seed/manifest.json")),
    },
    "a dependency file of a skill has other content, comes or goes (`--allow-libraries`)": [
      { how: "content", change: (p: Place) => editInPlace(dependencyOf(p)) },
      { how: "comes", change: (p: Place) => write(join(dirname(skillOf(p)), "yarn.lock"), "") },
      { how: "goes", change: (p: Place) => rmSync(dependencyOf(p)) },
    ].map((way) => ({ ...way, before: withDependencies, args: ["--allow-libraries"] })),
    "the volume's copy of a `--catalogue` has other content, or goes": ["content", "goes"].map(
      (how) => ({
        how,
        before: withInput(storedCatalogue),
        args: ["--catalogue", "npm:a@1.0.0"],
        change: (p: Place) => {
          const path = join(p.dir, storedCatalogue);
          if (how === "goes") rmSync(path);
          else editInPlace(path);
        },
      }),
    ),
    "what skills declare led to something else (`--allow-declared`, `--allow-libraries`)": {
      before: withInput("volume/share/openclaw-skill-deps/declared.json"),
      args: ["--allow-declared"],
      change: (p) => editInPlace(join(p.prefix, "share/openclaw-skill-deps/declared.json")),
    },
  }),
  ...compared("metadata", "mode, size", {
    "a program, or what a launcher starts, goes": [
      { how: "its link", change: (p) => rmSync(binOf(p)) },
      { how: "its tree", change: gone("volume/lib/gog") },
      { how: "what a launcher starts", change: gone("volume/lib/launched") },
      { how: "the manifest", change: (p) => rmSync(join(p.prefix, "manifest.json")) },
    ],
    "a program has another size": [
      { how: "emptied", change: (p) => truncateSync(binOf(p)) },
      { how: "longer", change: (p) => writeFileSync(binOf(p), "#", { flag: "a" }) },
      { how: "a launcher cut short", change: (p) => truncateSync(binOf(p, "launched"), 3) },
    ],
    "a program cannot be executed": { change: (p) => chmodSync(binOf(p), 0o644) },
    "a program is no file": {
      change: (p) => {
        rmSync(binOf(p));
        symlinkSync("../lib", binOf(p));
      },
    },
  }),
  ...compared("metadata", "content", {
    "the volume's manifest has other content": {
      change: (p) => {
        const path = join(p.prefix, "manifest.json");
        writeFileSync(path, readFileSync(path, "utf8").replace("glibc", "other"));
      },
    },
  }),
  ...compared("metadata", "—", {
    "a program has other bytes of the same size": { change: (p) => editInPlace(binOf(p)) },
    "a file beside a program changes, comes or goes": [
      { how: "changes", change: (p) => editInPlace(join(p.dir, beside, "README")) },
      { how: "comes", change: (p) => write(join(p.dir, beside, "deep/new"), "x") },
      { how: "goes", change: gone(`${beside}/README`) },
    ],
    "an unmanaged file appears in `bin`, or a link there is replaced": [
      {
        how: "an unmanaged file",
        change: (p) => write(join(p.prefix, "bin/ls"), "#!/bin/sh\n", 0o755),
      },
      {
        how: "a link",
        sameBytes: true,
        change: (p) => {
          const target = readlinkSync(binOf(p));
          rmSync(binOf(p));
          symlinkSync(target, binOf(p));
        },
      },
    ],
    "the login-shell script in the volume changes": {
      before: withProfile,
      change: (p) => editInPlace(join(p.prefix, "etc/profile.d/script.sh")),
    },
  }),
  ...compared("presence", "presence", {
    "a program outside the volume goes, or cannot be executed": [
      {
        how: "goes",
        before: withOwnProgram,
        change: (p) => rmSync(join(p.systemBin, "only-here")),
      },
      {
        how: "cannot be executed",
        before: withOwnProgram,
        change: (p) => chmodSync(join(p.systemBin, "only-here"), 0o644),
      },
    ],
    "the volume is mounted noexec": { mount: "noexec" },
    "the login-shell script is not in `/etc/profile.d`, and could be": {
      next: (p) => {
        write(join(p.dir, "profile.d/other.sh"), "");
        return { options: { env: { OPENCLAW_SKILL_PROFILE_DIR: join(p.dir, "profile.d") } } };
      },
    },
    "the record goes, is of another form, or was cut short by a crash": [
      { how: "goes", ofRecord: true, change: gone("volume/share/openclaw-skill-deps/freshness") },
      {
        how: "another form",
        ofRecord: true,
        change: (p) => replaceInViews(p, "1 x64", "0 x64"),
      },
      { how: "cut short", ofRecord: true, change: truncateRecords },
      {
        how: "cut short, links and all",
        ofRecord: true,
        change: (p) => {
          truncateRecords(p);
          for (const dir of records(p)) {
            for (const kind of ["programs", "trees", "watch", "files", "roots"]) {
              rmSync(join(dir, kind), { recursive: true, force: true });
            }
          }
        },
      },
    ],
  }),
  ...compared("time", "—", {
    "stale files may be removed": { before: (p) => setDue(p, 600), change: (p) => setDue(p, -600) },
  }),
];

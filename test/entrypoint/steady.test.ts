import {
  chmodSync,
  cpSync,
  lutimesSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { SteadyFacts } from "../../src/io/steady.ts";
import {
  hasShell,
  makePlace,
  type Place,
  type RunOptions,
  sha256,
  shells,
  snapshot,
  write,
  writeSkill,
} from "./place.ts";

interface Row {
  readonly what: string;
  /** Done after the record was made. What it returns is how the next run is started. */
  readonly change: (place: Place) => { args?: string[]; options?: RunOptions } | undefined | void;
  /** Done before; what it returns are facts that the run saw. */
  readonly before?: (place: Place) => Partial<SteadyFacts> | undefined | void;
  readonly args?: string[];
}

let place: Place;
afterEach(() => place.remove());

const named = (it: Place): string[] => ["--skills-dir", it.skillsDir];
const skillOf = (it: Place, n = 0): string => join(it.skillsDir, `skill-${n}`, "SKILL.md");
const binOf = (it: Place, name = "gog"): string => join(it.prefix, "bin", name);
const hash = (path: string): string => sha256(readFileSync(path, "utf8"));

/** Other bytes of the same length, at the same modification time. */
function editInPlace(path: string): void {
  const { atime, mtime } = statSync(path);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/.\n$/, "#\n"));
  utimesSync(path, atime, mtime);
}

const configOf = (it: Place): string => join(it.home, ".openclaw", "openclaw.json");
const withConfig = (text: string) => (it: Place) => {
  const path = write(configOf(it), text);
  return { inputs: [...inputsOf(it), { path, sha256: sha256(text), skill: false }] };
};
const recipesOf = (it: Place): string => join(it.dir, "recipes");
const withRecipes = (it: Place) => {
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

/** What is checked. Each of these must lead to Node. */
const rows: Row[] = [
  {
    what: "a SKILL.md has other content of the same size and time",
    change: (p) => editInPlace(skillOf(p)),
  },
  { what: "a skill is new", change: (p) => void writeSkill(p.skillsDir, "new") },
  {
    what: "a nested skill is new",
    change: (p) => void writeSkill(join(p.skillsDir, "group/a"), "new"),
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
    change: (p) => void write(join(recipesOf(p), "b.yaml"), "name: b\n"),
  },
  { what: "openclaw.json appeared", change: (p) => void write(configOf(p), "{}") },
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
    what: "openclaw.json takes skill directories from variables",
    before: withConfig("{skills:{load:{extraDirs:['${DIR}']}}}\n"),
    change: () => undefined,
  },
  {
    what: "one of OpenClaw's skill directories appeared",
    change: (p) => void writeSkill(join(p.home, ".agents/skills"), "x"),
  },
  {
    what: "a directory that would be searched appeared",
    before: (p) => ({ roots: [p.skillsDir, join(p.dir, "later")] }),
    change: (p) => void writeSkill(join(p.dir, "later"), "x"),
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
  { what: "the manifest is gone", change: (p) => rmSync(join(p.prefix, "manifest.json")) },
  {
    what: "a system program is gone",
    before: () => ({ system: ["git"] }),
    change: (p) => ({
      options: {
        env: {
          PATH:
            p.env["PATH"]
              ?.replace(p.systemBin, "/nowhere")
              .replace("/usr/local/bin:/usr/bin:/bin", toolsOnly(p)) ?? "",
        },
      },
    }),
  },
  {
    what: "a system program cannot be executed",
    before: () => ({ system: ["only-here"] }),
    change: (p) => void write(join(p.systemBin, "only-here"), "", 0o644),
  },
  { what: "--skill", change: () => ({ args: ["--skill", "x"] }) },
  { what: "--all", change: () => ({ args: ["--all"] }) },
  { what: "--ignore-system", change: () => ({ args: ["--ignore-system"] }) },
  { what: "--recipes", change: () => ({ args: ["--recipes=/r"] }) },
  { what: "a NAME", change: () => ({ args: ["gog"] }) },
  { what: "--force-reinstall", change: () => ({ args: ["--force-reinstall"] }) },
  { what: "-f", change: () => ({ args: ["-f"] }) },
  { what: "--dry-run", change: () => ({ args: ["--dry-run"] }) },
  { what: "--json", change: () => ({ args: ["--json"] }) },
  { what: "--platform", change: () => ({ args: ["--platform", "linux-arm64"] }) },
  { what: "another verb", change: () => ({ args: ["list"] }) },
  { what: "an unknown option", change: () => ({ args: ["--what"] }) },
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
  ].map(
    (name): Row => ({ what: name, change: () => ({ options: { env: { [name]: "/other" } } }) }),
  ),
  {
    what: "--strict, and something was unmet",
    before: () => ({ unmet: ["x: no recipe"] }),
    change: () => ({ args: ["--strict"] }),
  },
  {
    what: "another platform",
    before: () => undefined,
    change: (p) => replaceInViews(p, "1 x64", "1 arm64"),
  },
  {
    what: "another libc",
    before: () => undefined,
    change: (p) => replaceInViews(p, "-glibc", "-musl."),
  },
  { what: "an earlier form of records", change: (p) => replaceInViews(p, "1 ", "0 ") },
  {
    what: "a record was cut short by a crash",
    change: (p) => {
      for (const f of recordFiles(p)) truncateSync(f);
    },
  },
  {
    what: "a login shell would not find the programs",
    change: (p) => {
      write(join(p.dir, "profile.d/other.sh"), "");
      return { options: { env: { OPENCLAW_SKILL_PROFILE_DIR: join(p.dir, "profile.d") } } };
    },
  },
];

/** A PATH with the tools that the entrypoint needs and no git. */
function toolsOnly(it: Place): string {
  const dir = join(it.dir, "tools");
  for (const name of [
    "stat",
    "cmp",
    "find",
    "sha256sum",
    "awk",
    "cat",
    "mkdir",
    "sleep",
    "touch",
  ]) {
    const from = ["/usr/bin", "/bin"]
      .map((bin) => join(bin, name))
      .find((path) => statSync(path, { throwIfNoEntry: false }));
    if (from) {
      write(join(dir, ".keep"), "");
      symlinkSync(from, join(dir, name));
    }
  }
  return dir;
}

function records(it: Place): string[] {
  const steady = join(it.prefix, "share/openclaw-skill-deps/steady");
  return readdirSync(steady).map((name) => join(steady, name));
}

function recordFiles(it: Place): string[] {
  return records(it).flatMap((dir) =>
    ["system", "unmet", "sizes", "stat", "content", "settled"]
      .map((name) => join(dir, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })),
  );
}

function replaceInViews(it: Place, from: string, to: string): void {
  for (const dir of records(it)) {
    const path = join(dir, "view");
    writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
  }
}

/** Without proof by metadata, content has to decide. */
function dropStat(it: Place): void {
  for (const dir of records(it)) rmSync(join(dir, "stat"), { force: true });
}

describe.each(shells.filter(hasShell))("%s", (...shell) => {
  const inPlace = async ({ before, args = [] }: Partial<Row>): Promise<void> => {
    place = makePlace(shell);
    const facts = before?.(place) ?? {};
    await place.record([...named(place), ...args], facts);
  };

  test("everything present: no Node, and a word about it", async () => {
    await inPlace({});
    const { node, status, stdout, stderr } = place.run(named(place));
    expect(node).toBeUndefined();
    expect(status).toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toBe("openclaw-install-skill-deps: nothing to do; programs present: 4\n");
    expect(place.run([...named(place), "-q"]).stderr).toBe("");
  });

  test.each(rows)("Node decides: $what", async ({ change, before, args = [] }) => {
    await inPlace({ ...(before && { before }), args });
    const next = change(place);
    const words = [...named(place), ...args, ...(next?.args ?? [])];
    expect(place.run(words, next?.options).node).toBeDefined();
  });

  test.each(rows)("content decides the same: $what", async ({ change, before, args = [] }) => {
    await inPlace({ ...(before && { before }), args });
    dropStat(place);
    const next = change(place);
    const words = [...named(place), ...args, ...(next?.args ?? [])];
    expect(place.run(words, next?.options).node).toBeDefined();
  });

  test.each([
    ["--no-progress", "-v", "--offline", "--jobs", "2", "--mirror=a=b"],
    ["--prefix", "PREFIX"],
    ["install"],
    ["--strict"],
  ])("what does not change the selection: %s %s", async (...args) => {
    await inPlace({});
    const words = args.map((word) => (word === "PREFIX" ? place.prefix : word));
    expect(place.run([...words, ...named(place)]).node).toBeUndefined();
  });

  test("times changed, content did not", async () => {
    await inPlace({ before: withConfig("{}\n") });
    const past = new Date(1e12);
    for (const path of [skillOf(place), place.catalogue, configOf(place), place.skillsDir]) {
      utimesSync(path, past, past);
    }
    expect(place.run(named(place)).node).toBeUndefined();
  });

  test("a copied volume", async () => {
    await inPlace({ before: withRecipes, args: ["--recipes", "/r"] });
    renameSync(place.prefix, `${place.prefix}.old`);
    cpSync(`${place.prefix}.old`, place.prefix, { recursive: true, verbatimSymlinks: true });
    rmSync(`${place.prefix}.old`, { recursive: true });
    expect(place.run([...named(place), "--recipes", "/r"]).node).toBeUndefined();
    truncateSync(binOf(place));
    expect(place.run([...named(place), "--recipes", "/r"]).node).toBeDefined();
  });

  test("a read-only volume: nothing is written", async () => {
    await inPlace({});
    const before = snapshot(place.prefix);
    for (const tier of ["metadata", "content"]) {
      expect(place.run(named(place)).node, tier).toBeUndefined();
      lutimesSync(skillOf(place), 1, 1);
    }
    expect(snapshot(place.prefix)).toBe(before);
  });

  test("what this place can never provide is a warning, until it is there", async () => {
    await inPlace({ before: () => ({ unmet: ["brew-only: no recipe provides it"] }) });
    const first = place.run(named(place));
    expect(first.node).toBeUndefined();
    expect(first.status).toBe(0);
    expect(first.stderr).toContain("warning: brew-only: no recipe provides it");
    write(join(place.systemBin, "brew-only"), "", 0o755);
    expect(place.run(named(place)).stderr).not.toContain("brew-only");
  });

  describe("skills that OpenClaw mirrored elsewhere", () => {
    const mirror = (): string => {
      const other = join(place.dir, "other");
      cpSync(place.skillsDir, join(other, ".agents/skills"), { recursive: true });
      return other;
    };
    const plain = (home: string) => place.run([], { env: { HOME: home } });

    test("are known by their content", async () => {
      await inPlace({});
      const home = mirror();
      const { node, stderr } = plain(home);
      expect(node).toBeUndefined();
      expect(stderr).toContain("nothing to do");
      rmSync(join(home, ".agents/skills/skill-1"), { recursive: true });
      expect(plain(home).node, "fewer").toBeUndefined();
    });

    test("a later run with the same catalogue adds to what is known", async () => {
      await inPlace({});
      const home = mirror();
      const [dir, file] = [join(place.dir, "more"), writeSkill(join(place.dir, "more"), "more")];
      await place.record(["--skills-dir", dir], {
        roots: [dir],
        directories: [dir],
        inputs: [
          { path: file, sha256: hash(file), skill: true },
          { path: place.catalogue, sha256: hash(place.catalogue), skill: false },
        ],
        settled: [hash(file)],
      });
      expect(plain(home).node).toBeUndefined();
      cpSync(dir, join(home, ".agents/skills"), { recursive: true });
      expect(plain(home).node).toBeUndefined();
    });

    test("none in view: the volume is verified all the same", async () => {
      await inPlace({});
      expect(plain(join(place.dir, "empty")).node).toBeUndefined();
      truncateSync(binOf(place));
      expect(plain(join(place.dir, "empty")).node).toBeDefined();
    });

    test.each<[string, (home: string) => void]>([
      ["another content", (home) => editInPlace(join(home, ".agents/skills/skill-0/SKILL.md"))],
      ["one more", (home) => void writeSkill(join(home, ".agents/skills"), "new")],
      ["another catalogue", () => editInPlace(place.catalogue)],
      ["no catalogue", () => rmSync(place.catalogue)],
      ["an openclaw.json", (home) => void write(join(home, ".openclaw/openclaw.json"), "{}")],
      ["a damaged program", () => truncateSync(binOf(place), 1)],
      ["another manifest", () => editInPlace(join(place.prefix, "manifest.json"))],
      [
        "a directory that cannot be listed in full",
        (home) => symlinkSync(".", join(home, ".agents/skills/loop")),
      ],
    ])("%s: Node decides", async (_what, change) => {
      await inPlace({});
      const home = mirror();
      change(home);
      expect(plain(home).node).toBeDefined();
    });

    test("a program of the image that is not in this one", async () => {
      await inPlace({ before: () => ({ system: ["only-here"], settled: [] }) });
      // The manifest does not say what the skills ask for, so all that was found outside counts.
      const { node } = plain(join(place.dir, "empty"));
      expect(node).toBeUndefined();
    });
  });

  test("a record cannot run anything", async () => {
    await inPlace({ before: () => ({ unmet: ["$(touch ran): `touch ran` $HOME"], system: [] }) });
    expect(place.run(named(place)).stderr).toContain("$(touch ran): `touch ran` $HOME");
    for (const dir of records(place)) {
      writeFileSync(join(dir, "system"), "$(touch ran)\n`touch ran`\n../../bin/sh\n");
      const settled = join(dir, "settled");
      if (!statSync(settled, { throwIfNoEntry: false })) continue;
      writeFileSync(settled, `${readFileSync(settled, "utf8")}${"0".repeat(64)} $(touch ran) *\n`);
    }
    expect(place.run(named(place)).node).toBeDefined();
    expect(place.run([], { env: { HOME: "/empty" } }).node).toBeDefined();
    expect(readdirSync(place.dir)).not.toContain("ran");
  });

  test("names with spaces and odd signs", async () => {
    place = makePlace(shell);
    const dir = join(place.dir, "my $kills; [a] 'b'");
    const file = writeSkill(join(dir, "a  b"), "x*");
    const facts = {
      roots: [dir],
      directories: [dir, join(dir, "a  b")],
      inputs: [file, place.catalogue].map((path) => ({
        path,
        sha256: hash(path),
        skill: path === file,
      })),
      settled: [hash(file)],
    };
    await place.record(["--skills-dir", dir], facts);
    expect(place.run(["--skills-dir", dir]).node).toBeUndefined();
    utimesSync(file, 1, 1);
    expect(place.run(["--skills-dir", dir]).node).toBeUndefined();
    editInPlace(file);
    expect(place.run(["--skills-dir", dir]).node).toBeDefined();
  });
});

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { pathWithoutNode } from "../support/without-node.ts";
import {
  hasShell,
  makePlace,
  type Place,
  type RunOptions,
  shells,
  snapshot,
  write,
  writeSkill,
} from "./place.ts";
import {
  binOf,
  configOf,
  editInPlace,
  hash,
  named,
  records,
  skillOf,
  type Way,
  withConfig,
  withRecipes,
} from "./rows.ts";

let place: Place;
afterEach(() => place.remove());

const inLaunched = (): string => join(place.prefix, "lib/launched/1.0.0-abcdefabcdef");

function relink(path: string, target: string): void {
  rmSync(path);
  symlinkSync(target, path);
}

function swapForLink(path: string): void {
  renameSync(path, join(place.dir, "moved"));
  symlinkSync(join(place.dir, "moved"), path);
}

function makePipe(path: string): void {
  rmSync(path);
  execFileSync("mkfifo", [path]);
}

function dropDigests(): void {
  for (const dir of records(place)) rmSync(join(dir, "digests"), { force: true });
}

for (const shell of shells) {
  describe.skipIf(!hasShell(shell))(shell[0], () => {
    const inPlace = async ({ before, args = [], env }: Way, timesProve = true): Promise<void> => {
      place = makePlace(shell);
      const facts = { timesProve, ...before?.(place) };
      await place.record([...named(place), ...args], facts, { env: env?.(place) ?? {} });
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

    test.each([["-v"], ["--prefix", "PREFIX"], ["--prefix=PREFIX"], ["--strict"]])(
      "words that are no part of a record's key: %s %s",
      async (...args) => {
        await inPlace({});
        const words = args.map((word) => word.replace("PREFIX", place.prefix));
        expect(place.run([...words, ...named(place)]).node).toBeUndefined();
        expect(place.run([...named(place), ...words]).node).toBeUndefined();
      },
    );

    describe("-v says why Node is asked", () => {
      const why = (args: string[], options?: RunOptions): string => {
        const { node, stderr } = place.run([...args, "-v"], options);
        expect(node).toBeDefined();
        return /^openclaw-install-skill-deps: asking Node: (.*)\n/.exec(stderr)?.[1] ?? stderr;
      };
      const another = "no earlier run had the same words, settings and skill directories";
      const skill = "a skill was added, changed or removed since the last run";
      const recipes = "recipes have changed since the last run";

      test.each<[string, () => unknown]>([
        [skill, () => editInPlace(skillOf(place))],
        [skill, () => writeSkill(place.skillsDir, "new")],
        [skill, () => rmSync(skillOf(place))],
        [recipes, () => editInPlace(place.catalogue)],
        [recipes, () => editInPlace(join(place.dir, "recipes/gog.yaml"))],
        [recipes, () => write(join(place.dir, "recipes/new.yaml"), "name: new\n")],
        [
          "openclaw.json or another settings file has changed since the last run",
          () => editInPlace(configOf(place)),
        ],
        [
          "the manifest of the volume or of a seed has changed since the last run",
          () => editInPlace(join(place.dir, "seed/manifest.json")),
        ],
        ["files in the volume have changed since the last run", () => editInPlace(binOf(place))],
        ["only-here is no longer on PATH", () => rmSync(join(place.systemBin, "only-here"))],
        [another, () => mkdirSync(join(place.home, ".agents/skills"), { recursive: true })],
      ])("%s (%#)", async (expected, change) => {
        const before = (p: Place) => {
          write(join(p.systemBin, "only-here"), "", 0o755);
          const { inputs, ...more } = withRecipes(p);
          const settings = withConfig("{a:1}\n")(p).inputs;
          const seed = write(join(p.dir, "seed/manifest.json"), "{}\n");
          const others = [...settings, { path: seed, sha256: hash(seed), skill: false }];
          return { ...more, inputs: [...inputs, ...others], system: ["only-here"] };
        };
        await inPlace({ before, args: ["--recipes", "/r"] });
        const words = [...named(place), "--recipes", "/r"];
        expect(place.run([...words, "-v"]).node).toBeUndefined();
        change();
        expect(why(words)).toBe(expected);
      });

      test("a skill that no run has seen, where skills lie elsewhere", async () => {
        await inPlace({});
        const home = join(place.dir, "other");
        writeSkill(join(home, ".agents/skills"), "new");
        expect(why([], { env: { HOME: home } })).toBe(skill);
        editInPlace(place.catalogue);
        rmSync(home, { recursive: true });
        expect(why([], { env: { HOME: home } })).toBe(recipes);
      });

      test("a record without contents, and one of another view", async () => {
        await inPlace({});
        const records = join(place.prefix, "share/openclaw-skill-deps/freshness");
        for (const name of readdirSync(records))
          rmSync(join(records, name, "content"), { force: true });
        editInPlace(skillOf(place));
        expect(why(named(place))).toMatch(/^skills, recipes, settings or plugins have changed/);
        expect(why(["--skills-dir", place.skillsDir.replace(/.$/, "x")])).toBe(another);
      });

      test("what no record can tell, or none does", async () => {
        place = makePlace(shell);
        expect(why(["list"])).toBe(`${place.prefix} has no record of a finished run`);
        await place.record(named(place));
        expect(why(["list"])).toBe(another);
        expect(why([...named(place), "--skill=a\nb"])).toMatch(/line break/);
        expect(why(["--prefix", "volume"])).toBe("volume is not an absolute path");
        rmSync(join(place.dir, "package/entrypoint/compare-contents.sh"));
        editInPlace(skillOf(place));
        expect(why(named(place))).toMatch(/compare-contents.sh is missing: install/);
      });

      test("and nothing does without it", () => {
        place = makePlace(shell);
        expect(place.run(["list"]).stderr).toBe("");
        expect(place.run(["list", "-v", "-q"]).stderr).toBe("");
      });
    });

    test("times changed, content did not", async () => {
      const before = (p: Place) => {
        const { inputs, ...recipes } = withRecipes(p);
        return { ...recipes, inputs: [...inputs, ...withConfig("{}\n")(p).inputs] };
      };
      const args = ["--recipes", "/r"];
      await inPlace({ before, args });
      const past = new Date(1e12);
      const recipes = join(place.dir, "recipes");
      const files = [skillOf(place), place.catalogue, configOf(place), join(recipes, "gog.yaml")];
      for (const path of [...files, place.skillsDir, recipes]) utimesSync(path, past, past);
      expect(place.run([...named(place), ...args]).node).toBeUndefined();
    });

    // busybox has a stat of its own, and needs it.
    test.skipIf(shell[0] === "ash")(
      "a find that ends early is not one that cannot print",
      async () => {
        place = makePlace(shell, { programs: 500 });
        await place.record(named(place));
        const log = join(place.dir, "stat-was-started");
        write(join(place.systemBin, "stat"), `#!/bin/sh\ntouch '${log}'\n`, 0o755);
        utimesSync(skillOf(place), 1, 1);
        expect(place.run(named(place)).node).toBeUndefined();
        expect(existsSync(log)).toBe(false);
      },
    );

    test("a copied volume", async () => {
      await inPlace({ before: withRecipes, args: ["--recipes", "/r"] });
      renameSync(place.prefix, `${place.prefix}.old`);
      cpSync(`${place.prefix}.old`, place.prefix, { recursive: true, verbatimSymlinks: true });
      rmSync(`${place.prefix}.old`, { recursive: true });
      // Node reads every byte of it once, and records the new times.
      expect(place.run([...named(place), "--recipes", "/r"]).node).toBeDefined();
    });

    const withoutNode = (...args: string[]) => {
      const path = `${place.systemBin}:${pathWithoutNode()}`;
      const env = { OPENCLAW_SKILL_DEPS_NODE: "/nonexistent", PATH: path };
      return place.run([...named(place), ...args], { env });
    };

    describe("without Node, a volume that was touched", () => {
      const touchAll = (): void => {
        for (const path of readdirSync(place.prefix, { recursive: true, encoding: "utf8" })) {
          if (!path.startsWith("share")) lutimesSync(join(place.prefix, path), 1, 1);
        }
      };

      test("is verified by its bytes", async () => {
        await inPlace({});
        touchAll();
        const { status, stderr } = withoutNode("--strict");
        expect(stderr).toMatch(
          /touched since the last run; its files are unchanged\n.*nothing to do/,
        );
        expect(status).toBe(0);
      });

      test.each<[string, () => unknown]>([
        ["a program has other bytes of the same size", () => editInPlace(binOf(place))],
        ["a file goes", () => rmSync(join(inLaunched(), "README"))],
        ["a file comes", () => write(join(inLaunched(), "deep/new"), "")],
        ["a directory comes", () => mkdirSync(join(inLaunched(), "deep"))],
        ["a file becomes a pipe", () => makePipe(join(inLaunched(), "README"))],
        ["a link leads elsewhere", () => relink(binOf(place), "../lib/launched")],
        [
          "a file is replaced by a link to the like",
          () => swapForLink(join(inLaunched(), "README")),
        ],
        ["a program cannot be executed", () => chmodSync(realpathSync(binOf(place)), 0o644)],
        ["a file gets set-user-id", () => chmodSync(join(inLaunched(), "README"), 0o4755)],
      ])("is not, where %s", async (_what, change) => {
        await inPlace({});
        touchAll();
        change();
        const { status, stderr } = withoutNode("--strict");
        expect(stderr).toMatch(/not verified|cannot be executed/);
        expect(status).toBe(3);
      });
    });

    test("without Node and a list of its bytes, programs are looked at", async () => {
      await inPlace({});
      dropDigests();
      utimesSync(binOf(place), 1, 1);
      const { status, stderr } = withoutNode("--strict");
      expect(stderr).toMatch(
        /only the presence and size of its programs were checked\n.*nothing to do/,
      );
      expect(status).toBe(0);
      truncateSync(binOf(place), 1);
      expect(withoutNode("--strict").status).toBe(3);
    });

    test("where times prove nothing, others do not start Node", async () => {
      await inPlace({}, false);
      const [record = ""] = records(place).filter((path) => !path.includes("any-"));
      expect(readdirSync(record)).not.toContain("all");
      lutimesSync(binOf(place), 1, 1);
      utimesSync(join(place.prefix, "manifest.json"), 1, 1);
      utimesSync(skillOf(place), 1, 1);
      expect(place.run(named(place)).node).toBeUndefined();
      expect(place.run([], { env: { HOME: join(place.dir, "empty") } }).node).toBeUndefined();
      editInPlace(binOf(place));
      expect(place.run([], { env: { HOME: join(place.dir, "empty") } }).node).toBeDefined();
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
          satisfied: [hash(file)],
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

      test.each([
        [
          "",
          "install",
          "--no-progress",
          "--jobs",
          "2",
          "--offline",
          "-v",
          "--mirror=http://a/=http://b/",
        ],
        ["", "install"],
        ["Node: ", "--all"],
        ["Node: ", "--jobs"],
        ["Node: ", "--jobs", "--all"],
        ["Node: ", "--json"],
        ["Node: ", "--what"],
        ["Node: ", "gog"],
        ["Node: ", "install", "list"],
        ["Node: ", "--no-progress --offline", ""],
      ])("%swith words that select nothing: %j %j %j", async (who, ...words) => {
        await inPlace({});
        const { node } = place.run(words, { env: { HOME: mirror() } });
        expect(node !== undefined).toBe(who !== "");
      });

      test.each<[string, (home: string) => unknown]>([
        ["another content", (home) => editInPlace(join(home, ".agents/skills/skill-0/SKILL.md"))],
        ["one more", (home) => writeSkill(join(home, ".agents/skills"), "new")],
        ["another catalogue", () => editInPlace(place.catalogue)],
        ["no catalogue", () => rmSync(place.catalogue)],
        ["an openclaw.json", (home) => write(join(home, ".openclaw/openclaw.json"), "{}")],
        ["a damaged program", () => truncateSync(binOf(place), 1)],
        ["another manifest", () => editInPlace(join(place.prefix, "manifest.json"))],
      ])("%s: Node decides", async (_what, change) => {
        await inPlace({});
        const home = mirror();
        change(home);
        expect(plain(home).node).toBeDefined();
      });

      test("a program of the image that filled the volume, and not of this one", async () => {
        place = makePlace(shell);
        const manifest = join(place.prefix, "manifest.json");
        write(manifest, readFileSync(manifest, "utf8").replace('"gog"', '"only-here"'));
        const own = write(join(place.systemBin, "only-here"), "", 0o755);
        await place.record(named(place), { system: ["only-here"] });
        const home = mirror();
        expect(plain(home).node).toBeUndefined();
        rmSync(own);
        expect(plain(home).node).toBeDefined();
        rmSync(join(home, ".agents/skills/skill-0"), { recursive: true });
        expect(plain(home).node, "the skill that asks for it is not in view").toBeUndefined();
      });
    });

    test("metadata suffice where they are the same", async () => {
      await inPlace({});
      for (const dir of records(place)) rmSync(join(dir, "content"), { force: true });
      expect(place.run(named(place)).node).toBeUndefined();
    });

    test("two requests that read alike in one line are two", async () => {
      place = makePlace(shell);
      await place.record([...named(place), "--skill=a--skill=b"]);
      expect(place.run([...named(place), "--skill=a", "--skill=b"]).node).toBeDefined();
    });

    test("a record cannot run anything", async () => {
      await inPlace({ before: () => ({ unmet: ["$(touch ran): `touch ran` $HOME"], system: [] }) });
      expect(place.run(named(place)).stderr).toContain("$(touch ran): `touch ran` $HOME");
      for (const dir of records(place)) {
        mkdirSync(join(dir, "system"), { recursive: true });
        for (const name of ["$(touch ran)", "`touch ran`", "-rf *"]) {
          writeFileSync(join(dir, "system", name), "");
        }
        const settled = join(dir, "satisfied");
        if (!statSync(settled, { throwIfNoEntry: false })) continue;
        writeFileSync(
          settled,
          `${readFileSync(settled, "utf8")}${"0".repeat(64)} $(touch ran) *\n`,
        );
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
        satisfied: [hash(file)],
      };
      await place.record(["--skills-dir", dir], facts);
      expect(place.run(["--skills-dir", dir]).node).toBeUndefined();
      utimesSync(file, 1, 1);
      expect(place.run(["--skills-dir", dir]).node).toBeUndefined();
      editInPlace(file);
      expect(place.run(["--skills-dir", dir]).node).toBeDefined();
    });
  });
}

/** What the sh script and the program both decide is decided alike. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Options, parseOptions } from "../../src/cli.ts";
import { mayLeaveRecord, nextView, wordLists } from "../../src/commands/freshness-words.ts";
import type { Context } from "../../src/context.ts";
import { viewOfPackage } from "../../src/io/freshness/view.ts";
import { readOpenClawConfig } from "../../src/io/inputs/openclaw-config.ts";
import { candidateRoots } from "../../src/io/inputs/skills.ts";
import { findOnPath } from "../../src/io/on-path.ts";
import { options as definitions } from "../../src/usage/options.ts";
import { pathWithoutNode } from "../support/without-node.ts";
import { hasShell, makePlace, type Place, type RunOptions, shells, write } from "./place.ts";
import { named } from "./rows.ts";

const built = join(import.meta.dirname, "../../dist/openclaw-install-skill-deps.cjs");
let place: Place;
afterEach(() => place.remove());

/** What the script tells Node of a run: the words of the key, the volume, the home, and what exists. */
function viewOf(
  it: Place,
  args: readonly string[],
  env: Record<string, string> = {},
  more: Pick<RunOptions, "behind" | "command"> = {},
) {
  const view = it.run(args, { env, ...more }).node?.view ?? "";
  const [, platform = "", request = ""] = view.split(" ", 3);
  const rest = wordsIn(view.slice(`1 ${platform} ${request} `.length));
  const [prefix = "", , , home = ""] = rest;
  return { words: wordsIn(request), prefix, home, exist: rest.slice(20) };
}

/** `3:abc,0:,` → `abc`, empty. */
function wordsIn(text: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const end = colon + 1 + Number(text.slice(at, colon));
    words.push(text.slice(colon + 1, end));
    at = end + 1;
  }
  return words;
}

const parse = (args: readonly string[], env = {}): Options => parseOptions(args, env, 2);
/** What the program makes of the words; undefined where it refuses them. */
function tryParse(args: readonly string[]): Options | undefined {
  try {
    return parse(args);
  } catch {
    return undefined;
  }
}

const examples: Readonly<Record<string, string>> = { mirror: "http://a/=http://b/", prefix: "/a" };
const exampleFor = (name: string): string => examples[name] ?? "1";

/** Every option, alone and with its value in each way. */
const everyOption = Object.entries(definitions).flatMap(([name, { type, ...more }]): string[][] => {
  const short = "short" in more ? [[`-${more.short}`]] : [];
  if (type === "boolean") return [[`--${name}`], ...short];
  return [[`--${name}=${exampleFor(name)}`], [`--${name}`, exampleFor(name)], [`--${name}`]];
});
const wordsOfRuns: string[][] = [
  ...everyOption,
  [],
  ["install"],
  ["list"],
  ["gog"],
  ["install", "gog"],
  ["--all", "--offline", "--jobs", "2"],
  ["--skill", "--all"],
  ["--skill", "-q"],
  ["--jobs", "--offline"],
  ["--all", "--dry-run"],
];

for (const shell of shells) {
  describe.skipIf(!hasShell(shell))(shell[0], () => {
    test("the volume that --prefix names", () => {
      place = makePlace(shell);
      for (const args of [
        ["--prefix", "/a"],
        ["--prefix=/a"],
        ["--prefix=/a=b"],
        ["--prefix", "/a", "--prefix=/b"],
        ["-v", "--prefix", "/a b", "--strict", "gog"],
        [],
      ]) {
        const env = { OPENCLAW_SKILL_PREFIX: place.prefix };
        expect(viewOf(place, args).prefix, args.join(" ")).toBe(parse(args, env).prefix);
      }
    });

    test("a word that is no part of the key changes neither selection nor result", () => {
      place = makePlace(shell);
      const without = viewOf(place, ["--all"]).words;
      expect(without).toEqual(["--all"]);
      for (const args of everyOption) {
        if (/^--(no-wait|watch|interval)/.test(args[0] ?? "")) continue; // no run has it without -- CMD or watch
        const options = tryParse(["--all", ...args]);
        const { words } = viewOf(place, ["--all", ...args]);
        const isLeftOut = words.length === 1;
        const { quiet, verbose, strict, prefix, mirrors, ...rest } = options ?? parse([]);
        const { mirrors: _, ...plain } = parse(["--all"]);
        if (isLeftOut) expect({ ...plain, ...rest }, args.join(" ")).toEqual(plain);
        else expect(words, args.join(" ")).toEqual(["--all", ...args]);
      }
    });

    test("quiet: -q, also among other letters", async () => {
      for (const args of [["-q"], ["--quiet"], ["-qv"], ["-vq"], ["-vvq"], ["-v"], ["-vv"], []]) {
        place?.remove();
        place = makePlace(shell);
        await place.record([...args, ...named(place)]);
        const { node, stderr } = place.run([...args, ...named(place)]);
        expect(node).toBeUndefined();
        expect(stderr === "", args.join(" ")).toBe(parse(args).quiet);
      }
    });

    test("strict: what is unmet is no answer", async () => {
      for (const args of [["--strict"], ["-v", "--strict"], []]) {
        place?.remove();
        place = makePlace(shell);
        await place.record(named(place), { unmet: ["x: no recipe"] });
        const { node } = place.run([...args, ...named(place)]);
        expect(node !== undefined, args.join(" ")).toBe(parse(args).strict);
      }
    });

    test("without Node: 0 where words ask for what skills need only, as Node would record it", () => {
      place = makePlace(shell);
      const env = { OPENCLAW_SKILL_DEPS_NODE: "/nonexistent", PATH: pathWithoutNode() };
      for (const args of wordsOfRuns) {
        if (/^--(strict|no-wait|interval)/.test(args[0] ?? "")) continue; // these have rules of their own
        const options = tryParse(args);
        const isPlain =
          options !== undefined && mayLeaveRecord(options) && options.names.length === 0;
        expect(place.run(args, { env }).status, args.join(" ")).toBe(isPlain ? 0 : 2);
      }
    });

    test("OPENCLAW_SKILL_DEPS_NODE=none starts no Node, whatever there is", async () => {
      place = makePlace(shell);
      const bin = join(place.dir, "with-node");
      mkdirSync(bin);
      symlinkSync(join(place.dir, "probe"), join(bin, "node"));
      const PATH = `${bin}:/usr/bin:/bin`;
      const words = ["--strict", ...named(place)];
      const check = () => place.run(words, { env: { OPENCLAW_SKILL_DEPS_NODE: "none", PATH } });
      const before = check();
      expect(before.stderr).toMatch(/OPENCLAW_SKILL_DEPS_NODE is none.*E_NO_NODE/);
      expect([before.node, before.status]).toEqual([undefined, 3]);
      await place.record(words);
      const after = check();
      expect([after.node, after.status]).toEqual([undefined, 0]);
    });

    test.each(["", "relative", "/own home"])("the home, where HOME is %j", (HOME) => {
      place = makePlace(shell);
      const own = HOME.startsWith("/") ? HOME : userInfo().homedir;
      expect(viewOf(place, [], { HOME }).home).toBe(own);
    });

    test.each<[string, Record<string, string>]>([
      ["the home", {}],
      ["a directory of data", { XDG_DATA_HOME: "/data" }],
      ["a relative directory of data", { XDG_DATA_HOME: "data" }],
    ])("the volume that nobody names, with %s", (_what, more) => {
      place = makePlace(shell);
      chmodSync(place.dir, 0o777);
      // Root may make the default volume, whatever there is.
      const behind = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
      const env = { OPENCLAW_SKILL_PREFIX: "", HOME: place.home, ...more };
      const [program = "", ...words] = [...behind, process.execPath, built, "list", "--json"];
      const options = { cwd: "/", env: { ...place.env, ...env }, encoding: "utf8" } as const;
      const { prefix } = JSON.parse(spawnSync(program, words, options).stdout);
      expect(viewOf(place, [], env, { behind }).prefix).toBe(prefix);
    });

    test.each<[string, string]>([
      ["a tree of a volume", "volume/lib/openclaw-install-skill-deps/1.0.0-abcdefabcdef"],
      ["one of another volume", "some where/lib/openclaw-install-skill-deps/1.0.0-abcdefabcdef"],
      ["a package that somebody put so", "a/lib/openclaw-install-skill-deps/no-record"],
      ["an image's package", "usr/lib/openclaw-install-skill-deps"],
      ["deeper than a tree", "b/lib/openclaw-install-skill-deps/1/package"],
    ])("the volume that nobody names, run from %s", (_what, dir) => {
      place = makePlace(shell);
      const tree = join(place.dir, dir);
      const [volume = ""] = tree.split("/lib/");
      cpSync(join(place.dir, "package"), tree, { recursive: true });
      if (!dir.includes("no-record")) write(join(tree, ".openclaw-skill-deps.json"), "{}\n");
      for (const file of [
        "openclaw-install-skill-deps.cjs",
        "program.cjs",
        "install.cjs",
        "rest.cjs",
      ])
        cpSync(join(dirname(built), file), join(tree, "dist", file));
      write(join(tree, "package.json"), '{"version":"1.0.0"}\n');
      const link = join(volume, "bin/openclaw-install-skill-deps");
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(`../${tree.slice(volume.length + 1)}/entrypoint/${basename(link)}`, link);
      const env = { OPENCLAW_SKILL_PREFIX: "" };
      const words = [join(tree, "dist", basename(built)), "list", "--json"];
      const options = { cwd: "/", env: { ...place.env, ...env }, encoding: "utf8" } as const;
      const { prefix } = JSON.parse(spawnSync(process.execPath, words, options).stdout);
      expect(prefix === volume).toBe(dir.endsWith("abcdefabcdef"));
      for (const file of [link, join(tree, "entrypoint", basename(link))]) {
        const [at, name] = [dirname(file), basename(file)];
        const odd = [`${at}/./${name}`, `${at}/../${basename(at)}/${name}`, `${at}//${name}`];
        for (const command of [file, ...odd])
          expect(viewOf(place, [], env, { command }).prefix, command).toBe(prefix);
      }
    });

    test("the view of a package elsewhere, whatever words it has", () => {
      place = makePlace(shell);
      const other = join(place.dir, "lib: ü, 1:a,");
      cpSync(join(place.dir, "package"), other, { recursive: true });
      const command = join(other, "entrypoint/openclaw-install-skill-deps");
      for (const args of [[], ["--skill", "ä b, 3:c,", "--all"], [" "]]) {
        const view = place.run(args).node?.view ?? "";
        const expected = place.run(args, { command }).node?.view;
        expect(viewOfPackage(other, view)).toBe(expected);
      }
      expect(viewOfPackage(other, "1 x64-glibc 5:a, ")).toBeUndefined();
      expect(viewOfPackage(other, "anything")).toBeUndefined();
    });

    test("a directory of skills that a run has made", () => {
      place = makePlace(shell);
      const at = (path: string): string => join(place.dir, path);
      for (const dir of ["bundled", "home/.agents/skills", "claw/agents/b/agent/workshop-skills"])
        mkdirSync(at(dir), { recursive: true });
      write(at("bin/openclaw"), "", 0o755);
      for (const [more, state] of [
        [{}, "home/.openclaw"],
        [{ OPENCLAW_STATE_DIR: at("claw"), OPENCLAW_SKILL_SEED: at("bundled") }, "claw"],
        [{ OPENCLAW_BUNDLED_SKILLS_DIR: at("bundled"), OPENCLAW_SKILLS: "ä,b" }, "home/.openclaw"],
        [{ OPENCLAW_HOME: at("claw"), OPENCLAW_CONFIG_PATH: at("bundled") }, "claw/.openclaw"],
        [{ PATH: `${at("bin")}:${process.env.PATH}` }, "home/.openclaw"],
      ] as const) {
        const root = at(`${state}/skills`);
        const view = place.run(["--all"], { env: more }).node?.view;
        const env = { ...more, OPENCLAW_SKILL_DEPS_VIEW: view };
        const context = { env, home: place.home } as unknown as Context;
        mkdirSync(root, { recursive: true });
        const after = place.run(["--all"], { env: more }).node?.view;
        expect(after).toContain(`${root},`);
        expect(nextView(context, root)).toBe(after);
        expect(nextView(context, undefined)).toBe(view);
        rmSync(root, { recursive: true });
      }
      const broken = { env: { OPENCLAW_SKILL_DEPS_VIEW: "1 x64-glibc 5:a, " }, home: "/" };
      expect(nextView(broken as unknown as Context, "/skills")).toBe("1 x64-glibc 5:a, ");
    });

    test("directories of skills that exist", async () => {
      place = makePlace(shell);
      const { home } = place;
      for (const env of [
        {},
        { OPENCLAW_HOME: join(place.dir, "claw") },
        { OPENCLAW_STATE_DIR: join(place.dir, "state") },
        { OPENCLAW_WORKSPACE_DIR: join(place.dir, "work") },
        { OPENCLAW_BUNDLED_SKILLS_DIR: join(place.dir, "bundled") },
      ]) {
        const where = {
          env,
          home,
          config: (await readOpenClawConfig({}, home)).config,
          skillsDirs: [],
        };
        const own = (dir: string): boolean => dir.startsWith(place.dir);
        const state =
          "OPENCLAW_STATE_DIR" in env ? env.OPENCLAW_STATE_DIR : join(home, ".openclaw");
        mkdirSync(join(state, "agents/main/agent/workshop-skills"), { recursive: true });
        for (const { dir } of candidateRoots(where)) {
          if (own(dir)) mkdirSync(dir, { recursive: true });
        }
        const roots = candidateRoots(where)
          .map(({ dir }) => dir)
          .filter(own);
        const { exist } = viewOf(place, [], env);
        expect(exist.filter(own).sort()).toEqual(roots.sort());
        expect(roots.length).toBeGreaterThan(4);
      }
    });

    test("a program on PATH", async () => {
      place = makePlace(shell);
      const at = (path: string): string => join(place.dir, path);
      write(at("a/text"), "", 0o644);
      write(at("b/text"), "", 0o755);
      write(at("b/plain"), "", 0o644);
      mkdirSync(at("a/directory"), { recursive: true });
      symlinkSync("nowhere", at("a/dangling"));
      symlinkSync("../b/text", at("a/linked"));
      const PATH = `rel::${at("a")}:${place.prefix}/bin:${at("b")}:/usr/bin:/bin`;
      const names = ["text", "plain", "directory", "dangling", "linked", "gog", "sh", "no-such"];
      const found = findOnPath(names, PATH, place.prefix);
      for (const name of names) {
        await place.record(named(place), { system: [name] }, { env: { PATH } });
        const isThere = place.run(named(place), { env: { PATH } }).node === undefined;
        expect(isThere, name).toBe(found.has(name));
        rmSync(join(place.prefix, "share"), { recursive: true, force: true });
      }
    });
  });
}

test("every option is in its list: what says how, what selects, and what Node answers each time", () => {
  place = makePlace(["", ""]);
  const [manner = "", selection = ""] = wordLists()
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  expect(manner).toEqual(expect.arrayContaining(["install", "-q", "--jobs=", "--no-wait"]));
  expect(selection).toEqual(expect.arrayContaining(["--all", "--skills-dir=", "--seed="]));
  for (const word of [
    "watch",
    "--json=",
    "--dry-run",
    "-f",
    "--platform=",
    "--help",
    "--deep",
    "--repair",
  ])
    expect([...manner, ...selection]).not.toContain(word);
});

test.each<[string[], boolean]>([
  [[], true],
  [["install", "gog", "--all", "--strict", "-v"], true],
  [["list"], false],
  [["update"], false],
  [["--json"], false],
  [["--dry-run"], false],
  [["-qf"], false],
  [["--platform", "linux-arm64"], false],
  [["--deep"], false],
])("after a run with %j, a record: %s", (args, expected) => {
  place = makePlace(["", ""]);
  expect(mayLeaveRecord(parse(args))).toBe(expected);
});

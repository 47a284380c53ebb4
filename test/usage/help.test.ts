/** Help, the man page and README.md's table: made of one table, and true of what the command reads. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseOptions } from "../../src/cli.ts";
import { type Command, commands, commandWords, verbs } from "../../src/usage/commands.ts";
import { manPageFile } from "../../src/usage/man-page.ts";
import { type OptionName, options, optionWords, variables } from "../../src/usage/options.ts";
import { renderCommandTable } from "../../src/usage/readme-table.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";
import { isInstalled } from "./shells.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.close());
const names = Object.keys(options) as OptionName[];
const dist = (name: string): string => readFileSync(join(repository, "dist", name), "utf8");

describe("the tables", () => {
  test("have each verb, and each option in the help of a command or for all of them", () => {
    expect(new Set(commands.map(({ verb }) => verb))).toEqual(new Set(verbs));
    const used = new Set(commands.flatMap((command) => command.options));
    expect(names.filter((name) => !used.has(name))).toEqual(["help", "version"]);
  });

  test.each(commands.map((command) => [commandWords(command), command] as const))(
    "%s is read with each of its options",
    (_words, { verb, sub, options: taken }) => {
      for (const given of [[], ...taken.map(exampleOf)]) {
        const parsed = parseOptions([verb, ...(sub ? [sub] : []), ...given], {}, 2);
        const runs = verb === "watch" ? "install" : verb; // the entrypoint repeats it
        expect([parsed.verb, ...parsed.names]).toEqual([runs, ...(sub ? [sub] : [])]);
      }
    },
  );

  test("are ASCII, because sh prints them in any locale, and of one line each", () => {
    const texts = [...Object.values(options), ...commands].flatMap((it) =>
      Object.values(it).flat(),
    );
    const all = [...texts, ...Object.values(variables)].filter((it) => typeof it === "string");
    expect(all.length).toBeGreaterThan(80);
    expect(all.filter((text) => !/^[\x20-\x7e]+$/.test(text))).toEqual([]);
  });
});

/** An option as a person gives it. */
function exampleOf(name: OptionName): string[] {
  const values: Partial<Record<OptionName, string>> = {
    mirror: "https://a.test/=https://b.test/",
    jobs: "3",
    sha256: "0".repeat(64),
  };
  const value = values[name] ?? "/x";
  if (name === "json") return ["--json=events"];
  return options[name].type === "boolean" ? [`--${name}`] : [`--${name}`, value];
}

describe("help", () => {
  test.each([[["help"]], [["--help"]], [["-h"]], [["gog", "--help"]]])(
    "%j shows all commands and options, as the file that sh prints",
    async (words) => {
      const { status, stdout } = await place.run(...words);
      expect(status).toBe(0);
      expect(stdout).toBe(dist("help.txt"));
      for (const command of commands) expect(stdout).toContain(`\n  ${commandWords(command)}`);
      for (const name of names) expect(stdout).toContain(`\n  ${optionWords(name)}`);
    },
  );

  test.each([
    ["help install", ["help", "install"], ["install"]],
    ["install --help", ["install", "--help"], ["install"]],
    ["-h beside other options", ["gc", "--dry-run", "-h"], ["gc"]],
    ["all of a verb", ["help", "bundle"], ["bundle export", "bundle import"]],
    ["one of them", ["help", "bundle", "import"], ["bundle import"]],
    ["one of them, asked in its place", ["recipe", "check", "--help"], ["recipe check"]],
    ["operands do not matter", ["remove", "gh", "--help"], ["remove"]],
  ])("%s", async (_what, words, shown) => {
    const { status, stdout } = await place.run(...words);
    expect(status).toBe(0);
    const usages = [...stdout.matchAll(/^usage: openclaw-install-skill-deps (.*)$/gm)];
    const found = usages.map(([, usage = ""]) => usage);
    expect(found).toEqual(shown.map((of) => commandWords(commandCalled(of))));
    const taken = new Set(shown.flatMap((of) => commandCalled(of).options));
    const listed = names.filter((name) => stdout.includes(`\n  ${optionWords(name)}`));
    expect(new Set(listed)).toEqual(taken);
  });

  test("of no command: says which was meant", async () => {
    const { status, stdout, stderr } = await place.run("help", "instal");
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /help instal: no such command \[E_USAGE\]\n {2}hint: Did you mean help install\?/,
    );
  });

  test("no line is longer than 100 characters", () => {
    expect(
      dist("help.txt")
        .split("\n")
        .filter((line) => line.length > 100),
    ).toEqual([]);
  });
});

function commandCalled(words: string): Command {
  const found = commands.find(({ verb, sub = "" }) => `${verb} ${sub}`.trim() === words);
  if (!found) throw new Error(`there is no command ${words}`);
  return found;
}

describe("the man page", () => {
  test("is where package.json says, with every command, option and variable", () => {
    const { man } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(man).toEqual([`./dist/${manPageFile}`]);
    const plain = dist(manPageFile).replaceAll("\\-", "-");
    for (const { verb, sub } of commands) {
      expect(plain).toContain(`\n\\fB${[verb, sub].filter(Boolean).join(" ")}\\fR`);
    }
    for (const name of names) expect(plain).toContain(`\n\\fB${optionWords(name)}\\fR\n`);
    for (const name of Object.keys(variables)) expect(plain).toContain(`\n\\fB${name}\\fR\n`);
  });

  test.skipIf(!isInstalled("mandoc"))("mandoc has nothing to say but that it has no date", () => {
    const lint = ["-T", "lint", "-W", "warning", join(repository, "dist", manPageFile)];
    const said = run("mandoc", lint).split("\n");
    expect(said.filter((line) => line !== "" && !line.includes("missing date"))).toEqual([]);
  });

  test.skipIf(!isInstalled("man"))("man shows it", () => {
    const shown = run("man", ["-l", join(repository, "dist", manPageFile)]);
    expect(shown).toMatch(/^NAME\n +openclaw-install-skill-deps/m);
    expect(shown).toMatch(/^ {7}--allow-declared\n/m);
  });
});

/** What a program says on stdout and stderr, whatever its status. */
function run(file: string, args: readonly string[]): string {
  const env = { ...process.env, MANWIDTH: "80", MANPAGER: "cat", LC_ALL: "C.UTF-8" };
  return execFileSync("sh", ["-c", '"$@" 2>&1 || :', "sh", file, ...args], {
    env,
    encoding: "utf8",
  });
}

test("README.md has the table of commands (npm run --silent command-table prints it)", () => {
  const readme = readFileSync(join(repository, "README.md"), "utf8");
  const [, table] = /<!-- commands -->\n\n?([\s\S]*?)\n?<!-- \/commands -->/.exec(readme) ?? [];
  expect(table).toBe(renderCommandTable());
});

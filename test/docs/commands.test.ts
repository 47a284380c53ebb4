/** Every command in the READMEs is run here, as it is written, or the suite that runs it is named. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { repository } from "../support/workplace.ts";
import { byHand, commandsOf, elsewhere, languages } from "./commands.ts";
import { blockBelow, files, page, pages } from "./pages.ts";
import { openSurroundings, type Surroundings } from "./surroundings.ts";

const isRunHere = (line: string): boolean =>
  !byHand.test(line) && !elsewhere.some(({ command }) => command.test(line));
const lines = pages.flatMap((one) => commandsOf(one).map(({ line }) => line));

describe("commands that are not run here", () => {
  test.each(elsewhere)("$command is run by $suite", ({ command, suite, as }) => {
    const found = lines.filter((line) => command.test(line));
    expect(found, "no page has it any more").not.toEqual([]);
    const text = readFileSync(join(repository, suite), "utf8");
    for (const line of found) expect(text).toContain(line.replace(command, as));
  });

  test("scripts for people to run are there, with their files", () => {
    const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    const found = lines.filter((line) => byHand.test(line));
    expect(found).not.toEqual([]);
    for (const line of found) {
      const [, script] = /^npm run (\S+)/.exec(line) ?? [];
      const text = script === undefined ? line : (scripts[script] ?? `no script ${script}`);
      const named = text.match(/(?:test\/|\.ci\/)\S+/g) ?? [];
      expect(named, text).not.toEqual([]);
      for (const file of named) expect(existsSync(join(repository, file)), file).toBe(true);
    }
  });

  test("a block says its language, so that no command hides in it", () => {
    const langs = pages.flatMap(({ blocks }) => blocks.map(({ lang }) => lang));
    expect(langs.filter((lang) => !languages.includes(lang))).toEqual([]);
  });
});

describe("commands", () => {
  let here: Surroundings;
  beforeAll(async () => {
    here = await openSurroundings();
  });
  afterAll(() => here.place.close(), 60_000);

  /** Authors write into the clone's recipes. */
  const envOf = (line: string) =>
    line.includes("recipe new") ? { OPENCLAW_SKILL_RECIPES: "" } : {};

  // In this order: the front page installs the command that the others call.
  const typed = files.filter((file) => commandsOf(page(file)).some(({ line }) => isRunHere(line)));
  test.each(typed)(
    "of %s",
    async (file) => {
      const found = commandsOf(page(file)).filter(({ line }) => isRunHere(line));
      for (const { line, output } of found) {
        const { exitCode, stdout, stderr } = await here.type(line, envOf(line));
        expect({ line, exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({
          line,
          exitCode: 0,
          stderr: "",
        });
        if (output) expectOutput(stdout, output);
        if (line.includes("recipe new")) fillIn();
      }
    },
    120_000,
  );

  test("have done what the pages say", async () => {
    const { place } = here;
    expect(Object.keys(place.manifest().tools).sort()).toEqual(["biome", "gog", "jq"]);
    const own = join(place.home, ".local/share/openclaw/bin/gog");
    expect(existsSync(own)).toBe(true);
    const units = join(place.home, ".config/systemd/user");
    expect(existsSync(join(units, "openclaw-gateway.service.d/skill-deps.conf"))).toBe(true);
  });

  /** What only a person knows of a recipe: the page's description. */
  function fillIn(): void {
    const file = join(here.clone, "recipes/biome.yaml");
    const written = readFileSync(file, "utf8");
    const shown = blockBelow("recipes/README.md", "Add a tool", "yaml");
    const [description = ""] = /^description: .*$/m.exec(shown) ?? [];
    const filled = written.replace(/^description: "TODO.*$/m, description);
    expect(shape(filled.trimEnd())).toBe(shape(shown));
    expect(parse(shown)).toMatchObject({ name: "biome", version: "2.5.15" });
    writeFileSync(file, filled);
  }
});

/** A page's `…` in a line of its own stands for further lines. */
function expectOutput(stdout: string, shown: string): void {
  const wanted = shape(shown).replace(/\n…$/, "\n");
  const got = shape(stdout);
  if (shape(shown) === wanted) expect(got).toBe(wanted);
  else expect(got.slice(0, wanted.length)).toBe(wanted);
}

/** Text without what differs from package to package: digests, sizes and the libc that a program needs. */
function shape(text: string): string {
  return text
    .trimEnd()
    .replace(/sha512-[A-Za-z0-9+/=…]+/g, "sha512")
    .replace(/(size: |-> )\d+( -> \d+)?/g, "$1N")
    .replace(/glibc: "\d\.\d+"/g, "glibc");
}

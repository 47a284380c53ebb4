/** What the built command writes to a terminal (a pseudo terminal, by util-linux' script) and elsewhere. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import { bundle, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  const bytes = archive("tar.gz", { "bin/zog": program("zog 1.0.0") });
  place.recipe("zog", { artifacts: { any: place.serve("zog.tar.gz", bytes) } });
  place.skill("mail", { bins: ["zog", "nobody-has-it"] }); // so that there is a warning
});
afterEach(() => place.close());

type Env = Readonly<Record<string, string>>;
const control = String.fromCharCode(27);

/** All that is written to a terminal of 80 columns. */
async function onTerminal(env: Env, ...words: string[]): Promise<string> {
  return await onTerminalOf("cols 80 rows 24", env, ...words);
}

async function onTerminalOf(size: string, env: Env, ...words: string[]): Promise<string> {
  const command = `stty ${size} && ${[process.execPath, bundle, ...words].join(" ")}`;
  const all = { ...place.env, TERM: "xterm", LANG: "C.UTF-8", ...env };
  const { stdout } = await $({
    env: all,
    cwd: place.home,
    quiet: true,
  })`script -qec ${command} /dev/null`;
  return stdout;
}

/** All that is written to pipes. */
async function onPipes(env: Env, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await place.runWith({ TERM: "xterm", ...env }, ...words);
  return stdout + stderr;
}

const colour = new RegExp(`${control}\\[\\d+(;\\d+)*m`);
const hasColour = (text: string): boolean => colour.test(text);

test("a terminal has colour, and bars that are redrawn", async () => {
  const text = await onTerminal({});
  expect(text).toMatch(new RegExp(`${control}\\[33m.*warning:`));
  expect(text).toContain("░░░");
  expect(text).toContain(`${control}[?25l`); // the cursor is hidden while bars move
  expect(place.snapshot()).toHaveProperty(["bin/zog"]);
});

test("pipes have neither", async () => {
  const text = await onPipes({ LANG: "C.UTF-8" });
  expect(text).toContain("warning: nobody-has-it");
  expect(text).not.toContain(control);
  expect(text).not.toContain("░");
});

test.each<[string, Env, boolean]>([
  ["NO_COLOR=1", { NO_COLOR: "1" }, false],
  ["NO_COLOR empty says nothing", { NO_COLOR: "" }, true],
  ["FORCE_COLOR=0", { FORCE_COLOR: "0" }, false],
  ["FORCE_COLOR goes before NO_COLOR", { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
  ["a terminal without colour", { TERM: "dumb" }, false],
])("on a terminal: %s", async (_what, env, expected) => {
  const text = await onTerminal(env, "--dry-run");
  expect(text).toContain("warning:");
  expect(hasColour(text)).toBe(expected);
  expect(text).not.toContain("Warning:"); // Node's own, of contradicting variables
});

test("FORCE_COLOR colours pipes, but no document and no script", async () => {
  const env = { FORCE_COLOR: "1" };
  expect(hasColour(await onPipes(env, "--dry-run"))).toBe(true);
  const { stdout } = await place.runWith(env, "--dry-run", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ schema: 1 });
  expect(hasColour(stdout)).toBe(false);
  expect(hasColour((await place.runWith(env, "completion", "zsh")).stdout)).toBe(false);
});

test("a dumb terminal gets lines: nothing moves its cursor", async () => {
  const text = await onTerminal({ TERM: "dumb" });
  expect(text).not.toContain(control);
  expect(text).toContain("zog 1.0.0: fetching");
  expect(text).toContain("zog 1.0.0: installed zog");
});

test("a terminal that does not know its size gets lines", async () => {
  const text = await onTerminalOf("cols 0 rows 0", {});
  expect(text).not.toContain(`${control}[?25l`);
  expect(text).toContain("zog 1.0.0: fetching");
});

test.each<[string, Env]>([
  ["the C locale", { LANG: "C" }],
  ["no locale", { LANG: "" }],
  ["LC_ALL goes before LANG", { LC_ALL: "POSIX" }],
])("%s: bars and all else are ASCII", async (_what, env) => {
  const text = await onTerminal(env);
  expect(text).toContain("------");
  expect(text).toMatch(/^[\0-\x7f]*$/);
});

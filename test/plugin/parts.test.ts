/** The OpenClaw plugin's parts that need no gateway. */
import { describe, expect, test } from "vitest";
import { allWords } from "../../src/plugin/cli.ts";
import { createGuard } from "../../src/plugin/guard.ts";
import { failureOf, parseBeat } from "../../src/plugin/health.ts";
import { logLines, readLine } from "../../src/plugin/lines.ts";
import { findLocation, findPackage } from "../../src/plugin/location.ts";
import { manifestFiles } from "../../src/plugin/manifest.ts";
import { extendPath } from "../../src/plugin/path.ts";
import { optionsOfDoctor, readSettings } from "../../src/plugin/settings.ts";

function openLog() {
  const said: string[] = [];
  const at = (level: string) => (message: string) => {
    said.push(`${level} ${message}`);
  };
  return { said, logger: { info: at("info"), warn: at("warn"), error: at("error") } };
}

describe("settings", () => {
  test.each([undefined, null, {}])("%j: the defaults", (given) => {
    expect(readSettings(given)).toEqual({ options: ["--ignore-system"] });
  });

  test("all of them", () => {
    const given = { prefix: "/v", command: "/c", options: ["--all", "--recipes", "/r"] };
    expect(readSettings(given)).toEqual(given);
    expect(readSettings({ options: [] })).toEqual({ options: [] });
  });

  test.each([
    [{ prefix: "relative" }, /config: prefix is not an absolute path$/],
    [{ prefix: "/a\nb" }, /prefix is not an absolute path/],
    [{ command: "/a\0b" }, /command is not an absolute path/],
    [{ prefix: "/a:b" }, /prefix contains a colon/],
    [{ command: 1 }, /command is not text/],
    [{ options: "--all" }, /options is not a list of words/],
    [{ options: ["--all", 7] }, /options\.1 is not text/],
    [{ options: [""] }, /options\.0 is empty/],
    [{ options: ["--", "sh"] }, /-- is not an option of watch/],
    [{ prefx: "/v" }, /no setting prefx \(there are prefix, command, options\)/],
    ["text", /plugins\.entries\.skill-deps\.config: the value /],
    [{ prefix: 1, options: 2 }, /prefix is not text; options is not a list/],
  ])("%j is refused, with every reason", (given, why) => {
    expect(() => readSettings(given)).toThrow(why);
  });

  test("doctor gets what it knows", () => {
    const options = ["--strict", "--interval", "9", "--all", "--interval=3", "--jobs", "2"];
    expect(optionsOfDoctor(options)).toEqual(["--all", "--jobs", "2"]);
  });

  test("the manifest describes them, but refuses nothing: a gateway would not start", () => {
    const { "openclaw.plugin.json": manifest } = manifestFiles("1.2.3");
    expect(manifest).toMatchObject({
      version: "1.2.3",
      activation: { onStartup: true, onCommands: ["skill-deps"] },
    });
    const { properties, ...rest } = (manifest as { configSchema: { properties: object } })
      .configSchema;
    expect(rest).toEqual({ type: "object" });
    expect(Object.keys(properties)).toEqual(["prefix", "command", "options"]);
    for (const property of Object.values(properties)) {
      expect(property).toMatchObject({ description: expect.stringMatching(/Default/) });
      expect(property).not.toHaveProperty("type");
    }
  });
});

describe("PATH", () => {
  test("the directory comes last, once, and only it is removed", () => {
    const env = { PATH: "/usr/bin:/bin" };
    const restore = extendPath(env, "/v/bin");
    const second = extendPath(env, "/v/bin");
    expect(env.PATH).toBe("/usr/bin:/bin:/v/bin");
    second();
    expect(env.PATH).toBe("/usr/bin:/bin:/v/bin");
    env.PATH = `/first:${env.PATH}:/last`; // as OpenClaw does
    restore();
    expect(env.PATH).toBe("/first:/usr/bin:/bin:/last");
    env.PATH += ":/v/bin"; // somebody else's
    restore();
    expect(env.PATH).toBe("/first:/usr/bin:/bin:/last:/v/bin");
  });

  test.each(["/a:b/bin", "v/bin", "/v\0/bin"])("%j is left out", (directory) => {
    const env = { PATH: "/usr/bin" };
    extendPath(env, directory)();
    extendPath(env, directory);
    expect(env.PATH).toBe("/usr/bin");
  });

  test("without a PATH", () => {
    const env: { PATH?: string } = {};
    extendPath(env, "/v/bin")();
    expect(env.PATH).toBe("");
  });
});

describe("lines", () => {
  test.each([
    [
      "openclaw-install-skill-deps: watch: SIGHUP was received",
      "info",
      "watch: SIGHUP was received",
    ],
    ["warning: no recipe provides it", "warn", "warning: no recipe provides it"],
    ["openclaw-install-skill-deps: error: x [E_USAGE]", "error", "error: x [E_USAGE]"],
    ["\u001b[31merror: red\u001b[0m\u0007\r", "error", "error: red"],
    ["errors are no error", "info", "errors are no error"],
  ])("%j", (line, level, text) => {
    expect(readLine(line)).toEqual({ level, text });
  });

  test("are put together from what comes, and a last one without an end counts", () => {
    const { said, logger } = openLog();
    const log = logLines(logger, () => 0);
    for (const chunk of ["fir", "st\nsec", "ond\n\n", "last"]) log.write(chunk);
    expect(said).toEqual(["info skill-deps: first", "info skill-deps: second"]);
    log.end();
    log.end();
    expect(said.at(-1)).toBe("info skill-deps: last");
    expect(said).toHaveLength(3);
  });

  test("a flood does not fill the log, and is told", () => {
    const { said, logger } = openLog();
    let now = 0;
    const log = logLines(logger, () => now);
    log.write("line\n".repeat(1000));
    expect(said).toHaveLength(300);
    now = 60_001;
    log.write("later\n");
    expect(said.slice(300)).toEqual([
      "warn skill-deps: 700 lines left out",
      "info skill-deps: later",
    ]);
    log.write("x".repeat(100_000));
    log.end();
    expect(said.at(-1)?.length).toBeLessThan(5000);
  });
});

describe("health", () => {
  test.each([
    ["12 100 idle ok\n7 /opt/openclaw\n", { pid: 12, at: 100, busy: false, result: "ok" }],
    [
      "12 100 busy failed (status 4)\n",
      { pid: 12, at: 100, busy: true, result: "failed (status 4)" },
    ],
    ["", undefined],
    ["12 100 idle", undefined],
    ["x 100 idle ok", undefined],
    ["12 100 idle ok", undefined],
  ])("%j", (text, beat) => {
    expect(parseBeat(text)).toEqual(beat);
  });

  test("a watcher fails with its last run, or when it does not look any more", () => {
    const beat = { pid: 1, at: 100, busy: false, result: "ok" };
    expect(failureOf(beat, 160)).toBeUndefined();
    expect(failureOf({ ...beat, result: "pending" }, 101)).toBeUndefined();
    expect(failureOf(beat, 161)).toBe("watch has not looked for 61 s");
    expect(failureOf({ ...beat, busy: true }, 3700)).toBeUndefined();
    expect(failureOf({ ...beat, busy: true }, 3701)).toBe("watch has not looked for 3601 s");
    expect(failureOf({ ...beat, result: "failed (status 5)" }, 101)).toBe(
      "the last run failed (status 5)",
    );
  });
});

describe("guard", () => {
  const fail = (): never => {
    throw new Error("no");
  };
  test.each([
    ["an exception", fail],
    ["a rejected promise", async () => fail()],
  ])("%s becomes a line of the log", async (_, callback) => {
    const { said, logger } = openLog();
    await createGuard(() => logger)("start", callback)();
    expect(said).toEqual(["error skill-deps: start: no"]);
  });

  test("a log that throws changes nothing", async () => {
    await expect(createGuard(fail)("start", fail)()).resolves.toBeUndefined();
  });
});

describe("place", () => {
  const own = findPackage("/usr/lib/node_modules/own/dist/plugin");
  const name = "openclaw-install-skill-deps";

  test("the configuration wins, then the variable", () => {
    const env = { OPENCLAW_SKILL_PREFIX: "/variable" };
    const settings = { prefix: "/configured", command: "/my/command", options: [] };
    expect(findLocation(settings, own, env, "/h")).toEqual({
      prefix: "/configured",
      commands: ["/my/command"],
    });
    expect(findLocation({ options: [] }, own, env, "/h")).toEqual({
      prefix: "/variable",
      commands: [`/usr/lib/node_modules/own/entrypoint/${name}`, `/variable/bin/${name}`],
    });
  });

  test("a copy of the plugin alone has the volume's command only", () => {
    expect(findPackage("/home/.openclaw/extensions/skill-deps")).toBeUndefined();
    expect(findLocation({ options: [], prefix: "/v" }, undefined, {}, "/h")).toEqual({
      prefix: "/v",
      commands: [`/v/bin/${name}`],
    });
  });
});

test("words are passed on as they were typed", () => {
  const argv = ["node", "openclaw", "skill-deps"];
  expect(allWords(["list", "--json"], [...argv, "list", "--json"])).toEqual(["list", "--json"]);
  expect(allWords(["true"], [...argv, "--", "true"])).toEqual(["--", "true"]);
  expect(allWords([], argv)).toEqual([]);
});

/** `health` where one user has several watchers: none of them hides that another one was killed. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasShell, shells } from "../entrypoint/place.ts";
import { openWatchers, type Watcher, type Watchers } from "../support/watchers.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let watchers: Watchers;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("notes", {});
  watchers = openWatchers(place);
});
afterEach(async () => {
  await watchers.end();
  await place.close();
});

const volume = (name: string): string => join(place.dir, name);

/** One that has finished its first run. */
async function start(name: string, shell?: readonly string[]): Promise<Watcher> {
  const more = { OPENCLAW_SKILL_PREFIX: volume(name) };
  mkdirSync(volume(name), { recursive: true });
  const watcher = watchers.start(["watch", "--interval", "1"], shell, more);
  await watcher.says(/nothing to do|1 installed|installed openclaw-install-skill-deps/);
  return watcher;
}

async function untilHealthy(shell?: readonly string[]): Promise<string> {
  for (;;) {
    const { status, stderr } = await watchers.health([], shell);
    if (status === 0) return stderr;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("health refuses words that it does not know: a check must not pass by a slip", async () => {
  const watcher = await start("one");
  await untilHealthy();
  const { status, stderr } = await watchers.health(["--strcit"]);
  expect([status, stderr]).toEqual([2, expect.stringMatching(/--strict and --quiet \[E_USAGE\]/)]);
  expect(await watchers.health(["-qv"])).toEqual({ status: 0, stderr: "" });
  expect(await watcher.end()).toBe(143);
});

for (const [name, ...shell] of shells) {
  describe.skipIf(!hasShell([name, ...shell]))(`health, ${name}`, () => {
    test("tells that one watcher of two was killed, until it runs again", async () => {
      const first = await start("one", shell);
      const second = await start("two", shell);
      const said = await untilHealthy(shell);
      for (const each of ["one", "two"])
        expect(said).toContain(`watch of ${volume(each)}: the last`);
      await first.end("SIGKILL");
      const { status, stderr } = await watchers.health(["-q"], shell);
      expect([status, stderr]).toEqual([
        5,
        expect.stringContaining(`watch of ${volume("one")} was killed`),
      ]);
      expect(stderr).toMatch(/^.*\[E_NOT_WATCHING\]\n$/);
      const again = await start("one", shell);
      await untilHealthy();
      for (const watcher of [again, second]) expect(await watcher.end()).toBe(143);
      expect(watchers.healthFiles()).toEqual([]);
      expect(await watchers.health([], shell)).toEqual({
        status: 5,
        stderr: "openclaw-install-skill-deps: watch is not running here [E_NOT_WATCHING]\n",
      });
    });
  });
}

describe("health", () => {
  test("of two watchers of one volume that were killed, a new one replaces one", async () => {
    for (const watcher of [await start("one"), await start("one")]) await watcher.end("SIGKILL");
    await start("one");
    expect(watchers.healthFiles()).toHaveLength(2);
    expect((await watchers.health()).status).toBe(5);
    await start("one");
    expect(watchers.healthFiles()).toHaveLength(2);
    await untilHealthy();
  });

  test("the file is never empty, so that a watcher that is killed at any moment leaves its name", async () => {
    await start("one");
    const [name = ""] = watchers.healthFiles();
    const file = join(place.dir, "run", `openclaw-skill-deps-${process.getuid?.()}`, name);
    const before = readFileSync(file, "utf8");
    const rest = "\nwhat was there before\n";
    appendFileSync(file, rest);
    await expect.poll(() => readFileSync(file, "utf8"), { timeout: 20_000 }).not.toContain(before);
    expect(readFileSync(file, "utf8").endsWith(rest)).toBe(true);
    expect((await watchers.health()).status).toBe(0);
  });

  test("one that does not look is not healthy, nor is one whose run does not end", async () => {
    const watcher = await start("one");
    await untilHealthy();
    const [name = ""] = watchers.healthFiles();
    const file = join(place.dir, "run", `openclaw-skill-deps-${process.getuid?.()}`, name);
    watcher.child.kill("SIGSTOP");
    const [, pid, born] = name.split("-");
    const healthAfter = async (state: string, seconds: number): Promise<number> => {
      const at = Math.floor(uptime()) - seconds;
      writeFileSync(file, `${pid} ${at} ${state} ok\n${born} ${volume("one")}\n`);
      return (await watchers.health()).status;
    };
    expect([await healthAfter("idle", 30), await healthAfter("idle", 70)]).toEqual([0, 5]);
    expect([await healthAfter("busy", 3500), await healthAfter("busy", 3700)]).toEqual([0, 5]);
  });

  test("another process with the number of a killed watcher is none; what watched a volume that is gone is forgotten", async () => {
    await (await start("one")).end("SIGKILL");
    const [left = ""] = watchers.healthFiles();
    const dir = join(place.dir, "run", `openclaw-skill-deps-${process.getuid?.()}`);
    const beat = (of: string): string => `${process.pid} 1 idle ok\n1 ${of}\n`;
    writeFileSync(join(dir, left), beat(volume("one")));
    expect((await watchers.health()).stderr).toContain(`watch of ${volume("one")} was killed`);
    writeFileSync(join(dir, "watch-1-1"), beat(volume("gone")));
    await start("one");
    expect(watchers.healthFiles()).toHaveLength(1);
    await untilHealthy();
  });
});

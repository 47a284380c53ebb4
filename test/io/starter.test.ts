/** The small process that runs the smoke tests of a large installation: a real sh, real programs. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStarter, type Starter } from "../../src/io/starter.ts";

let dir: string;
let starter: Starter;
let stop: AbortController;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "starter-"));
  stop = new AbortController();
  const env = { PATH: "/usr/bin:/bin", HOME: "/", TMPDIR: "/", WORD: "of the tests" };
  starter = openStarter(env, stop.signal);
});
afterEach(() => {
  starter.end();
  rmSync(dir, { recursive: true, force: true });
});

const passes = (argv: [string, ...string[]], timeout = 20_000) =>
  starter.passes({ argv, cwd: dir, timeout });
/** Runs a script of sh, whose arguments are then its own. */
const sh = (text: string, ...args: string[]) => passes(["/bin/sh", "-c", text, "sh", ...args]);

test("only status 0 passes; many run side by side, each with its own answer", async () => {
  const wanted = Array.from({ length: 40 }, (_, at) => at % 3);
  const began = wanted.map((status) => sh(`sleep 0.2; exit ${status}`));
  expect(await Promise.all(began)).toEqual(wanted.map((status) => status === 0));
  expect(await passes([join(dir, "is not there")])).toBe(false);
  expect(await sh("kill -9 $$")).toBe(false);
});

test("a program has the directory as HOME and TMPDIR, no input, no output, and no other open file", async () => {
  const told = '{ pwd; echo "$HOME $TMPDIR $WORD"; cat; } >told; echo loud; echo loud >&2';
  expect(await sh(told)).toBe(true);
  expect(readFileSync(join(dir, "told"), "utf8")).toBe(`${dir}\n${dir} ${dir} of the tests\n`);
  expect(await sh("exec ls -l /proc/self/fd >files")).toBe(true);
  const files = readFileSync(join(dir, "files"), "utf8");
  expect(files).toMatch(/ 0 -> \/dev\/null\n.* 1 -> .*files\n.* 2 -> \/dev\/null\n/);
  expect(files).not.toMatch(/ \d{1,2} -> pipe:/); // neither the way of the requests nor that of the answers
});

describe("no word is read as shell text", () => {
  test.each([
    "$(touch evil)",
    "`touch evil`",
    "'; touch evil; '",
    '"; touch evil; "',
    "> evil",
    "*",
    " a  b ",
    "\\n\\",
    "",
    "-n",
    "7",
  ])("%j", async (word) => {
    expect(await sh('printf "%s" "$1" >told; [ $# = 2 ] && [ "$2" = end ]', word, "end")).toBe(
      true,
    );
    expect(readFileSync(join(dir, "told"), "utf8")).toBe(word);
    expect(existsSync(join(dir, "evil"))).toBe(false);
  });

  test("a word with a line break is not sent at all", async () => {
    expect(await sh('touch told; [ "$1" = x ]', "x\n3\ntouch\nevil")).toBe(false);
    expect([existsSync(join(dir, "told")), existsSync(join(dir, "evil"))]).toEqual([false, false]);
    expect(await sh("true")).toBe(true);
  });
});

test("what takes too long is killed with all its children, and what ran beside it has not passed", async () => {
  const slow = passes(["/bin/sh", "-c", "(sleep 3; touch late) & wait"], 500);
  const beside = sh("sleep 3; touch late");
  expect(await Promise.all([slow, beside])).toEqual([false, false]);
  expect(await sh("true")).toBe(false); // it starts nothing more
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(existsSync(join(dir, "late"))).toBe(false);
});

test("an abort ends all that still runs, and nothing is started after it", async () => {
  const running = passes(["/bin/sleep", "60"], 60_000);
  expect(await sh("true")).toBe(true); // what has ended takes no other's end with it
  stop.abort();
  expect(await running).toBe(false);
  expect(await sh("touch late")).toBe(false);
  const late = openStarter({ PATH: "/usr/bin:/bin" }, stop.signal);
  expect(await late.passes({ argv: ["/bin/true"], cwd: dir, timeout: 20_000 })).toBe(false);
});

test("if the sh is killed, what it was running has not passed", async () => {
  writeFileSync(
    join(dir, "kill.sh"),
    'read -r _ _ _ parent _ </proc/$PPID/stat; kill -9 "$parent"\n',
  );
  const beside = sh("sleep 5");
  await passes(["/bin/sh", join(dir, "kill.sh")]);
  expect(await beside).toBe(false);
  expect(await sh("true")).toBe(false);
});

test("where no process can be started nothing passes", async () => {
  const none = openStarter({ PATH: "/usr/bin:/bin", WORD: "x".repeat(3_000_000) }, stop.signal); // E2BIG
  expect(await none.passes({ argv: ["/bin/true"], cwd: dir, timeout: 20_000 })).toBe(false);
});

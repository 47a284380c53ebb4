import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

const command = join(repository, "entrypoint", "openclaw-install-skill-deps");
const own = { OPENCLAW_SKILL_DEPS_NODE: process.execPath, OPENCLAW_SKILL_SEED: "" };

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  serve(program("1.0.0"));
});
afterEach(() => place.close());

function serve(bytes: string | ReturnType<typeof program>): void {
  const source = place.serve("zog.tar.gz", archive("tar.gz", { "bin/zog": bytes }));
  place.recipe("zog", { artifacts: { "linux-x64": source } });
}

type Change = Readonly<Record<string, string | undefined>>;

/** Runs a line of bash in which "$@" is the command. Asynchronous, for the server is of this process. */
async function inShell(line: string, args: readonly string[] = [], change: Change = {}) {
  const given = { ...place.env, ...own, ...change };
  const env = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const child = spawn("bash", ["-c", line, "bash", command, ...args], { env, cwd: place.home });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const status = await new Promise((done) => child.once("close", done));
  return { status, stdout, stderr };
}

const isInstalled = (): boolean => existsSync(join(place.prefix, "bin/zog"));

describe("messages that nobody reads change nothing", () => {
  test.each([
    ["a full disk", '"$@" 2>/dev/full'],
    ["a reader that goes at once", '"$@" 2> >(exec true)'],
    ["a reader that goes after a line", '"$@" -v 2> >(head -n 1 >/dev/null)'],
    ["closed", '"$@" 2>&-'],
    ["all three closed", '"$@" <&- >&- 2>&-'],
    ["only for reading", '"$@" 2</dev/null'],
    ["events to a reader that has gone", '"$@" --json=events > >(exec true)'],
    ["no standard input", '"$@" <&-'],
  ])("%s", async (_what, line) => {
    expect(await inShell(line)).toMatchObject({ status: 0 });
    expect(isInstalled()).toBe(true);
    // The second run is the shell script's alone.
    expect(await inShell(line)).toMatchObject({ status: 0 });
  });
});

describe("a document", () => {
  test.each([[["recipe", "list", "--json"]], [["requirements", "--json"]], [["recipe", "list"]]])(
    "of %j that cannot be written is an error",
    async (args) => {
      const { status, stderr } = await inShell('"$@" >/dev/full', args);
      expect(status).toBe(5);
      expect(stderr).toMatch(/^error: .*ENOSPC.*\[E_OUTPUT\]\n {2}hint: /);
      expect(stderr).not.toContain("This is a bug");
    },
  );

  test("whose reader has seen enough ends without a word", async () => {
    const args = ["recipe", "list", "--json"];
    const { status, stdout, stderr } = await inShell('set -o pipefail; "$@" | head -n 1', args);
    expect([status, stdout, stderr]).toEqual([0, "{\n", ""]);
  });
});

describe("a home that is none", () => {
  test.each<[string, string | undefined]>([
    ["not set", undefined],
    ["empty", ""],
    ["relative", "here"],
    ["not there", "/nonexistent"],
    ["a device", "/dev/null"],
  ])("%s", async (_what, HOME) => {
    const { status, stderr } = await inShell('"$@"', [], { HOME });
    expect([status, stderr.includes("This is a bug")]).toEqual([0, false]);
    expect(isInstalled()).toBe(true);
    const again = await inShell('"$@"', [], { HOME, OPENCLAW_SKILL_DEPS_NODE: "/nonexistent" });
    expect(again.stderr).toContain("nothing to do; programs present: 1");
  });

  test.skipIf(process.getuid?.() !== 0)("of a user that passwd does not know", async () => {
    const { dir } = place;
    chmodSync(dir, 0o755);
    for (const path of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
      chownSync(join(dir, path), 4242, 4242);
    }
    chownSync(dir, 4242, 4242);
    const line = 'exec setpriv --reuid 4242 --regid 4242 --clear-groups "$@"';
    const { status, stderr } = await inShell(line, [], { HOME: undefined });
    expect([status, stderr.includes("This is a bug")]).toEqual([0, false]);
    expect(isInstalled()).toBe(true);
  });
});

test("a working directory that is gone", async () => {
  const line = 'mkdir gone && cd gone && rmdir ../gone && exec "$@" 2>&1';
  expect((await inShell(line)).stdout).toContain("zog 1.0.0: installed zog");
  const { status, stdout } = await inShell(line, ["recipe", "check", "x.yaml"]);
  expect(status).toBe(2);
  expect(stdout).toContain("error: the working directory was removed");
});

test("a temporary directory that is none is named", async () => {
  const { status, stderr } = await inShell('"$@"', ["recipe", "new", "npm:x"], { TMPDIR: "/none" });
  expect(stderr).toMatch(
    /^error: cannot make a directory in \/none: ENOENT.*\n {2}hint: Set TMPDIR/,
  );
  expect(status).toBe(5);
});

test("a package that was copied in part is told as that", async () => {
  const copy = join(place.dir, "copy");
  cpSync(join(repository, "entrypoint"), join(copy, "entrypoint"), { recursive: true });
  cpSync(join(repository, "dist"), join(copy, "dist"), { recursive: true });
  const line = `"${copy}/entrypoint/openclaw-install-skill-deps"`;
  const bare = await inShell(line);
  expect([bare.status, bare.stderr]).toEqual([2, expect.stringContaining("no package.json")]);
  truncateSync(join(copy, "dist/program.cjs"), 1000);
  const cut = await inShell(line);
  expect([cut.status, cut.stderr]).toEqual([
    2,
    expect.stringMatching(/^error: cannot use .*cjs: /),
  ]);
});

test.each([
  [
    "the volume",
    'OPENCLAW_SKILL_PREFIX=$(printf "/tmp/\\377") "$@"',
    /OPENCLAW_SKILL_PREFIX is not/,
  ],
  ["an argument", '"$@" --recipes "$(printf "/tmp/\\377")"', /an argument is not UTF-8/],
])("%s whose name is not UTF-8 is refused, and not taken for another", async (_what, line, why) => {
  const { status, stderr } = await inShell(line);
  expect(status).toBe(2);
  expect(stderr).toMatch(why);
  expect(readdirSync("/tmp")).not.toContain("\uFFFD");
});

describe("what is short for a while is no fault of the program", () => {
  test.each([
    ["killed", "kill -KILL $$", "was killed by SIGKILL: probably out of memory"],
    ["no process", "echo 'zog: fork: Resource temporarily unavailable' >&2; exit 1", "ulimit -u"],
    ["no memory", "echo 'Cannot allocate memory' >&2; exit 2", "ulimit -v"],
    ["no files", "echo 'Too many open files' >&2; exit 2", "ulimit -n"],
  ])("%s", async (_what, text, words) => {
    serve(`#!/bin/sh\n${text}\n`);
    const { status, stderr } = await inShell('"$@"');
    expect(stderr).toContain(words);
    expect([status, stderr.includes("library"), isInstalled()]).toEqual([5, false, false]);
  });

  test("no process can be started for the smoke test", async () => {
    const patch = join(repository, "test/support/no-process.cjs");
    const { status, stderr } = await inShell('"$@"', [], { NODE_OPTIONS: `--require ${patch}` });
    expect(stderr).toContain("E_PROCESS_LIMIT");
    expect([status, stderr.includes("library"), isInstalled()]).toEqual([5, false, false]);
  });

  test("a crash is the program's own", async () => {
    serve("#!/bin/sh\nkill -ILL $$\n");
    const { status, stderr } = await inShell('"$@"', ["--strict"]);
    expect(stderr).toContain("it crashed with SIGILL: it needs instructions that this processor");
    expect(status).toBe(3);
  });

  test.skipIf(process.getuid?.() !== 0)("no process can be started by the shell", async () => {
    chmodSync(place.dir, 0o755);
    mkdirSync(join(place.prefix, "share/openclaw-skill-deps/freshness"), { recursive: true });
    const line =
      'exec setpriv --reuid 4243 --regid 4243 --clear-groups prlimit --nproc=1 dash "$@"';
    const { status, stderr } = await inShell(line);
    expect(stderr).toContain("no more processes can be started here");
    expect(status).toBe(5);
    const hook = await inShell(line, ["--", "/bin/echo", "up"]);
    expect([hook.status, hook.stdout]).toEqual([0, "up\n"]);
  });

  test("4 GB of addresses suffice", async () => {
    const { status } = await inShell('ulimit -v 4194304; exec "$@"');
    expect([status, isInstalled()]).toEqual([0, true]);
  });

  test("too little memory for Node", async () => {
    const { status, stderr } = await inShell('ulimit -v 500000; exec "$@"');
    expect(status).toBe(5);
    expect(stderr).toContain("crashed (signal ");
    expect(stderr).toContain("This process is limited by ulimit -v 500000.");
  });
});

describe("a signal ends a run in its smoke test", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("%s: what it has started goes too, and nothing stays", async (signal, expected) => {
    const mark = join(place.dir, "started");
    serve(`#!/bin/sh\nsleep 1000 & echo $! >${mark}.new; mv ${mark}.new ${mark}\nwait\n`);
    const child = spawn(command, [], { env: { ...place.env, ...own }, cwd: place.home });
    while (!existsSync(mark)) await new Promise((done) => setTimeout(done, 20));
    child.kill(signal);
    expect(await new Promise((done) => child.once("close", done))).toBe(expected);
    const pid = readFileSync(mark, "utf8").trim();
    const state = spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).stdout;
    expect(state.trim()).toMatch(/^(Z.*)?$/);
    expect(readdirSync(join(place.prefix, "lib/.staging"))).toEqual([]);
    expect(isInstalled()).toBe(false);
  });
});

test("a signal ends the wait for another run", async () => {
  const mark = join(place.dir, "started");
  serve(`#!/bin/sh\ntouch ${mark}\nsleep 1000\n`);
  const options = { env: { ...place.env, ...own }, cwd: place.home };
  const first = spawn(command, [], options);
  while (!existsSync(mark)) await new Promise((done) => setTimeout(done, 20));
  const second = spawn(command, [], options);
  let told = "";
  await new Promise<void>((done) =>
    second.stderr.on("data", (text) => {
      told += text;
      if (told.includes("waiting for another run")) done();
    }),
  );
  second.kill("SIGTERM");
  expect(await new Promise((done) => second.once("close", done))).toBe(143);
  first.kill("SIGTERM");
  expect(await new Promise((done) => first.once("close", done))).toBe(143);
});

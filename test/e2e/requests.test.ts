/** Agents ask for tools by files in a directory, in which everything may be hostile. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
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
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hasShell, shells } from "../entrypoint/place.ts";
import { archive, program } from "../support/archives.ts";
import { started } from "../support/started.ts";
import { openWatchers, type Watchers } from "../support/watchers.ts";
import { bundle, entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let restore: () => void;
beforeAll(async () => {
  place = await openWorkplace();
  for (const name of ["owl", "yak"]) offer(name);
  offer("zog", { aliases: ["zebra"] });
  place.recipe("musk", {
    artifacts: {
      "linux-arm64-musl": { url: "https://example.test/a.tgz", sha256: "0".repeat(64) },
    },
  });
  place.skill("mail", { bins: ["owl"] });
  mkdirSync(join(place.dir, "requests"));
  expect((await place.run()).status).toBe(0);
  restore = place.keep();
});
afterAll(() => place.close());
beforeEach(() => restore());
afterEach(() => chmodSync(requests(), 0o755));

function offer(name: string, more: object = {}, options: object = {}): void {
  const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
  const source = place.serve(`${name}.tar.gz`, bytes, options);
  place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source }, ...more });
}

const requests = (): string => join(place.dir, "requests");
const at = (name: string): string => join(requests(), name);
const ask = (...names: string[]): void => {
  for (const name of names) writeFileSync(at(name), "");
};
const answer = (name: string): string => readFileSync(at(`${name}.answer`), "utf8");
const run = (...args: string[]) => place.run("--requests", requests(), ...args);
const start = (...args: string[]) => place.start({ OPENCLAW_SKILL_REQUESTS: requests() }, ...args);
const tools = (): string[] => Object.keys(place.manifest().tools).sort();
const requested = (): string[] =>
  JSON.parse(readFileSync(join(place.prefix, "manifest.json"), "utf8")).requested;
const log = () =>
  JSON.parse(readFileSync(join(place.prefix, "share/openclaw-skill-deps/requests.json"), "utf8"));

describe("a request", () => {
  test("is granted: installed, recorded, answered; later runs keep it without the request", async () => {
    ask("yak");
    const { status, stderr } = await run();
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("request yak: granted: yak 1.0.0"),
    ]);
    expect(answer("yak")).toBe(
      `granted: yak 1.0.0\nprograms: yak\nTo call one: sh -lc 'yak --help', or ${place.prefix}/bin/yak --help\n`,
    );
    expect(statSync(at("yak.answer")).mode & 0o777).toBe(0o644);
    expect([tools(), requested()]).toEqual([["owl", "yak"], ["yak"]]);
    expect(log()).toMatchObject({ attempts: [{ tool: "yak" }], granted: ["yak"] });

    rmSync(at("yak"));
    rmSync(join(place.prefix, "bin/yak"));
    expect((await place.run()).status).toBe(0);
    expect(execFileSync(join(place.prefix, "bin/yak"), { encoding: "utf8" })).toBe("yak 1.0.0\n");
  });

  test("is what why names", async () => {
    ask("yak");
    await run();
    await place.run("zog");
    const reasons = async (): Promise<unknown> => {
      const { programs } = JSON.parse((await place.run("why", "yak", "zog", "--json")).stdout);
      return programs.map((it: { requestedBy: unknown }) => it.requestedBy);
    };
    expect(await reasons()).toEqual([["an agent's request"], ["an earlier command line"]]);
  });

  test("by an alias, and for what a skill needs already: nothing is fetched for that", async () => {
    ask("zebra", "owl");
    const hits = place.server.hits();
    const { stdout } = await run("--json");
    expect(answer("zebra")).toMatch(/^granted: zog 1\.0\.0\nprograms: zebra zog\n/);
    expect(answer("owl")).toMatch(/^granted: owl 1\.0\.0\n/);
    expect(requested()).toEqual(["owl", "zog"]);
    expect(place.server.hits()).toBe(hits + 1);
    expect(JSON.parse(stdout).requests).toMatchObject([
      { name: "owl", state: "granted", tool: "owl" },
      { name: "zebra", state: "granted", tool: "zog", programs: ["zebra", "zog"] },
    ]);
  });

  test.each([
    ["zgo", /^refused: no tool of the catalogue .*\[E_UNKNOWN_NAME\]\nDid you mean zog\?\n/],
    ["musk", /^refused: the recipe musk has nothing for .*\[E_NO_BUILD\]\n/],
  ])("%s is refused, which fails nothing", async (name, text) => {
    ask(name);
    const { status, stderr } = await run("--strict");
    expect([status, stderr]).toEqual([0, expect.stringContaining(`request ${name}: refused`)]);
    expect(answer(name)).toMatch(text);
    expect((await run()).stderr).not.toContain("request ");
    expect(requested()).toEqual([]);
  });

  test("one that cannot be installed waits, fails nothing, names no host, and is not tried at once", async () => {
    offer("sad", {}, { fault: "status", status: 403 });
    ask("sad", "yak");
    const { status, stderr } = await run("--strict");
    expect([status, stderr]).toEqual([0, expect.stringContaining("failed: sad")]);
    expect(answer("sad")).toMatch(/^waiting: .*\[E_HTTP_FORBIDDEN\]\nIt is tried again by itself/);
    expect(answer("sad")).not.toMatch(/http:|127/);
    expect(answer("yak")).toMatch(/^granted/);
    expect(requested()).toEqual(["yak"]);
    expect(log()).toMatchObject({ granted: ["yak"] });

    const hits = place.server.hits();
    const again = await run();
    expect([again.status, again.stderr]).toEqual([0, expect.not.stringContaining("request ")]);
    expect(place.server.hits()).toBe(hits);
  });

  test("what the operator removed is not installed again", async () => {
    ask("yak");
    await run();
    expect((await place.run("remove", "yak")).status).toBe(0);
    await run();
    expect(answer("yak")).toMatch(/^refused: the operator has removed yak/);
    expect(tools()).toEqual(["owl"]);
    await place.run("yak");
    await run();
    expect(answer("yak")).toMatch(/^granted/);
  });

  test("five in one run; the next run goes on", async () => {
    const names = ["t1", "t2", "t3", "t4", "t5", "t6"];
    for (const name of names) offer(name);
    ask(...names);
    await run();
    expect(requested()).toEqual(names.slice(0, 5));
    expect(answer("t6")).toMatch(/^waiting: at most 5 tools in one run \[E_REQUEST_LIMIT\]/);
    await run();
    expect(requested()).toEqual(names);
    expect(answer("t6")).toMatch(/^granted/);
  });

  test("a killed run counts: the volume says so before anything is fetched", async () => {
    offer("sad", {}, { fault: "silent" });
    ask("sad");
    const child = spawn(process.execPath, [bundle, "--requests", requests()], {
      env: place.env,
      cwd: place.home,
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    const hits = place.server.hits();
    while (place.server.hits() === hits) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGKILL");
    await ended;
    expect(log()).toMatchObject({ attempts: [{ tool: "sad" }], granted: [] });
    const before = place.server.hits();
    await run();
    expect(answer("sad")).toMatch(/^waiting: a signal stopped the run \[E_STOPPED\]/);
    expect(place.server.hits()).toBe(before);
  });

  test("is not looked at by a run with NAMEs, nor by other verbs", async () => {
    ask("yak");
    expect((await run("zog")).status).toBe(0);
    expect((await run("doctor")).status).toBe(0);
    expect(readdirSync(requests())).toEqual(["yak"]);
    expect(requested()).toEqual(["zog"]);
  });

  test("--dry-run plans it, and writes nothing", async () => {
    ask("yak");
    const before = place.snapshot();
    expect((await run("--dry-run")).stdout).toMatch(/install +yak/);
    expect(readdirSync(requests())).toEqual(["yak"]);
    expect(place.snapshot()).toEqual(before);
  });
});

for (const [name, ...shell] of shells) {
  describe.skipIf(!hasShell([name, ...shell]))(`the sh script, ${name}`, () => {
    const look = async () => {
      const env = {
        ...place.env,
        OPENCLAW_SKILL_DEPS_NODE: process.execPath,
        OPENCLAW_SKILL_REQUESTS: requests(),
      };
      const { stderr } = await started(["env", ...shell, entrypoint, "-v"], {
        env,
        cwd: place.home,
      });
      return /programs present: \d/.test(stderr);
    };

    test("answers alone after the answers are written; a request that comes or goes starts Node", async () => {
      ask("yak", "zgo");
      expect(await look()).toBe(false);
      expect(await look()).toBe(true);
      ask("zog");
      expect(await look()).toBe(false);
      expect(tools()).toEqual(["owl", "yak", "zog"]);
      expect(await look()).toBe(true);
      rmSync(at("zgo"));
      expect(await look()).toBe(false);
      expect(await look()).toBe(true);
      rmSync(at("yak.answer"));
      expect(await look()).toBe(false);
      expect(answer("yak")).toMatch(/^granted/);
      expect(await look()).toBe(true);
    });

    test("by contents, where times have changed: a touched or rewritten request is none", async () => {
      ask("yak");
      expect(await look()).toBe(false);
      expect(await look()).toBe(true);
      const records = join(place.prefix, "share/openclaw-skill-deps/freshness");
      for (const record of readdirSync(records))
        for (const list of ["seen", "all"]) rmSync(join(records, record, list), { force: true });
      writeFileSync(at("yak"), "some text");
      utimesSync(requests(), 1, 1);
      expect(await look()).toBe(true);
      ask("zog");
      expect(await look()).toBe(false);
    });
  });
}

describe("a request that waits", () => {
  test("starts Node again, without a failure", async () => {
    const names = ["t1", "t2", "t3", "t4", "t5", "t6"];
    for (const name of names) offer(name);
    ask(...names);
    expect(await start()).toMatchObject({ status: 0, alone: false });
    expect(await start()).toMatchObject({ status: 0, alone: false });
    expect(answer("t6")).toMatch(/^granted/);
    expect(await start()).toMatchObject({ status: 0, alone: true });
  });
});

describe("watch", () => {
  let watchers: Watchers;
  beforeEach(() => {
    watchers = openWatchers(place);
  });
  afterEach(() => watchers.end());

  test("grants what comes, in one line, and looks on without another run", async () => {
    const watcher = watchers.start(["watch", "--interval", "1", "--requests", requests()]);
    await watcher.says("nothing to do");
    ask("yak", "zgo");
    await watcher.says("requests: yak granted, zgo refused");
    const looks = new Set<string>();
    while (looks.size < 4) {
      looks.add(watchers.beats().join());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(watcher.said().match(/^watch: .*$/gm)).toEqual([
      expect.stringMatching(
        /: 1 installed \(yak 1\.0\.0\); 2 in .*; requests: yak granted, zgo refused$/,
      ),
    ]);
  });

  test("what waits for a limit is tried again without a line", async () => {
    const names = Array.from({ length: 11 }, (_, i) => `t${String(i).padStart(2, "0")}`);
    for (const name of names) offer(name);
    const node = join(place.dir, "node");
    const starts = join(place.dir, "starts");
    const script = `#!/bin/sh\necho start >>${starts}\nexec ${process.execPath} "$@"\n`;
    writeFileSync(node, script, { mode: 0o755 });
    ask(...names);
    const words = ["watch", "--interval", "1", "--requests", requests()];
    const watcher = watchers.start(words, ["sh"], { OPENCLAW_SKILL_DEPS_NODE: node });
    await watcher.says(/^watch: the last run left something for later: 5 installed.*$/m);
    expect(answer("t10")).toMatch(/^waiting: at most 10 tools in an hour/);
    const said = watcher.said();
    const count = () => readFileSync(starts, "utf8").length;
    const before = count();
    while (count() === before) await new Promise((resolve) => setTimeout(resolve, 100));
    while (!watchers.beats().join().includes("idle"))
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(watcher.said()).toBe(said);
  });
});

describe("the directory", () => {
  test("does not exist: nothing is asked, and one that comes is seen", async () => {
    rmSync(requests(), { recursive: true });
    const first = await start();
    expect([first.status, first.stderr]).toEqual([
      0,
      expect.stringContaining(`${requests()} does not exist, so no agent can ask for anything`),
    ]);
    expect(first.stderr).not.toContain("E_REQUESTS");
    expect(existsSync(requests())).toBe(false);
    expect((await start()).alone).toBe(true);
    mkdirSync(requests());
    ask("yak");
    expect((await start()).alone).toBe(false);
    expect(answer("yak")).toMatch(/^granted/);
  });

  test.each([
    ["a file", () => writeFileSync(requests(), "")],
    ["a pipe", () => execFileSync("mkfifo", [requests()])],
    [
      "a link to another directory, which stays as it is",
      () => {
        mkdirSync(join(place.dir, "theirs"));
        writeFileSync(join(place.dir, "theirs/yak"), "");
        symlinkSync(join(place.dir, "theirs"), requests());
      },
    ],
  ])("is %s: one warning, nothing granted", async (_, make) => {
    rmSync(requests(), { recursive: true });
    make();
    const { status, stderr } = await run();
    expect(status).toBe(0);
    expect(stderr.match(/warning: cannot read the requests in .*\[E_REQUESTS\]/g)).toHaveLength(1);
    expect(requested()).toEqual([]);
    const theirs = join(place.dir, "theirs");
    expect(existsSync(theirs) ? readdirSync(theirs) : ["yak"]).toEqual(["yak"]);
    rmSync(requests());
    rmSync(theirs, { recursive: true, force: true });
    mkdirSync(requests());
  });

  test.skipIf(process.getuid?.() !== 0)(
    "cannot be written to: granted without an answer, one warning",
    async () => {
      ask("yak", "zog", "zgo");
      const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
      const command = [process.execPath, bundle, "--requests", requests()];
      const { status, stderr } = await started(
        ["unshare", "--mount", "sh", "-c", script, requests(), ...command],
        {
          env: place.env,
          cwd: place.home,
        },
      );
      expect(status).toBe(0);
      expect(stderr.match(/cannot write the answers in .* for .*\[E_REQUESTS\]/g)).toHaveLength(1);
      expect(requested()).toEqual(["yak", "zog"]);
      expect(readdirSync(requests()).sort()).toEqual(["yak", "zgo", "zog"]);
    },
  );

  test("holds 100,000 names: the tools of the catalogue among the first are answered, with one warning", async () => {
    for (let i = 0; i < 100_000; i += 1) writeFileSync(at(`name-${i}`), "");
    const { status, stderr } = await run();
    expect(status).toBe(0);
    expect(stderr.match(/holds more than 64 requests.*\[E_REQUESTS\]/g)).toHaveLength(1);
    const answers = readdirSync(requests()).filter((name) => name.endsWith(".answer"));
    expect(answers).toHaveLength(64);
    expect(tools()).toEqual(["owl"]);
  });
});

describe("hostile entries", () => {
  const theirs = (): string => join(place.dir, "theirs");
  beforeEach(() => writeFileSync(theirs(), "theirs\n"));
  afterEach(() => rmSync(theirs(), { force: true }));

  test.each<[string, (path: string) => unknown, string]>([
    ["a link to a file", (path) => symlinkSync(theirs(), path), "a link"],
    ["a link to nothing", (path) => symlinkSync("nowhere", path), "a link"],
    ["a link to itself", (path) => symlinkSync(path, path), "a link"],
    ["a directory", (path) => mkdirSync(path), "a directory"],
    ["a pipe", (path) => execFileSync("mkfifo", [path]), "a pipe"],
    [
      "a socket",
      async (path) => {
        const server = createServer();
        await new Promise<void>((done) => server.listen(path, done));
        renameSync(path, `${path}.kept`);
        await new Promise((done) => server.close(done));
        renameSync(`${path}.kept`, path);
      },
      "a pipe, a socket or a device",
    ],
  ])("%s in place of a request is refused", async (_, make, kind) => {
    await make(at("yak"));
    const { status } = await run();
    expect([status, answer("yak")]).toEqual([0, expect.stringMatching(`^refused: it is ${kind}`)]);
    expect(requested()).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("a device in place of a request is refused", async () => {
    execFileSync("mknod", [at("yak"), "c", "1", "3"]);
    await run();
    expect(answer("yak")).toMatch(/^refused: it is a pipe, a socket or a device/);
  });

  test.each<[string, (path: string) => unknown]>([
    ["a link to somebody's file", (path) => symlinkSync(theirs(), path)],
    ["a hard link to it", (path) => linkSync(theirs(), path)],
    ["a link to nothing", (path) => symlinkSync(join(place.dir, "new"), path)],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ["a text", (path) => writeFileSync(path, "granted: everything\n")],
    ["a large file", (path) => writeFileSync(path, Buffer.alloc(1 << 20))],
  ])("%s in place of an answer is replaced, not followed", async (_, make) => {
    ask("yak");
    make(at("yak.answer"));
    const { status } = await run();
    expect([status, answer("yak")]).toEqual([0, expect.stringMatching(/^granted: yak/)]);
    expect(lstatSync(at("yak.answer")).isFile()).toBe(true);
    expect(readFileSync(theirs(), "utf8")).toBe("theirs\n");
    expect(existsSync(join(place.dir, "new"))).toBe(false);
    expect(readdirSync(requests()).sort()).toEqual(["yak", "yak.answer"]);
  });

  test("a directory in place of an answer: granted, one warning, nothing is left", async () => {
    ask("yak");
    mkdirSync(at("yak.answer"));
    const { status, stderr } = await run();
    expect([status, stderr]).toEqual([0, expect.stringMatching(/cannot write the answers.*yak/)]);
    expect(requested()).toEqual(["yak"]);
    expect(readdirSync(requests()).sort()).toEqual(["yak", "yak.answer"]);
  });

  test.each<[string, () => unknown]>([
    ["255 bytes", () => ask("y".repeat(255))],
    ["line breaks", () => ask("yak\nzog", "\n")],
    ["spaces, quotes and a substitution", () => ask("yak zog", "'yak'", "$(yak)", "`yak`")],
    ["a version, an option, hidden", () => ask("yak@2.0.0", "--force-reinstall", ".yak")],
    ["the end of answers", () => ask("yak.answer", "zog.answer.answer")],
    [
      "not UTF-8",
      () => spawnSync("sh", ["-c", 'cd "$0" && : >"$(printf "yak\\377")"', requests()]),
    ],
    ["the command itself", () => ask("openclaw-install-skill-deps")],
  ])("names with %s install nothing", async (_, make) => {
    make();
    const { status } = await start();
    expect(status).toBe(0);
    expect([tools(), requested()]).toEqual([["owl"], []]);
    expect((await start()).alone).toBe(true);
  });

  test("what is in a request is never read", async () => {
    ask("yak");
    truncateSync(at("yak"), 2 ** 42);
    chmodSync(at("yak"), 0);
    expect((await start()).status).toBe(0);
    expect(answer("yak")).toMatch(/^granted/);
    expect((await start()).alone).toBe(true);
  });
});

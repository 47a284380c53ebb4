/** `watch` and --watch: the sh script looks again and again, and asks Node only when something changed. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasShell, shells } from "../entrypoint/place.ts";
import { archive, program } from "../support/archives.ts";
import { commandName } from "../support/own-command.ts";
import { copyAs, replacing } from "../support/package.ts";
import { started } from "../support/started.ts";
import { openWatchers, type Watcher, type Watchers } from "../support/watchers.ts";
import { entrypoint, openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let watchers: Watchers;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("notes", {});
  mkdirSync(place.prefix);
  watchers = openWatchers(place);
});
afterEach(async () => {
  await watchers.end();
  await place.close();
});

const pinned = (name: string, file = `${name}.tar.gz`, options: object = {}) =>
  place.serve(file, archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) }), options);

function offer(name: string, options: object = {}): void {
  const source = pinned(name, `${name}.tar.gz`, options);
  place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
}

const watch = (...given: Parameters<Watchers["start"]>): Watcher => watchers.start(...given);
const health = async (...words: string[]): Promise<number> => (await watchers.health(words)).status;

for (const [name, ...shell] of shells) {
  describe.skipIf(!hasShell([name, ...shell]))(`watch, ${name}`, () => {
    test("installs what a new skill needs, and ends on SIGTERM without leaving anything", async () => {
      for (const tool of ["zog", "yak"]) offer(tool);
      place.skill("first", { bins: ["zog"] });
      const watcher = watch(["watch", "--interval", "1"], shell);
      await watcher.says("1 installed");
      place.skill("second", { bins: ["yak"] });
      await watcher.says(
        /watch: a skill was added, changed or removed since the last run: 1 installed \(yak 1\.0\.0\); 2 in/,
      );
      while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
      expect(Object.keys(place.manifest().tools).sort()).toEqual(["yak", "zog"]);
      expect(await watcher.end()).toBe(143);
      expect(watchers.healthFiles()).toEqual([]);
      expect(await health()).toBe(5);
    });
  });
}

test("a named directory without a skill is no failure: the first one may come, the last one may go", async () => {
  offer("zog");
  const skills = join(place.dir, "none yet");
  mkdirSync(skills);
  const watcher = watch(["watch", "--interval", "1", "--skills-dir", skills]);
  await watcher.says(/warning: no skill \(SKILL\.md\) in .*none yet \[E_NO_SKILLS\]/);
  const one = join(skills, "one");
  place.skill("first", { bins: ["zog"] });
  cpSync(join(place.skills, "first"), one, { recursive: true });
  await watcher.says("1 installed (zog 1.0.0)");
  const from = watcher.said().length;
  rmSync(one, { recursive: true });
  await watcher.says("E_NO_SKILLS", from);
  while ((await health("--strict")) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(watcher.said()).not.toContain("error");
  expect(await watcher.end()).toBe(143);
});

test("login shells are told of where something was installed, not at each start", async () => {
  offer("zog");
  place.skill("first", { bins: ["zog"] });
  const config = join(place.dir, "openclaw.json");
  for (const [words, ...command] of [
    [["watch", "--interval", "1"]],
    [["--watch", "--interval", "1"], "--", "sleep", "60"],
  ] as const) {
    rmSync(place.prefix, { recursive: true });
    mkdirSync(place.prefix);
    for (const start of ["first", "second"]) {
      writeFileSync(config, `{ meta: { start: "${start}${words[0]}" } }`); // as a gateway does
      const more = { OPENCLAW_CONFIG_PATH: config };
      const watcher = watch([...words, ...command], ["sh"], more);
      await watcher.says(start === "first" ? /1 installed; 1 in/ : /nothing to do; 1 in/);
      expect([start, watcher.said().includes("login shells")]).toEqual([start, start === "first"]);
      await watcher.end();
    }
  }
});

describe("what failed", () => {
  const isRoot = process.getuid?.() === 0;
  test.skipIf(!isRoot).each([
    ["watch", ["watch", "--interval", "1"], []],
    ["--watch -- CMD", ["--watch", "--interval", "1"], ["--", "sleep", "60"]],
  ])(
    "on a read-only volume is said once by %s, until another host fills it",
    async (_, words, command) => {
      for (const tool of ["zog", "yak"]) offer(tool);
      await place.run("yak");
      place.skill("first", { bins: ["zog", "nope"] });
      const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
      const readOnly = ["unshare", "--mount", "sh", "-c", script, place.prefix, "sh", entrypoint];
      const watcher = watch([...readOnly, ...words, "--no-notify", ...command], []);
      await watcher.says("failed: zog; unmet: nope");
      // Tried again at once where something may have changed during the first run, and 4 to 5 s later.
      await new Promise((resolve) => setTimeout(resolve, 8000));
      for (const code of ["E_VOLUME_READ_ONLY", "E_NO_RECIPE", "failed: zog"])
        expect(watcher.said().split(code).length - 1).toBe(1);
      const from = watcher.said().length;
      await place.run();
      await watcher.says(/watch: .*unmet: nope/, from);
    },
  );

  test("is tried again by itself, and at once when its input changes", async () => {
    offer("zog", { fault: "status", status: 403 });
    place.skill("first", { bins: ["zog"] });
    const watcher = watch(["watch", "--interval", "1"]);
    await watcher.says("0 of 1 installed");
    while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await health("--strict")).toBe(5);
    await watcher.says("watch: trying again what failed");
    const from = watcher.said().length;
    await watcher.says("0 of 1 installed", from); // from now on it waits for 8 s at least
    place.recipe("zog", {
      artifacts: {
        "linux-x64": pinned("zog", "other.tar.gz"),
        "linux-arm64": pinned("zog", "other.tar.gz"),
      },
    });
    await watcher.says("watch: recipes have changed since the last run: 1 installed", from);
    expect(await watcher.end()).toBe(143);
  });
});

describe("a run that leaves no record", () => {
  test("what changes after it is seen at once, not only when it is tried again", async () => {
    for (const tool of ["zog", "yak"]) offer(tool);
    place.skill("first", { bins: ["zog"] });
    const [node, fault] = [join(place.dir, "node"), join(place.dir, "fault")];
    const script = `#!/bin/sh\n[ ! -e ${fault} ] || kill -9 $$\nexec ${process.execPath} "$@"\n`;
    writeFileSync(node, script, { mode: 0o755 });
    const watcher = watch(["watch", "--interval", "1"], ["sh"], { OPENCLAW_SKILL_DEPS_NODE: node });
    await watcher.says("1 installed");
    while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    writeFileSync(fault, "");
    rmSync(join(place.prefix, "bin/zog"));
    await watcher.says("E_KILLED");
    const from = watcher.said().length;
    await watcher.says("E_KILLED", from); // from now on it waits for 8 s at least
    rmSync(fault);
    place.skill("second", { bins: ["yak"] });
    await watcher.says(/^watch: .*: 1 installed \(yak 1\.0\.0\)/m, from);
    expect(watcher.said().slice(from)).not.toContain("trying again");
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(true);
    expect(await watcher.end()).toBe(143);
  });
});

describe("Node", () => {
  test("is not asked again after a run that made OpenClaw's directory of skills", async () => {
    offer("zog");
    place.skill("first", { bins: ["zog"] });
    mkdirSync(join(place.home, ".openclaw"));
    const [node, starts] = [join(place.dir, "node"), join(place.dir, "starts")];
    const script = `#!/bin/sh\necho start >>${starts}\nexec ${process.execPath} "$@"\n`;
    writeFileSync(node, script, { mode: 0o755 });
    const more = { OPENCLAW_SKILL_DEPS_NODE: node };
    const watcher = watch(["watch", "--interval", "1", "-v"], ["sh"], more);
    await watcher.says("SKILL.md: written, for running sessions");
    await watcher.says("1 installed");
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(readFileSync(starts, "utf8")).toBe("start\n");
    expect(await watcher.end()).toBe(143);
  });

  test("is not asked while nothing changes; SIGHUP asks it at once", async () => {
    offer("zog");
    place.skill("first", { bins: ["zog"] });
    await place.start({}, "-q");
    const watcher = watch(["watch", "--interval", "1", "-v"]);
    await watcher.says("nothing to do; programs present: 1");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(watcher.said()).not.toMatch(/asking Node|watch:/);
    watcher.child.kill("SIGHUP");
    await watcher.says("watch: SIGHUP was received: nothing to do");
    const said = watcher.said();
    mkdirSync(join(place.skills, ".openclaw-install-stage-x"));
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(watcher.said()).toBe(said);
    expect(await watcher.end()).toBe(143);
  });
});

describe("--json=events", () => {
  test("a line of JSON for each event, and one for the change; nothing again while nothing changes", async () => {
    for (const tool of ["zog", "yak"]) offer(tool);
    place.skill("first", { bins: ["zog"] });
    const watcher = watch(["watch", "--interval", "1", "--json=events"]);
    await watcher.says('"type":"installed","tool":"zog"');
    while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const from = watcher.said().length;
    place.skill("second", { bins: ["yak"] });
    await watcher.says('"type":"change"', from);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const lines = watcher.said().slice(from).split("\n");
    const events = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === "change")).toEqual([
      {
        type: "change",
        reason: "a skill was added, changed or removed since the last run",
        result: expect.stringMatching(/^1 installed \(yak 1\.0\.0\); 2 in /),
        exitStatus: 0,
      },
    ]);
  });
});

describe("the volume's command is replaced, and the tree of the former version removed", () => {
  const command = (): string => join(place.prefix, "bin", commandName);

  async function update(version: string): Promise<void> {
    const newer = copyAs(join(place.dir, version), version);
    const words = [join(newer, "entrypoint", commandName)] as const;
    await started(words, { env: { ...place.env, OPENCLAW_SKILL_DEPS_NODE: process.execPath } });
  }

  test.each([
    ["watch", ["watch", "--interval", "1"]],
    ["--watch -- CMD", ["--watch", "--interval", "1", "--", "sleep", "60"]],
    ["--no-wait -- CMD", ["--watch", "--no-wait", "--interval", "1", "--", "sleep", "60"]],
  ])("%s goes on as the newer one", async (_, words) => {
    for (const tool of ["zog", "yak"]) offer(tool);
    await place.run();
    const old = dirname(dirname(realpathSync(command())));
    const watcher = watch([command(), ...words], []);
    await watcher.says("nothing to do");
    while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const files = watchers.healthFiles();
    await update("99.1.0");
    rmSync(old, { recursive: true });
    await watcher.says("another version of this command has replaced this one");
    place.skill("first", { bins: ["zog"] });
    await watcher.says(/zog 1\.0\.0(\)|: installed)/);
    while ((await health("--strict")) !== 0)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(watchers.healthFiles()).toEqual(files);
    await watcher.end();
    while ((await health()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  });

  test.each([
    ["watch", ["watch", "--interval", "1"]],
    ["--watch -- CMD", ["--watch", "--interval", "1", "--", "sleep", "60"]],
  ])("%s runs nothing of one that replaces the package while Node is at work", async (_, words) => {
    const own = copyAs(join(place.dir, "own"), undefined);
    const newer = copyAs(join(place.dir, "newer"), undefined);
    const script = join(own, "entrypoint", commandName);
    // What the scripts of a build set for each other is theirs alone.
    for (const name of ["start-node.sh", "compare-contents.sh", "watch.sh"]) {
      const path = join(newer, "entrypoint", name);
      writeFileSync(path, `: "\${of_newer:?}"\n${readFileSync(path, "utf8")}`);
    }
    const main = join(newer, "entrypoint", commandName);
    writeFileSync(
      main,
      readFileSync(main, "utf8").replace("\nset -u\n", "\nset -u\nof_newer=yes\n"),
    );
    const bytes = archive("tar.gz", { "bin/zog": replacing(own, newer) });
    const source = place.serve("zog.tar.gz", bytes);
    place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
    place.skill("first", { bins: ["zog"] });

    const watcher = watch([script, ...words], []);
    await watcher.says("another version of this command has replaced this one");
    offer("yak");
    place.skill("second", { bins: ["yak"] });
    await watcher.says(/yak 1\.0\.0(\)|: installed)/);
    while ((await health("--strict")) !== 0)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(watcher.said()).not.toMatch(/of_newer|error:|PACKAGE_DAMAGED/);
    await watcher.end();
  });

  test("where there is none, it says so once, and goes on when it is there again", async () => {
    offer("zog");
    await place.run();
    const tree = dirname(dirname(realpathSync(command())));
    const watcher = watch([command(), "watch", "--interval", "1"], []);
    await watcher.says("nothing to do");
    renameSync(tree, join(place.dir, "tree"));
    await watcher.says(/warning: .* is gone; .*\[E_PACKAGE_DAMAGED\]/);
    expect(await health("--strict")).toBe(5);
    watcher.child.kill("SIGHUP");
    const began = readFileSync(`/proc/${watcher.child.pid}/stat`, "utf8").split(" ");
    place.skill("first", { bins: ["zog"] });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const ended = readFileSync(`/proc/${watcher.child.pid}/stat`, "utf8").split(" ");
    // Ticks of a hundredth of a second in user mode.
    expect(Number(ended[13]) - Number(began[13])).toBeLessThan(50);
    expect(watcher.said().match(/is gone/g)).toHaveLength(1);
    renameSync(join(place.dir, "tree"), tree);
    await watcher.says("1 installed (zog 1.0.0)");
    expect(await watcher.end()).toBe(143);
  });
});

test("it ends when the terminal is closed in which it was started", async () => {
  const command = `exec sh ${entrypoint} watch --interval 1`;
  const terminal = watch(["script", "-qfec", command, "/dev/null"], []);
  await terminal.says("nothing to do");
  expect(watchers.healthFiles()).toHaveLength(1);
  await terminal.end("SIGKILL");
  await expect.poll(() => watchers.healthFiles(), { timeout: 20_000 }).toEqual([]);
});

// As systemd does it with ProcSubset=pid.
const hidden = "mount --bind /dev/null /proc/uptime && exec sh $0 $@";
const [unshare, ...hiding] = ["unshare", "--mount", "sh", "-c", hidden] as const;

test.skipIf(spawnSync(unshare, [...hiding, "-c", "true"]).status !== 0)(
  "without /proc/uptime it watches, and health is told",
  async () => {
    offer("zog");
    const watcher = watch(["watch", "--interval", "1"], [unshare, ...hiding]);
    await watcher.says("nothing to do");
    place.skill("first", { bins: ["zog"] });
    await watcher.says("1 installed (zog 1.0.0)");
    let answer = await watchers.health([], [unshare, ...hiding]);
    while (answer.status !== 0) answer = await watchers.health([], [unshare, ...hiding]);
    expect(answer.stderr).toMatch(/the last look was \d s ago, the last run was good/);
    expect(await watcher.end()).toBe(143);
  },
);

describe("a skill that comes in pieces", () => {
  test("is read once nothing moves any more", async () => {
    offer("zog");
    const watcher = watch(["watch", "--interval", "1"]);
    await watcher.says("nothing to do");
    const file = join(place.skills, "late", "SKILL.md");
    mkdirSync(join(place.skills, "late"));
    appendFileSync(file, "---\nname: late\n");
    for (const part of [
      "description: Late.\n",
      'metadata: {"openclaw":{"requires":',
      '{"bins":["zog"]}}}\n',
      "---\n",
    ]) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      appendFileSync(file, part);
    }
    await watcher.says("1 installed");
    expect(watcher.said()).not.toContain("is not read");
  });
});

describe("--watch -- CMD", () => {
  test("CMD has the first run's programs; what comes later is installed beside it; its status is its own", async () => {
    for (const tool of ["zog", "yak"]) offer(tool);
    place.skill("first", { bins: ["zog"] });
    const script = "zog; until yak 2>/dev/null; do sleep 0.1; done; exit 7";
    const watcher = watch(["--watch", "--interval", "1", "--", "sh", "-c", script]);
    await watcher.says(/^zog 1\.0\.0$/m);
    place.skill("second", { bins: ["yak"] });
    const [code] = await once(watcher.child, "exit");
    expect(code).toBe(7);
    expect(watcher.said()).toMatch(/^yak 1\.0\.0$/m);
    // A run that was at work is finished.
    while ((await health()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  });

  test("the watcher ends with CMD, whom signals reach", async () => {
    const watcher = watch(["--watch", "--interval", "1", "--no-wait", "--", "sleep", "60"]);
    await watcher.says("nothing to do");
    while ((await health()) !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await watcher.end()).toBe("SIGTERM");
    while ((await health()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await health()).toBe(5);
  });
});

describe("usage", () => {
  test.each([
    [["watch", "--interval", "0"], "--interval 0"],
    [["watch", "--interval"], "--interval"],
    [["watch", "--interval="], "--interval 0"],
    [["--interval", "3"], "--interval needs watch"],
    [["-q", "--interval=x", "--", "true"], "--interval needs watch"],
    [["--interval", "3", "watch"], "--interval needs watch as the first word"],
    [["watch", "-f"], "--force-reinstall"],
    [["watch", "--dry-run"], "--dry-run"],
    [["watch", "--json"], "--json=events"],
    [["watch", "--unheard-of"], "--unheard-of"],
  ])("%j is refused with status 2", async (words, named) => {
    const watcher = watch(words);
    const [code] = await once(watcher.child, "exit");
    expect([code, watcher.said()]).toEqual([2, expect.stringContaining(named)]);
    expect(watcher.said()).toContain("[E_USAGE]");
  });

  test("watch --help is help", async () => {
    const watcher = watch(["watch", "--help"]);
    const [code] = await once(watcher.child, "exit");
    expect([code, watcher.said()]).toEqual([0, expect.stringContaining("SIGHUP")]);
  });
});

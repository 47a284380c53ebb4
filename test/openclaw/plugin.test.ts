/**
 * The real OpenClaw with our plugin: a stock gateway whose PATH lacks the volume, with nothing but the volume
 * and what `config plugin` prints in its openclaw.json.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { commandName } from "../support/own-command.ts";
import { processesWith } from "../support/processes.ts";
import { type Gateway, openGateway } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;

interface Skill {
  readonly name: string;
  readonly eligible: boolean;
}

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "the plugin", () => {
  beforeEach(async () => {
    gateway = await openGateway();
    for (const name of ["gog", "owl"]) {
      const bytes = archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) });
      const source = gateway.place.serve(`${name}.tar.gz`, bytes);
      gateway.place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
    }
    await gateway.provide();
  });
  afterEach(() => gateway.close());

  /** The lines that the volume's command prints, with these settings. */
  async function configure(settings?: object): Promise<void> {
    const { stdout } = await gateway.provide("config", "plugin", "--json");
    const { plugins } = JSON.parse(stdout).openclaw;
    if (settings) plugins.entries["skill-deps"].config = settings;
    gateway.configure({ sandbox: { mode: "off" }, plugins });
  }

  async function call(method: string, params: object = {}): Promise<unknown> {
    const words = ["gateway", "call", method, "--params", JSON.stringify(params), "--json"];
    const { stdout, stderr } = await gateway.openclaw(words);
    return JSON.parse(stdout || `{"none":${JSON.stringify(stderr)}}`);
  }

  /** As the Control UI shows it. */
  async function stateOfPlugin(): Promise<unknown> {
    const { plugins } = (await call("plugins.list")) as {
      plugins: { id: string; runtime: object }[];
    };
    return plugins.find(({ id }) => id === "skill-deps")?.runtime;
  }

  async function isEligible(name: string): Promise<boolean> {
    const { skills = [] } = (await call("skills.status")) as { skills?: Skill[] };
    return skills.some((skill) => skill.name === name && skill.eligible);
  }

  const ofVolume = () => processesWith(gateway.volume);
  const watchers = (): number[] =>
    ofVolume().flatMap(({ pid, words, leads }) => (leads && words.includes("watch") ? [pid] : []));

  async function until(what: () => unknown, why = () => gateway.log()): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if (await what()) return;
      await sleep(200);
    }
    throw new Error(`it did not come to this: ${what}\n${why().slice(-4000)}`);
  }

  /** Which of the two skills a session's next turn has. */
  async function offeredIn(session: string): Promise<string[]> {
    const { text } = await gateway.turn("echo done", { session });
    expect(text).toBe("done");
    return gateway.offered().filter((name) => ["mail", "night"].includes(name));
  }

  test("a skill that was there, and one that is installed meanwhile: the next turn has them; nothing is left", async () => {
    await configure();
    gateway.skill("mail", ["gog"]);
    await gateway.start();
    await until(() => isEligible("mail"));
    expect(watchers()).toHaveLength(1);
    expect(await stateOfPlugin()).toEqual({ state: "active" });
    expect(await offeredIn("old")).toEqual(["mail"]);

    const source = join(gateway.place.dir, "night");
    mkdirSync(source);
    const metadata = JSON.stringify({ openclaw: { requires: { bins: ["owl"] } } });
    writeFileSync(
      join(source, "SKILL.md"),
      `---\nname: night\ndescription: The night skill.\nmetadata: ${metadata}\n---\n\n# night\n`,
    );
    const installed = await gateway.openclaw(["skills", "install", source]);
    expect(installed.exitCode, installed.stderr).toBe(0);
    await until(() => existsSync(join(gateway.volume, "bin/owl")));
    await until(() => isEligible("night"));
    expect(await offeredIn("old")).toEqual(["mail", "night"]);
    expect(await offeredIn("new")).toEqual(["mail", "night"]);
    const [skill = 0, there = 0, told = 0] = [
      join(gateway.workspace, "skills/night/SKILL.md"),
      join(gateway.volume, "bin/owl"),
      join(gateway.place.home, ".openclaw/skills/skill-deps-status/SKILL.md"),
    ].map((path) => lstatSync(path).ctimeMs);
    process.stdout.write(
      `  skill written 0 ms, program there ${Math.round(there - skill)} ms, sessions told ${Math.round(told - skill)} ms\n`,
    );
    await until(() => /skill-deps: watch: .*1 installed \(owl 1\.0\.0\)/.test(gateway.log()));

    await gateway.stop();
    expect(ofVolume()).toEqual([]);
  });

  test("`openclaw skill-deps` and the RPC say what is there; words, streams and status are ours", async () => {
    gateway.skill("odd", ["no-such-program"]);
    await configure();
    const list = await gateway.openclaw(["skill-deps", "list", "--json"]);
    expect(list.exitCode, list.stderr).toBe(0);
    expect(Object.keys(JSON.parse(list.stdout))).toContain("tools");
    const version = await gateway.openclaw(["skill-deps", "--version"]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await gateway.openclaw(["skill-deps", "list", "--help"]);
    expect(help.stdout).toMatch(/usage: openclaw-install-skill-deps list[\s\S]*--json/);
    const doctor = await gateway.openclaw(["skill-deps", "doctor"]);
    expect([doctor.exitCode, doctor.stdout]).toEqual([4, expect.stringMatching(/no-such-program/)]);
    const wrong = await gateway.openclaw(["skill-deps", "list", "--no-such-option"]);
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringMatching(/no-such-option/)]);

    await gateway.start();
    await until(() => watchers().length === 1);
    expect(await call("skilldeps.status")).toMatchObject({
      prefix: gateway.volume,
      command: join(gateway.volume, "bin", commandName),
      watch: { pid: watchers()[0] },
      doctor: { missing: [{ name: "no-such-program", for: ["odd"] }] },
    });
  });

  test("the watcher is killed, and started again; the gateway is killed, and none is left", async () => {
    await configure();
    await gateway.start();
    await until(() => watchers().length === 1);
    const [pid] = watchers();
    if (pid === undefined) throw new Error("the watcher has ended");
    process.kill(pid, "SIGKILL");
    await until(() => watchers().length === 1 && watchers()[0] !== pid);
    // The gateway writes its log a moment later.
    await until(() =>
      /skill-deps: watch ended \(signal SIGKILL\); trying again/.test(gateway.log()),
    );
    await gateway.stop("SIGKILL");
    await until(() => ofVolume().length === 0);
    expect(watchers()).toEqual([]);
  });

  test.each([
    [{ options: ["--no-such-option"] }, /skill-deps: watch ended \(status 2\)/],
    [{ command: "/nonexistent" }, /skill-deps: there is no \/nonexistent/],
    [{ prefix: 1, options: "--all", x: {} }, /skill-deps: .*prefix is not text.*; not started/],
  ])("%j is a line of the log; the gateway works", async (settings, line) => {
    await configure(settings);
    await gateway.start();
    await until(() => line.test(gateway.log()));
    expect(await call("skilldeps.status")).not.toHaveProperty("doctor");
    expect(await stateOfPlugin()).toMatchObject({ state: "service-failed" });
    await gateway.stop();
    expect(ofVolume()).toEqual([]);
  });

  test.each(["a copy", "a link"])("`openclaw plugins install`, as %s", async (how) => {
    gateway.configure({ sandbox: { mode: "off" } });
    const path = join(gateway.volume, "share/openclaw-skill-deps/plugin");
    const copy = join(gateway.place.dir, "copy");
    cpSync(path, copy, { recursive: true, dereference: true });
    const words = how === "a copy" ? [copy] : ["--link", path];
    const agreed = ["--force", "--accept-capabilities"];
    const added = await gateway.openclaw(["plugins", "install", ...words, ...agreed]);
    expect(added.exitCode, added.stdout + added.stderr).toBe(0);
    if (how === "a copy") {
      const setting = "plugins.entries.skill-deps.config.prefix";
      const set = await gateway.openclaw(["config", "set", setting, gateway.volume]);
      expect(set.exitCode, set.stderr).toBe(0);
    }
    const list = await gateway.openclaw(["skill-deps", "list"]);
    expect([list.exitCode, list.stdout], list.stderr).toEqual([
      0,
      expect.stringContaining(commandName),
    ]);
    await gateway.start();
    await until(() => watchers().length === 1);
    await gateway.stop();
    expect(ofVolume()).toEqual([]);
  });
});

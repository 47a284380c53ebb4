/**
 * The built OpenClaw plugin with the volume's command, in this process in place of a gateway. What OpenClaw
 * itself does with it is in test/openclaw/plugin.test.ts.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Service } from "../../src/plugin/openclaw.ts";
import type { Plugin } from "../../src/plugin/plugin.ts";
import { archive, program } from "../support/archives.ts";
import { commandName } from "../support/own-command.ts";
import { copyAs } from "../support/package.ts";
import { processesWith, readOrNothing } from "../support/processes.ts";
import { started } from "../support/started.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";

interface Gateway {
  readonly said: string[];
  readonly service: Service;
  /** Failures that were reported and not cleared. */
  readonly failure: () => string | undefined;
  readonly start: () => void;
  /** Calls `skilldeps.status`. */
  readonly status: () => Promise<{ ok: boolean; payload: unknown; error: unknown }>;
}

let place: Workplace;
let former: NodeJS.ProcessEnv;
const services: Service[] = [];
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("notes", {});
  mkdirSync(place.prefix);
  mkdirSync(join(place.dir, "run"), { mode: 0o700 });
  await place.run();
  former = process.env;
  const { OPENCLAW_SKILL_PREFIX: _, ...env } = place.env;
  process.env = { ...env, XDG_RUNTIME_DIR: join(place.dir, "run") };
  process.env.OPENCLAW_SKILL_DEPS_NODE = process.execPath;
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  process.env = former;
  await place.close();
});

/** Loads the built module, as OpenClaw does; `copy`: as after a reload. */
async function load(copy = ""): Promise<Plugin> {
  const { default: plugin } = await import(`${join(repository, "dist/plugin/index.js")}?${copy}`);
  return plugin;
}

const linked = (): string => realpathSync(join(place.prefix, "share/openclaw-skill-deps/plugin"));

/** Registers the plugin with what a gateway gives it. */
async function register(config: unknown = fast, plugin?: Plugin): Promise<Gateway> {
  const said: string[] = [];
  const at = (level: string) => (text: string) => {
    said.push(`${level} ${text}`);
  };
  const logger = { info: at("info"), warn: at("warn"), error: at("error") };
  const methods = new Map<string, (request: { respond: unknown }) => Promise<void>>();
  let failure: string | undefined;
  let service: Service | undefined;
  (plugin ?? (await load())).register({
    rootDir: linked(),
    registrationMode: "full",
    pluginConfig: config,
    logger,
    registerService: (given) => {
      service = given;
    },
    registerCli: () => {},
    registerGatewayMethod: (name, handler) => {
      methods.set(name, handler as never);
    },
  });
  if (!service) throw new Error(`no service: ${said.join("\n")}`);
  services.push(service);
  const serviceHealth = {
    reportFailure: (error: unknown) => {
      failure = error instanceof Error ? error.message : `${error}`;
    },
    clearFailure: () => {
      failure = undefined;
    },
  };
  return {
    ...{ said, service, failure: () => failure },
    start: () => service?.start({ logger, serviceHealth }),
    status: () =>
      new Promise((resolve) => {
        const respond = (ok: boolean, payload: unknown, error: unknown) =>
          resolve({ ok, payload, error });
        void methods.get("skilldeps.status")?.({ respond });
      }),
  };
}

const fast = { options: ["--ignore-system", "--interval", "1"] };

const watching = () => processesWith(place.prefix).filter(({ words }) => words.includes("watch"));
const watchers = (): number[] => watching().map(({ pid }) => pid);
/** The watcher itself, without the shells that it starts. */
const leaders = (): number[] => watching().flatMap(({ pid, leads }) => (leads ? [pid] : []));

async function until(what: () => unknown, why: () => string = () => ""): Promise<void> {
  const began = Date.now();
  while (!what()) {
    if (Date.now() - began > 40_000) throw new Error(`it did not come to this: ${what}\n${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const untilSaid = (gateway: Gateway, what: RegExp): Promise<void> =>
  until(
    () => gateway.said.some((line) => what.test(line)),
    () => `${what}: ${gateway.said.join("\n")}`,
  );

function offer(name: string): void {
  const source = place.serve(
    `${name}.tar.gz`,
    archive("tar.gz", { [`bin/${name}`]: program(`${name} 1.0.0`) }),
  );
  place.recipe(name, { artifacts: { "linux-x64": source, "linux-arm64": source } });
}

describe("the service", () => {
  test("has the volume on PATH, watches, and ends all of it", async () => {
    offer("zog");
    const path = process.env.PATH;
    const gateway = await register();
    expect(process.env.PATH).toBe(`${path}:${place.prefix}/bin`); // before the first turn
    gateway.start();
    expect(process.env.PATH).toBe(`${path}:${place.prefix}/bin`);
    await untilSaid(gateway, /nothing to do/);
    place.skill("mail", { bins: ["zog"] });
    await untilSaid(gateway, /^info skill-deps: watch: a skill (is new|was added)/);
    await untilSaid(gateway, /^info skill-deps: .*1 installed/);
    expect(place.manifest().tools).toHaveProperty("zog");
    await Promise.all([gateway.service.stop(), gateway.service.stop()]);
    expect(watchers()).toEqual([]);
    expect(process.env.PATH).toBe(path);
    expect(gateway.said.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("stop before the watcher has started, and start again", async () => {
    const gateway = await register();
    gateway.start();
    await gateway.service.stop();
    expect(watchers()).toEqual([]);
    gateway.start();
    gateway.start();
    await until(() => leaders().length === 1);
    await gateway.service.stop();
    expect(watchers()).toEqual([]);
  });

  test("several registrations, also of other copies of the module: one watcher, the last", async () => {
    const path = process.env.PATH;
    const first = await register();
    const second = await register(fast, await load("second"));
    first.start();
    await until(() => leaders().length === 1);
    const [pid] = leaders();
    second.start();
    await untilSaid(second, /nothing to do/); // before it, a look at the processes may find its start
    await until(() => leaders().length === 1 && leaders()[0] !== pid);
    const [next = 0] = leaders();
    await first.service.stop();
    await until(() => leaders().includes(next)); // it may just become the command
    expect(next).not.toBe(pid);
    expect(process.env.PATH).toContain(`${place.prefix}/bin`);
    await second.service.stop();
    expect(watchers()).toEqual([]);
    expect(process.env.PATH).toBe(path);
  });

  test("what is killed is started again, and its failure is told until it looks again", async () => {
    const gateway = await register();
    gateway.start();
    await until(() => leaders().length === 1);
    const [pid] = leaders();
    if (pid === undefined) throw new Error("the watcher has ended");
    process.kill(pid, "SIGKILL");
    await untilSaid(
      gateway,
      /^warn skill-deps: watch ended \(signal SIGKILL\); trying again in 1 s/,
    );
    expect(gateway.failure()).toMatch(/signal SIGKILL/);
    await until(() => leaders().length === 1 && leaders()[0] !== pid);
    expect(watchers().length).toBeGreaterThan(0);
    await until(() => gateway.failure() === undefined);
  });

  test("a run that fails is reported, until one is good", async () => {
    const bytes = archive("tar.gz", { "bin/zog": program("zog 1.0.0") });
    const wrong = { ...place.serve("zog.tar.gz", bytes), sha256: "0".repeat(64) };
    place.recipe("zog", { artifacts: { "linux-x64": wrong, "linux-arm64": wrong } });
    const gateway = await register();
    place.skill("mail", { bins: ["zog"] });
    gateway.start();
    await until(() => /the last run failed \(status 4\)/.test(gateway.failure() ?? ""));
    offer("zog");
    await until(
      () => gateway.failure() === undefined,
      () => gateway.said.join("\n"),
    );
    expect(place.manifest().tools).toHaveProperty("zog");
  });

  test.each([
    [{ prefix: "relative" }, /prefix is not an absolute path; not started/],
    [{ options: ["--no-such-option"] }, /watch ended \(status 2\)/],
    [{ command: "/nonexistent/command" }, /there is no \/nonexistent\/command; trying again/],
  ])("%j: a line of the log, and health", async (config, line) => {
    const gateway = await register(config);
    gateway.start();
    await untilSaid(gateway, line);
    await until(() => gateway.failure() !== undefined);
    await gateway.service.stop();
    expect(watchers()).toEqual([]);
  });

  test("when a newer command has replaced the volume's, the watcher goes on as that", async () => {
    const gateway = await register();
    gateway.start();
    await until(() => leaders().length === 1);
    const [pid] = leaders();
    const old = join(linked(), "../..");
    const newer = copyAs(join(place.dir, "newer"), "99.1.0");
    const words = [join(newer, "entrypoint", commandName), "--prefix", place.prefix] as const;
    await started(words, { env: { ...process.env, PATH: former.PATH } });
    rmSync(old, { recursive: true });
    await untilSaid(gateway, /another version of this command has replaced this one/);
    offer("owl");
    place.skill("night", { bins: ["owl"] });
    await until(() => existsSync(join(place.prefix, "bin/owl")));
    expect(leaders()).toEqual([pid]);
    expect(await gateway.status()).toMatchObject({ ok: true, payload: { prefix: place.prefix } });
    await until(() => gateway.failure() === undefined);
    expect(gateway.said.join("\n")).not.toContain("watch ended");
  });

  test("it ends with the gateway, also when that is killed", async () => {
    const script = join(place.dir, "gateway.mjs");
    writeFileSync(
      script,
      `import plugin from ${JSON.stringify(join(repository, "dist/plugin/index.js"))};
      const logger = { info() {}, warn() {}, error() {} };
      plugin.register({ rootDir: ${JSON.stringify(linked())}, logger, registerCli() {}, registerGatewayMethod() {},
        registerService: (service) => service.start({ logger }) });
      setInterval(() => {}, 1000);`,
    );
    const child = spawn(process.execPath, [script], { env: process.env, stdio: "ignore" });
    await until(() => leaders().length === 1);
    child.kill("SIGKILL");
    await until(() => watchers().length === 0);
    expect(watchers()).toEqual([]);
  });
});

describe("skilldeps.status", () => {
  test("what is there, what is missing and why", async () => {
    place.skill("mail", { bins: ["no-such-program"] });
    const gateway = await register();
    const before = await gateway.status();
    expect(before).toMatchObject({ ok: true, payload: { watch: null, prefix: place.prefix } });
    gateway.start();
    await until(() => leaders().length === 1);
    const answers = await Promise.all([gateway.status(), gateway.status()]);
    for (const { ok, payload } of answers) {
      expect(ok).toBe(true);
      expect(payload).toMatchObject({
        schema: 1,
        watch: { pid: leaders()[0], starts: 1 },
        doctor: {
          schema: 1,
          missing: [{ name: "no-such-program", for: ["mail"], reason: "no recipe provides it" }],
        },
      });
    }
  });

  test.each(["exec sleep 600", "trap '' TERM\nsleep 600"])(
    "what is asked when the plugin stops ends too: %j",
    async (slow) => {
      const command = join(place.dir, "slow");
      const script = `#!/bin/sh\necho $$ >"${place.dir}/pid"\n${slow}\n`;
      writeFileSync(command, script, { mode: 0o755 });
      const gateway = await register({ command });
      const answer = gateway.status();
      const pid = (): number => Number(readOrNothing(join(place.dir, "pid")));
      await until(() => pid() > 0);
      await gateway.service.stop();
      expect(await answer).toMatchObject({ ok: false, error: { code: "UNAVAILABLE" } });
      await until(() => readOrNothing(`/proc/${pid()}/cmdline`) === "");
    },
  );

  test.each([
    [{ prefix: 1 }, /prefix is not text/],
    [{ command: "/usr" }, /there is no \/usr/],
    [{ command: "/bin/true" }, /doctor printed nothing/],
    [{ options: ["--no-such"] }, /--no-such/],
  ])("%j: an error, and no exception", async (config, message) => {
    const gateway = await register(config);
    expect(await gateway.status()).toMatchObject({
      ok: false,
      error: { code: "UNAVAILABLE", message: expect.stringMatching(message) },
    });
  });
});

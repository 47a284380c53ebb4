/**
 * The front page's quickstart without containers, as it is written: OpenClaw's own unit, systemd's user
 * manager, and a tool call on the host. from-nothing.test.ts has the one with containers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { $ } from "zx";
import { typedIn } from "../docs/commands.ts";
import { page } from "../docs/pages.ts";
import { archive, program } from "../support/archives.ts";
import { copyClone } from "../support/package.ts";
import { type Gateway, openGateway, parseTurn } from "./gateway.ts";

const openclaw = inject("openclaw");
const missing = "missing" in openclaw ? openclaw.missing : "";
let gateway: Gateway;
let manager: ChildProcess | undefined;

describe.skipIf(missing)(missing ? `OpenClaw is not here: ${missing}` : "quickstart", () => {
  beforeEach(async () => {
    gateway = await openGateway();
  });
  afterEach(async () => {
    if (manager?.kill()) await once(manager, "exit");
    await gateway.close();
  });

  test("without containers: the gateway's unit finds what ours has installed", {
    timeout: 300_000,
  }, async () => {
    const { home } = gateway.place;
    for (const tool of ["gog", "yak"]) {
      const bytes = archive("tar.gz", { [`bin/${tool}`]: program(`${tool} 1.0.0`) });
      const source = gateway.place.serve(`${tool}.tar.gz`, bytes);
      gateway.place.recipe(tool, { artifacts: { "linux-x64": source, "linux-arm64": source } });
    }
    gateway.skill("mail", ["gog"]);
    const exec = { host: "gateway", security: "full", ask: "off" };
    gateway.configure({ sandbox: { mode: "off" }, tools: { exec } });
    await startManager();
    await installUnit();

    const typed = await quickstart();
    expect(typed.exitCode, typed.stdout + typed.stderr).toBe(0);
    await gateway.answers();
    const words = ["agent", "--agent", "main", "--session-id", "first", "--json"];
    const { stdout } = await gateway.openclaw([...words, "--message", "run: command -v gog; gog"]);
    expect(parseTurn(stdout)).toEqual({
      text: `${home}/.local/share/openclaw/bin/gog\ngog 1.0.0`,
    });
    expect(gateway.offered()).toContain("mail");
    const ran =
      await inSession`systemctl --user show --property=ExecMainStatus,Result openclaw-skill-deps`;
    expect(ran.stdout).toBe("Result=success\nExecMainStatus=0\n");

    gateway.skill("late", ["yak"]);
    const yak = join(home, ".local/share/openclaw/bin/yak");
    while (!existsSync(yak)) await sleep(200); // the watcher's unit installs it
    const reload = await inSession`systemctl --user reload openclaw-skill-deps-watch`;
    expect(reload.exitCode, reload.stderr).toBe(0);
    await inSession`systemctl --user stop openclaw-skill-deps-watch`;
    const ended =
      await inSession`systemctl --user show --property=Result openclaw-skill-deps-watch`;
    expect(ended.stdout).toBe("Result=success\n");
  });
});

const clone = (): string => join(gateway.place.dir, "clone");

/** A shell of the user to whom the manager belongs. */
const inSession = (pieces: TemplateStringsArray, ...values: string[]) =>
  $({
    cwd: existsSync(clone()) ? clone() : gateway.place.home,
    quiet: true,
    nothrow: true,
    env: sessionEnv(),
  })(pieces, ...values);

function sessionEnv(): Record<string, string> {
  const { dir } = gateway.place;
  const { OPENCLAW_SKILL_PREFIX: _, ...env } = gateway.env(dirname(process.execPath));
  const npm = { npm_config_prefix: join(dir, "npm"), npm_config_cache: join(dir, "npm-cache") };
  return { ...env, ...npm, PATH: `${dir}/npm/bin:${env.PATH}`, XDG_RUNTIME_DIR: join(dir, "run") };
}

/** systemd as a login starts it; it needs no system that was booted with systemd. */
async function startManager(): Promise<void> {
  const { dir, home } = gateway.place;
  mkdirSync(join(dir, "run"), { mode: 0o700 });
  const systemd = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].find(existsSync);
  if (systemd === undefined) throw new Error("systemd is missing: apt-get install -y systemd");
  manager = spawn(systemd, ["--user"], { cwd: home, env: sessionEnv(), stdio: "ignore" });
  for (let tries = 0; tries < 240; tries++) {
    if ((await inSession`systemctl --user is-system-running`).stdout.trim() === "running") return;
    await sleep(500);
  }
  throw new Error("systemd --user did not start within two minutes");
}

/** The unit as `openclaw gateway install` makes it, which refuses a home that is not the account's. */
async function installUnit(): Promise<void> {
  const { command } = openclaw as { command: string };
  const { home } = gateway.place;
  const dist = join(dirname(command), "dist");
  const named = async (file: string, name: string) => {
    const found = readdirSync(dist).find((one) => one.startsWith(file)) ?? file;
    const module: Record<string, unknown> = await import(pathToFileURL(join(dist, found)).href);
    const all = Object.values(module).filter((value) => typeof value === "function");
    return all.find((value) => value.name === name) as (options: object) => never;
  };
  const buildUnit = await named("systemd-unit-", "buildSystemdUnit");
  const buildEnvironment = await named("service-env-", "buildServiceEnvironment");
  const env = { HOME: home, OPENCLAW_CONFIG_PATH: join(home, ".openclaw/openclaw.json") };
  const programArguments = [process.execPath, command, "gateway", "run"];
  const environment = buildEnvironment({ env, port: gateway.port, platform: "linux" });
  const units = join(home, ".config/systemd/user");
  mkdirSync(units, { recursive: true });
  const text: string = buildUnit({ programArguments, workingDirectory: home, environment });
  expect(text).toContain("Environment=PATH=/usr/local/bin:/usr/bin:/bin:");
  writeFileSync(join(units, "openclaw-gateway.service"), text);
}

/** Types the page's lines in a clone. */
function quickstart() {
  copyClone(clone());
  const blocks = page("README.md").blocks.filter(({ heading }) => heading === "Quickstart");
  const lines = blocks.flatMap(typedIn).map(({ line }) => line);
  const from = lines.findIndex((line) => line.startsWith("npm install --global "));
  expect([lines[0], lines.length - from]).toEqual(["npm pack", 4]);
  return inSession`sh -exc ${["npm pack", ...lines.slice(from)].join("\n")}`;
}

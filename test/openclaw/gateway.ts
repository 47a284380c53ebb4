/**
 * The real OpenClaw in a home of its own: a gateway's configuration, a workspace with skills, a volume,
 * and turns of an agent, whose tool calls run in the sandbox that OpenClaw makes with podman.
 *
 *   const gateway = await openGateway();
 *   gateway.skill("syntax", ["ast-grep"]);
 *   gateway.configure({ sandbox: { workspaceAccess: "rw" }, docker: gateway.online() });
 *   const { text, error } = await gateway.turn("ast-grep --version");
 *   await gateway.close();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { inject } from "vitest";
import { $, type ProcessOutput, type ProcessPromise } from "zx";
import { certificates, enginesConfig, host } from "../containers/host.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";
import { type Config, configuration } from "./config.ts";
import { type Exec, execsSince } from "./execs.ts";
import { startModel } from "./model.ts";

export interface Turn {
  /** What the tool call came to: the agent's answer. */
  readonly text?: string;
  /** What OpenClaw tells its user instead. */
  readonly error?: string;
}

export interface Gateway {
  /** Recipes, archives on the loopback interface, and directories to bind. */
  readonly place: Workplace;
  readonly volume: string;
  readonly workspace: string;
  /** What this gateway's containers and images are named after. */
  readonly prefix: string;
  readonly port: number;
  skill(name: string, bins: readonly string[]): void;
  configure(config: Config): void;
  /** Docker settings for a sandbox that reaches this machine's loopback interface and npm registry. */
  online(): Record<string, unknown>;
  /** `openclaw ARGS`; `path` comes before the gateway's own PATH. */
  openclaw(args: readonly string[], path?: string): Promise<ProcessOutput>;
  /** Our own command, beside the gateway. */
  provide(...args: string[]): Promise<ProcessOutput>;
  /** A turn of the agent, which calls the tool `exec` with the command. */
  turn(command: string, options?: { session?: string; path?: string }): Promise<Turn>;
  /** The skills that the agent is offered, as the model saw them in the last turn. */
  offered(): string[];
  /** What OpenClaw is started with; `path` comes before its PATH. */
  env(path?: string): Readonly<Record<string, string>>;
  /** Starts the gateway's process: from then on turns may be made at once. `path` comes before its PATH. */
  start(path?: string): Promise<void>;
  /** Ends the gateway's process. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** What the gateway has logged so far: a JSON document a line. */
  log(): string;
  /** Until a gateway's process answers. */
  answers(): Promise<void>;
  /** What OpenClaw, or anybody, ran in sandboxes so far; a sandbox's first is its setupCommand. */
  execs(): Promise<Exec[]>;
  containers(): Promise<string[]>;
  close(): Promise<void>;
}

let opened = 0;

export async function openGateway(): Promise<Gateway> {
  const [place, model] = await Promise.all([openWorkplace(), startModel()]);
  const prefix = `oc-${process.pid}-${opened++}-`;
  const [volume, workspace] = [place.prefix, join(place.home, ".openclaw/workspace")];
  const since = new Date().toISOString();
  const port = await freePort();
  const { command } = inject("openclaw") as { command: string };
  let running: ChildProcess | undefined;

  mkdirSync(join(workspace, "skills"), { recursive: true });
  mkdirSync(volume);
  for (const path of [volume, workspace]) chownSync(path, 1000, 1000);
  mkdirSync(join(place.dir, "certificates"));
  copyFileSync(certificates, join(place.dir, "certificates/ca.crt"));
  // OpenClaw refuses the host's network, so a container that has it lends it.
  await host`podman run --detach --name ${prefix}network --network host ${inject("sandboxImage")}`;

  const env = (path?: string) => ({
    PATH: [...(path ? [path] : []), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"].join(":"),
    HOME: place.home,
    CONTAINERS_CONF: enginesConfig,
    npm_config_registry: inject("registry"),
    SSL_CERT_FILE: certificates,
    OPENCLAW_SKILL_DEPS_NODE: process.execPath,
    OPENCLAW_SKILL_RECIPES: place.recipes,
    OPENCLAW_SKILL_PROFILE_DIR: "",
  });
  const start = (args: readonly string[], path?: string): ProcessPromise =>
    $({
      cwd: place.home,
      quiet: true,
      nothrow: true,
      env: env(path),
    })`${process.execPath} ${command} ${args}`;
  const containers = async (): Promise<string[]> => {
    const { stdout } = await host`podman ps --all --filter name=^${prefix} --format {{.Names}}`;
    return stdout.split("\n").filter((name) => name && name !== `${prefix}network`);
  };

  const gateway: Gateway = {
    place,
    volume,
    workspace,
    prefix,
    port,
    containers,
    openclaw: (args, path) => start(args, path),
    skill(name, bins) {
      const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
      mkdirSync(join(workspace, "skills", name), { recursive: true });
      const text = `---\nname: ${name}\ndescription: The ${name} skill.\nmetadata: ${metadata}\n---\n\n# ${name}\n`;
      writeFileSync(join(workspace, "skills", name, "SKILL.md"), text);
    },
    configure(config) {
      const all = {
        image: inject("sandboxImage"),
        prefix,
        volume,
        workspace,
        port,
        model: model.url,
      };
      const text = JSON.stringify(configuration({ ...all, home: place.home }, config));
      writeFileSync(join(place.home, ".openclaw/openclaw.json"), text);
    },
    online: () => ({
      network: `container:${prefix}network`,
      dangerouslyAllowContainerNamespaceJoin: true,
      env: {
        npm_config_registry: inject("registry"),
        SSL_CERT_FILE: "/certificates/ca.crt",
        OPENCLAW_SKILL_RECIPES: "/recipes",
      },
      binds: [
        `${volume}:/opt/openclaw:rw`,
        `${place.dir}/certificates:/certificates:ro`,
        `${place.recipes}:/recipes:ro`,
      ],
    }),
    provide: (...args) =>
      $({
        cwd: place.home,
        quiet: true,
        nothrow: true,
        env: env(),
      })`${join(repository, "entrypoint/openclaw-install-skill-deps")} --prefix ${volume} --ignore-system ${args}`,
    async turn(asked, { session = "first", path } = {}) {
      const where = running ? [] : ["--local"];
      const words = ["agent", ...where, "--agent", "main", "--session-id", session, "--json"];
      const once = async () =>
        parseTurn((await start([...words, "--message", `run: ${asked}`], path)).stdout);
      let turn = await once();
      // OpenClaw gives a turn up that a busy machine keeps waiting; this is not about us.
      if (turn.error?.startsWith("Aborted")) turn = await once();
      process.stdout.write(transcript(asked, turn));
      return turn;
    },
    offered: () =>
      [...model.prompt().matchAll(/<name>(.*?)<\/name>/g)].map(([, name]) => name ?? ""),
    async start(path) {
      running = spawn(process.execPath, [command, "gateway", "run"], {
        ...{ cwd: place.home, env: env(path), stdio: "ignore" },
      });
      await gateway.answers();
    },
    env,
    async stop(signal) {
      if (running?.kill(signal)) await once(running, "exit");
      running = undefined;
    },
    log: () => readFileSync(join(place.home, "openclaw.log"), "utf8"),
    async answers() {
      for (let tries = 0; tries < 240; tries++) {
        if (
          await fetch(`http://127.0.0.1:${port}/healthz`).then(
            ({ ok }) => ok,
            () => false,
          )
        )
          return;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      throw new Error("the gateway did not start within two minutes");
    },
    execs: () => execsSince(since, prefix),
    async close() {
      await gateway.stop();
      for (const name of [...(await containers()), `${prefix}network`])
        await host`podman rm --force --ignore --time 0 ${name}`;
      await model.close();
      await place.close();
    },
  };
  return gateway;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What `openclaw agent --json` printed; a turn through the gateway has its result one level down. */
export function parseTurn(stdout: string): Turn {
  const document = JSON.parse(stdout) as {
    error?: { message: string };
    issues?: { message: string }[];
    payloads?: { text: string }[];
    result?: { payloads?: { text: string }[] };
  };
  const payloads = document.payloads ?? document.result?.payloads;
  if (payloads) return { text: payloads.map(({ text }) => text).join("\n") };
  const said = [...(document.issues ?? []), ...(document.error ? [document.error] : [])];
  return { error: said.map(({ message }) => message).join("\n") || stdout };
}

function transcript(asked: string, { text, error }: Turn): string {
  const answer = error === undefined ? `tool result: ${text}` : `OpenClaw: ${error}`;
  return `  user: run: ${asked}\n  tool call: exec {"command":${JSON.stringify(asked)}}\n  ${answer.replaceAll("\n", "\n    ")}\n`;
}

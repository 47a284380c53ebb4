/**
 * A host on which nothing is yet: no state directory, no volume, a `docker` that is podman, and an
 * `openclaw` where it is installed. What `config` prints is typed there as it stands.
 *
 *   const empty = await openEmptyHost("provisioner");
 *   await empty.type("once");
 *   empty.configure(); …
 *   await empty.close();
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import JSON5 from "json5";
import { inject } from "vitest";
import { stringify } from "yaml";
import { $, type ProcessOutput } from "zx";
import { freePort, parseTurn, type Turn } from "../openclaw/gateway.ts";
import { startModel } from "../openclaw/model.ts";
import { fetchOpenClaw } from "../openclaw/package.ts";
import { copyPackage } from "../support/package.ts";
import { repository } from "../support/workplace.ts";
import { certificates, enginesConfig, host, imagesOf } from "./host.ts";
import { pythonTools } from "./python-tools.ts";

export interface EmptyHost {
  readonly dir: string;
  readonly volume: string;
  readonly state: string;
  /** What `config` printed, by the first word of each heading: `once`, `openclaw.json`, `compose.yaml`, `then`. */
  readonly blocks: Readonly<Record<string, string>>;
  /** Runs the lines of a block, as they are. */
  type(block: string): Promise<ProcessOutput>;
  /** A skill in the agents' workspace. */
  skill(name: string, bins: readonly string[]): void;
  /** Writes what `config` printed: openclaw.json, with a model that answers, and compose.yaml. */
  write(): void;
  /** Until the gateway in its container answers. */
  started(): Promise<void>;
  turn(command: string): Promise<Turn>;
  close(): Promise<void>;
}

/** Where the gateway runs. */
type Where = "compose" | "host";

/** Images of this machine in place of OpenClaw's own, which have nothing of ours either. */
const standIns = {
  gateway: "docker.io/library/node:24-bookworm-slim",
  "openclaw-sandbox:bookworm-slim": "docker.io/library/debian:bookworm-slim",
} as const;
const there = "/etc/ssl/certs/ca-certificates.crt";
let opened = 0;

export async function openEmptyHost(topology: string, where: Where): Promise<EmptyHost> {
  const dir = mkdtempSync(join(tmpdir(), "empty-host-"));
  const [home, work, bin, volume] = ["home", "work", "bin", "srv/volume"].map((name) =>
    join(dir, name),
  ) as [string, string, string, string];
  for (const made of [home, work, bin]) mkdirSync(made);
  const state = where === "compose" ? join(dir, "srv/state") : join(home, ".openclaw");
  const prefix = `empty-${process.pid}-${opened++}-`;
  const [model, port, openclaw, compose] = await Promise.all([
    startModel("0.0.0.0"),
    freePort(),
    fetchOpenClaw(),
    pythonTools(),
  ]);
  const engine = await startEngine(dir);
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    HOME: home,
    CONTAINERS_CONF: engine.config,
    OPENCLAW_DOCKER_SOCKET: engine.socket,
    OPENCLAW_GATEWAY_PORT: String(port),
    ...(topology === "stock" && { OPENCLAW_IMAGE: standIns.gateway }),
    ...(where === "compose" && { OPENCLAW_STATE_DIR: state }),
  };
  const run = $({ cwd: work, quiet: true, nothrow: true, env });
  program(join(bin, "docker"), dockerLines(compose, join(dir, "over.yaml")));
  program(join(bin, "openclaw"), `exec ${process.execPath} ${openclaw} "$@"\n`);
  writeFileSync(join(dir, "over.yaml"), await surroundings(topology, dirname(openclaw), dir));
  const packageDir = copyPackage(join(dir, "package"));
  copyFileSync(join(repository, "Dockerfile.example"), join(packageDir, "Dockerfile.example"));
  const command = join(packageDir, "entrypoint/openclaw-install-skill-deps");
  const packed = topology === "stock" ? ` --package ${inject("tarball")}` : "";
  const words = `${command} config ${topology} --prefix ${volume}${packed}`;
  const printed = await run`${onHost(join(dir, "root"))} sh -c ${words}`;
  if (printed.exitCode !== 0) {
    engine.stop();
    await model.close();
    throw new Error(printed.stderr);
  }
  const blocks = blocksOf(printed.stdout);

  return {
    dir,
    volume,
    state,
    blocks,
    type: (block) => run`sh -ec ${blocks[block] ?? `no block ${block}`}`,
    skill(name, bins) {
      const path = join(state, "workspace/skills", name);
      mkdirSync(path, { recursive: true });
      const metadata = JSON.stringify({ openclaw: { requires: { bins } } });
      const text = `---\nname: ${name}\ndescription: x\nmetadata: ${metadata}\n---\n`;
      writeFileSync(join(path, "SKILL.md"), text);
    },
    write() {
      const fragment = JSON5.parse(blocks["openclaw.json,"] ?? "");
      const own = where === "compose" ? "host.containers.internal" : "127.0.0.1";
      const url = model.url.replace("127.0.0.1", own);
      const settings = merged(fragment, {
        prefix,
        url,
        dir,
        where,
        isOnline: topology === "sandbox",
      });
      writeFileSync(join(state, "openclaw.json"), JSON.stringify(settings));
      if (where === "compose")
        writeFileSync(join(work, "compose.yaml"), blocks["compose.yaml,"] ?? "");
    },
    async started() {
      for (let tries = 0; tries < 240; tries++) {
        const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
        if (answer?.ok) return;
        await sleep(500);
      }
      const { stdout, stderr } = await run`docker compose logs`;
      throw new Error(
        `the gateway did not start in two minutes: ${(stdout + stderr).slice(-3000)}`,
      );
    },
    async turn(asked) {
      const agent = ["agent", "--agent", "main", "--session-id", "first", "--json"];
      const all = [...agent, "--message", `run: ${asked}`];
      const { stdout } =
        where === "compose"
          ? await run`docker compose exec -T openclaw-gateway node openclaw.mjs ${all}`
          : await run`openclaw ${[...all, "--local"]}`;
      return parseTurn(stdout);
    },
    async close() {
      if (existsSync(join(work, "compose.yaml"))) await run`docker compose down --timeout 0`;
      const { stdout } = await host`podman ps --all --filter name=^${prefix} --format {{.Names}}`;
      for (const name of stdout.split("\n").filter(Boolean))
        await host`podman rm --force --ignore --time 0 ${name}`;
      engine.stop();
      await model.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function program(path: string, lines: string): void {
  writeFileSync(path, `#!/bin/sh\n${lines}`);
  chmodSync(path, 0o755);
}

/**
 * docker by podman. An image that is to be built was built by these tests' setup, from the same file and
 * with what reaches the registry; that the file and its context are where the line says, is looked at.
 */
function dockerLines(compose: string, over: string): string {
  const built = imagesOf("TARGET").sandbox.replace("sandbox:TARGET", "$5:latest");
  return `set -e
case $1 in
  build)
    [ "$2 $4" = "-f --target" ]
    for context; do :; done
    for word; do [ "$last" != -t ] || name=$word; last=$word; done
    [ -f "$3" ] && [ -f "$context/package.json" ] && [ -d "$context/dist" ]
    case $* in *SKILLS=*) ls "$context/my/skills"/*/SKILL.md ;; esac
    exec podman tag "${built}" "localhost/$name" ;;
  compose)
    shift
    exec ${compose}/podman-compose --in-pod false --file compose.yaml --file ${over} "$@" ;;
esac
exec podman "$@"
`;
}

/** What the machine of these tests lends to the services: its registry, certificates, and OpenClaw itself. */
async function surroundings(topology: string, openclaw: string, dir: string): Promise<string> {
  const { stdout } = await host`npm config get registry`;
  // OpenClaw's image has a docker client where it is built so; the catalogue's is not of a registry.
  const environment = {
    SSL_CERT_FILE: there,
    npm_config_registry: stdout.trim(),
    OPENCLAW_SKILL_TOOLS: "",
  };
  mkdirSync(join(dir, "certificates"));
  copyFileSync(certificates, join(dir, "certificates/ca.crt"));
  const lent = [`${certificates}:${there}:ro`, `${openclaw}:/app:ro`];
  const service = {
    environment,
    volumes: [
      ...lent,
      `${dirname(openclaw)}:/node_modules:ro`,
      `${await dockerClient()}:/usr/local/bin/docker:ro`,
    ],
  };
  const provisioner = topology === "gateway" ? {} : { "skill-deps": service };
  // What OpenClaw's image says of itself, and the stand-in does not.
  const command = ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"];
  const image = { working_dir: "/app", user: "node", command };
  const gateway = { ...service, ...(topology === "stock" && image) };
  const services = { ...provisioner, "openclaw-gateway": gateway };
  return stringify({ services }, { aliasDuplicateObjects: false });
}

/** Debian's docker client, kept in the user's cache. */
async function dockerClient(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const dir = join(cache, "openclaw-install-skill-deps", "docker-client");
  const client = join(dir, "usr/bin/docker");
  if (existsSync(client)) return client;
  mkdirSync(dir, { recursive: true });
  const apt = $({ cwd: dir, quiet: true, nothrow: true });
  const fetchIt = () => apt`apt-get download -q -o APT::Sandbox::User=root docker.io`;
  if ((await fetchIt()).exitCode !== 0) {
    await apt`apt-get update -q`;
    await fetchIt();
  }
  const file = readdirSync(dir).find((name) => name.endsWith(".deb")) ?? "docker.io.deb";
  await $({ cwd: dir, quiet: true })`dpkg -x ${file} . && rm ${file}`;
  return client;
}

/** podman's own service on a socket of its group, as docker's is. */
async function startEngine(dir: string): Promise<{ config: string; socket: string; stop(): void }> {
  const [config, socket] = [join(dir, "containers.conf"), join(dir, "docker.sock")];
  // podman 4.3 cannot start containers through its service, or in pods, where limits are configured.
  await host`sed ${"s/^default_ulimits.*/default_ulimits = []/"} ${enginesConfig} >${config}`;
  const service: ChildProcess = spawn(
    "podman",
    ["system", "service", "--time=0", `unix://${socket}`],
    { stdio: "ignore", env: { ...process.env, CONTAINERS_CONF: config } },
  );
  while (!existsSync(socket)) await sleep(50);
  chmodSync(socket, 0o660);
  return { config, socket, stop: () => void service.kill() };
}

/** The words before a command that let it see this machine as no container. */
function onHost(root: string): string[] {
  mkdirSync(root);
  const script = `for path in /*; do
    if [ -L "$path" ]; then cp -P "$path" "$0/"
    elif [ -d "$path" ]; then mkdir "$0$path" && mount --rbind "$path" "$0$path"; fi
  done
  exec chroot "$0" "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, root];
}

function blocksOf(text: string): Record<string, string> {
  const [, ...parts] = text.split(/^(?:#|\/\/) ---- /m);
  return Object.fromEntries(
    parts.map((part) => [/^\S+/.exec(part)?.[0] ?? "", part.slice(part.indexOf("\n") + 1)]),
  );
}

interface Own {
  readonly prefix: string;
  readonly url: string;
  readonly dir: string;
  readonly where: Where;
  readonly isOnline: boolean;
}

/** The printed fragment, merged into what an operator here would have: a model, and what reaches the registry. */
function merged(
  fragment: { agents: { defaults: { sandbox: { docker: { image: string; binds?: string[] } } } } },
  own: Own,
) {
  const { sandbox } = fragment.agents.defaults;
  const reach = {
    env: { npm_config_registry: inject("registry"), SSL_CERT_FILE: "/certificates/ca.crt" },
    binds: [...(sandbox.docker.binds ?? []), `${own.dir}/certificates:/certificates:ro`],
  };
  const { image: named, ...settings } = sandbox.docker;
  const image = Object.entries(standIns).find(([name]) => name === named)?.[1] ?? named;
  const lent = { containerPrefix: own.prefix, ...(own.isOnline && reach) };
  const docker = { ...settings, image, ...lent };
  const mock = {
    ...{ baseUrl: own.url, api: "openai-completions", apiKey: "x" },
    models: [{ id: "mock", name: "mock", contextWindow: 100_000, maxTokens: 1000 }],
  };
  return {
    ...fragment,
    agents: {
      defaults: {
        skipBootstrap: true,
        model: "mock/mock",
        // With docker's backend OpenClaw looks for its own container on a machine that is one.
        sandbox: { ...sandbox, ...(own.where === "host" && { backend: "podman" }), docker },
      },
    },
    // None of those that come along.
    skills: { allowBundled: ["none"] },
    models: { providers: { mock } },
  };
}

import { commandName } from "./layout.ts";
import {
  type Host,
  hasGateway,
  type Owner,
  searchPath,
  type Topology,
  target,
} from "./topology.ts";

/** A compose file, as data. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, object>>;
}

/** The gateway's image of Dockerfile.example. */
export const gatewayImage = "openclaw-skills-gateway";
/** OpenClaw's own, or what `OPENCLAW_IMAGE` names for its setup script, too. */
const stockGateway = "${OPENCLAW_IMAGE:-ghcr.io/openclaw/openclaw:latest}";
const volumeCommand = `${target}/bin/${commandName}`;
/** Where a service has the package's tarball. */
const tarball = `/${commandName}.tgz`;

/** The user of OpenClaw's image. */
export const gatewayOwner: Owner = { uid: 1000, gid: 1000 };
const engineSocket = "/var/run/docker.sock";
/** The same on the host; rootless engines have another path. */
export const hostSocket = `\${OPENCLAW_DOCKER_SOCKET:-${engineSocket}}`;

/** The services that fill the volume; undefined if sandboxes do it, or images contain the tools. */
export function composeFile(topology: Topology, host: ComposeHost): ComposeFile | undefined {
  if (!hasGateway(topology)) return undefined;
  if (topology === "gateway")
    return { services: { "openclaw-gateway": gatewayService(topology, host) } };
  return {
    services: {
      "skill-deps": topology === "stock" ? stockService(host) : provisioner(host),
      "openclaw-gateway": gatewayService(topology, host),
    },
  };
}

type ComposeHost = Pick<Host, "packageDir" | "source" | "state" | "npmPackage" | "variables">;
type Access = "ro" | "rw";

/** OpenClaw starts sandboxes with the docker client. In a compose file `$` begins a variable. */
function settings({ variables = {} }: ComposeHost): Readonly<Record<string, string>> {
  const escaped = Object.entries(variables).map(([name, value]) => [
    name,
    value.replaceAll("$", "$$$$"),
  ]);
  return { OPENCLAW_SKILL_TOOLS: "docker", ...Object.fromEntries(escaped) };
}

/** A one-shot service ends; a watcher does not, and the gateway starts beside it. */
const dependsOn = (isStock: boolean): object =>
  isStock ? ["skill-deps"] : { "skill-deps": { condition: "service_completed_successfully" } };
const hardened = { read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] };

const volumes = ({ source, state }: ComposeHost, volume: Access, home: Access): string[] => [
  `${source}:${target}:${volume}`,
  `${state}:/home/node/.openclaw:${home}`,
];

const build = ({ packageDir: context }: ComposeHost): object => ({
  image: gatewayImage,
  build: { context, dockerfile: "Dockerfile.example", target: "gateway" },
});

function gatewayService(topology: Topology, host: ComposeHost): object {
  const isOwn = topology === "gateway";
  const isStock = topology === "stock";
  return {
    ...(isStock ? { image: stockGateway } : build(host)),
    ...(isOwn ? {} : { depends_on: dependsOn(isStock) }),
    restart: "unless-stopped",
    environment: {
      OPENCLAW_GATEWAY_TOKEN: "${OPENCLAW_GATEWAY_TOKEN:?must be set in .env}",
      ...(isStock ? { PATH: searchPath } : {}),
      ...(isOwn ? settings(host) : {}),
    },
    group_add: ["${DOCKER_GID:?must be set in .env}"],
    ports: ["127.0.0.1:${OPENCLAW_GATEWAY_PORT:-18789}:18789"],
    volumes: [...volumes(host, isOwn ? "rw" : "ro", "rw"), `${hostSocket}:${engineSocket}`],
  };
}

/** The image's entrypoint does the work and then runs `true`, so that a missing tool keeps no service down. */
function provisioner(host: ComposeHost): object {
  return {
    ...build(host),
    command: ["true"],
    environment: settings(host),
    ...hardened,
    tmpfs: ["/tmp"],
    volumes: volumes(host, "rw", "rw"), // the status skill is written there
  };
}

/** npx takes an absolute path alone for a program to run. */
export function npxWord(npmPackage: string): string {
  return npmPackage.startsWith("/") ? `file:${npmPackage}` : npmPackage;
}

/**
 * npm's command fetches ours and runs it, in the gateway's own image: that has Node, and the skills that are
 * bundled with OpenClaw, which a plain Node image lacks. Then the volume's own command, which is sh alone
 * while nothing changes, watches; npm's would stay in memory. Nothing keeps the gateway down, not even a
 * registry that does not answer.
 */
function stockService(host: ComposeHost): object {
  const { npmPackage } = host;
  const isFile = npmPackage.startsWith("/");
  return {
    image: stockGateway,
    user: `${gatewayOwner.uid}:${gatewayOwner.gid}`,
    command: [
      "sh",
      "-c",
      `npx -y ${npxWord(isFile ? tarball : npmPackage)} --ignore-system; exec ${volumeCommand} watch --ignore-system`,
    ],
    restart: "unless-stopped",
    healthcheck: { test: ["CMD", volumeCommand, "health"], interval: "10s", start_period: "10m" },
    environment: { npm_config_cache: "/tmp/npm", ...settings(host) },
    ...hardened,
    tmpfs: ["/tmp:exec"], // npx runs what it unpacked there
    volumes: [
      ...volumes(host, "rw", "rw"), // likewise
      ...(isFile ? [`${npmPackage}:${tarball}:ro`] : []),
    ],
  };
}

import { shellWord } from "./launcher.ts";
import { defaultSeed } from "./layout.ts";
import {
  type Host,
  hasCommand,
  hasGateway,
  type Owner,
  sandboxImage,
  type Topology,
  target,
} from "./topology.ts";

/** A compose file, as data. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, object>>;
}

const gatewayImage = "openclaw-skills-gateway";
const packageAt = "/usr/local/lib/openclaw-install-skill-deps";
const profile = "/etc/profile.d/openclaw-skill-deps.sh";
/** The user of OpenClaw's image. */
const gatewayOwner: Owner = { uid: 1000, gid: 1000 };
const engineSocket = "/var/run/docker.sock";
/** The same on the host; rootless engines have another path. */
const hostSocket = `\${OPENCLAW_DOCKER_SOCKET:-${engineSocket}}`;

/** The services that fill the volume; undefined if sandboxes do it, or images contain the tools. */
export function composeFile(
  topology: Topology,
  site: Pick<Host, "packageDir" | "source" | "state">,
): ComposeFile | undefined {
  if (!hasGateway(topology)) return undefined;
  const { packageDir: context, source, state } = site;
  const build = { context, dockerfile: "Dockerfile.example", target: "gateway" };
  const volumes = (volume: "ro" | "rw", home: "ro" | "rw"): string[] => [
    `${source}:${target}:${volume}`,
    `${state}:/home/node/.openclaw:${home}`,
  ];
  // OpenClaw starts sandboxes with this client.
  const tools = { OPENCLAW_SKILL_TOOLS: "docker" };
  const isOwn = topology === "gateway";
  const gateway = {
    image: gatewayImage,
    build,
    ...(isOwn
      ? {}
      : { depends_on: { "skill-deps": { condition: "service_completed_successfully" } } }),
    restart: "unless-stopped",
    environment: {
      OPENCLAW_GATEWAY_TOKEN: "${OPENCLAW_GATEWAY_TOKEN:?must be set in .env}",
      ...(isOwn ? tools : {}),
    },
    group_add: ["${DOCKER_GID:?must be set in .env}"],
    ports: ["127.0.0.1:${OPENCLAW_GATEWAY_PORT:-18789}:18789"],
    volumes: [...volumes(isOwn ? "rw" : "ro", "rw"), `${hostSocket}:${engineSocket}`],
  };
  if (isOwn) return { services: { "openclaw-gateway": gateway } };
  // The image's entrypoint does the work and then runs `true`, so that a missing tool keeps no
  // service down.
  const provisioner = {
    image: gatewayImage,
    build,
    command: ["true"],
    environment: tools,
    read_only: true,
    tmpfs: ["/tmp"],
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    volumes: volumes("rw", "ro"),
  };
  return { services: { "skill-deps": provisioner, "openclaw-gateway": gateway } };
}

/**
 * The lines that copy parts of our sandbox image into the operator's own Dockerfile; empty if none
 * are needed.
 */
export function sandboxLines(topology: Topology, host: Host): string[] {
  if (!hasCommand(topology, host)) return [];
  const from = sandboxImage(topology, {});
  const copy = (path: string): string => `COPY --from=${from} ${path} ${path}`;
  const volume = topology === "image" ? copy(target) : `RUN install -d -o 1000 -g 1000 ${target}`;
  return [...commandLines(from), volume, ...(topology === "seed" ? [copy(defaultSeed)] : [])];
}

/** The same for the gateway's image; empty if it does not use the volume. */
export function gatewayLines(topology: Topology): string[] {
  if (!hasGateway(topology)) return [];
  return [
    ...commandLines(gatewayImage),
    `RUN install -d -o 1000 -g 1000 ${target}`,
    `ENV PATH="$PATH:${target}/bin"`,
    'ENTRYPOINT ["openclaw-install-skill-deps", "--ignore-system", "--"]',
    'CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]',
  ];
}

function commandLines(from: string): string[] {
  return [
    `COPY --from=${from} ${packageAt} ${packageAt}`,
    `COPY --from=${from} ${profile} ${profile}`,
    `RUN ln -s ../lib/openclaw-install-skill-deps/entrypoint/openclaw-install-skill-deps /usr/local/bin/`,
  ];
}

/** Shell commands to run once on the host: build images and create directories. */
export function hostCommands(topology: Topology, host: Host): string[] {
  return [
    ...(host.container
      ? [`docker cp ${host.container}:${packageAt} ${shellWord(host.packageDir)}`]
      : []),
    ...buildCommands(topology, host),
    ...(topology === "image" ? [] : [makeDirectories(volumeOwner(topology, host), host.source)]),
    ...(hasGateway(topology) ? stateCommands(host) : []),
  ];
}

function buildCommands(topology: Topology, host: Host): string[] {
  const context = shellWord(host.packageDir);
  const build = (name: string, more = ""): string =>
    `docker build -f ${context}/Dockerfile.example --target ${name}${more} -t openclaw-skills-${name} ${context}`;
  const gateway = hasGateway(topology) ? [build("gateway")] : [];
  if (!hasCommand(topology, host)) return gateway;
  if (topology !== "seed" && topology !== "image") return [build("sandbox"), ...gateway];
  // A build sees only its context.
  const skills = shellWord(`${host.packageDir}/my/skills`);
  const copy = `mkdir -p ${skills} && cp -R ${shellWord(`${host.state}/workspace/skills/.`)} ${skills}/`;
  return [
    copy,
    build(topology === "seed" ? "seeded" : "prebuilt", " --build-arg SKILLS=my/skills"),
  ];
}

/** The user that fills the volume. */
function volumeOwner(topology: Topology, { agent }: Host): Owner {
  return hasGateway(topology) ? gatewayOwner : agent;
}

function makeDirectories({ uid, gid }: Owner, ...paths: readonly string[]): string {
  return `install -d -o ${uid} -g ${gid} ${paths.map(shellWord).join(" ")}`;
}

/** Prepares the gateway's container: a state directory of its user, a token, the engine's group. */
function stateCommands({ state, stateOwner }: Host): string[] {
  const { uid, gid } = gatewayOwner;
  const isForeign = stateOwner !== undefined && stateOwner.uid !== uid;
  const token = "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \\n')";
  const group = `$(stat -Lc %g "${hostSocket}")`;
  const lines = `printf 'OPENCLAW_GATEWAY_TOKEN=%s\\nDOCKER_GID=%s\\n' "${token}" "${group}"`;
  return [
    makeDirectories(gatewayOwner, state, `${state}/workspace`, `${state}/workspace/skills`),
    ...(isForeign ? [`chown -R ${uid}:${gid} ${shellWord(state)}`] : []),
    `grep -qs ^OPENCLAW_GATEWAY_TOKEN= .env || (umask 077; ${lines} >>.env)`,
  ];
}

/** Commands after the files are written: start the services and recreate running sandboxes. */
export function laterCommands(topology: Topology, host: Host): string[] {
  const recreate = "sandbox recreate --all --force";
  if (hasGateway(topology)) {
    const inside = `docker compose exec openclaw-gateway node openclaw.mjs ${recreate}`;
    return ["docker compose up -d", inside];
  }
  const inside = host.container ? `docker exec ${host.container} node openclaw.mjs` : "openclaw";
  return [`${inside} ${recreate}`];
}

/** The same for a gateway that runs directly on this machine. */
export function ownGatewayCommands(topology: Topology, { isHost, source, agent }: Host): string[] {
  if (!isHost || !hasGateway(topology)) return [];
  return [
    makeDirectories(agent, source),
    "openclaw-install-skill-deps --ignore-system -- openclaw gateway",
    "openclaw sandbox recreate --all --force",
  ];
}

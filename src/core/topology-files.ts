import { dirname } from "node:path";
import { shellWord } from "./launcher.ts";
import { commandName, defaultSeed, layout } from "./layout.ts";
import {
  buildsGateway,
  type Host,
  hasCommand,
  hasGateway,
  type Owner,
  sandboxImage,
  type Topology,
  target,
} from "./topology.ts";
import { gatewayImage, gatewayOwner, hostSocket, npxWord } from "./topology-compose.ts";

const packageAt = `/usr/local/lib/${commandName}`;
const profile = `/${layout.profile}`;

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
  if (!buildsGateway(topology)) return [];
  return [
    ...commandLines(gatewayImage),
    `RUN install -d -o 1000 -g 1000 ${target}`,
    `ENV PATH="$PATH:${target}/bin"`,
    `ENTRYPOINT ["${commandName}", "--ignore-system", "--"]`,
    'CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]',
  ];
}

function commandLines(from: string): string[] {
  return [
    `COPY --from=${from} ${packageAt} ${packageAt}`,
    `COPY --from=${from} ${profile} ${profile}`,
    `RUN ln -s ../lib/${commandName}/entrypoint/${commandName} /usr/local/bin/`,
  ];
}

/** Shell commands to run once on the host: build images and create directories. */
export function hostCommands(topology: Topology, host: Host): string[] {
  return [
    ...(host.container && topology !== "stock"
      ? [`docker cp ${host.container}:${packageAt} ${shellWord(host.packageDir)}`]
      : []),
    ...(topology === "stock" ? packCommands(host) : buildCommands(topology, host)),
    ...(topology === "image" ? [] : [makeDirectories(volumeOwner(topology, host), host.source)]),
    ...(hasGateway(topology) ? stateCommands(host) : []),
  ];
}

function packCommands({ isPacked, packageDir, npmPackage }: Host): string[] {
  const context = shellWord(packageDir);
  return isPacked
    ? [`npm pack --silent --pack-destination ${shellWord(dirname(npmPackage))} ${context}`]
    : [];
}

function buildCommands(topology: Topology, host: Host): string[] {
  const context = shellWord(host.packageDir);
  const build = (name: string, more = ""): string =>
    `docker build -f ${context}/Dockerfile.example --target ${name}${more} -t openclaw-skills-${name} ${context}`;
  const gateway = buildsGateway(topology) ? [build("gateway")] : [];
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
    const wait = `docker compose exec skill-deps ${target}/bin/${commandName} health`;
    const ready = topology === "stock" ? [`until ${wait}; do sleep 2; done`] : [];
    return ["docker compose up -d", ...ready, inside];
  }
  const inside = host.container ? `docker exec ${host.container} node openclaw.mjs` : "openclaw";
  return [`${inside} ${recreate}`];
}

/** The same for a gateway that runs directly on this machine. */
export function ownGatewayCommands(topology: Topology, host: Host): string[] {
  const { isHost, source, agent } = host;
  if (!isHost || !hasGateway(topology)) return [];
  const prefix = `--prefix ${shellWord(source)}`;
  const run =
    topology === "stock"
      ? `npx -y ${shellWord(npxWord(host.npmPackage))} --ignore-system ${prefix}`
      : `${commandName} --ignore-system`;
  return [
    makeDirectories(agent, source),
    `${run} -- openclaw gateway`,
    "openclaw sandbox recreate --all --force",
  ];
}

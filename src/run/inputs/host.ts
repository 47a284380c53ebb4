import { hostname } from "node:os";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { stateDir, userPath } from "../../core/skills/config.ts";
import {
  type Host,
  hasCommand,
  hasGateway,
  isWriter,
  refusedSource,
  type Topology,
} from "../../core/topology.ts";
import { lstatIfExists, statIfExists, tolerate } from "../../io/files.ts";
import { readOpenClawConfig } from "../../io/inputs/openclaw-config.ts";
import { mountSource } from "../../io/mounts.ts";
import { resolvePrefix } from "./volume.ts";

/** A directory for the volume where this place does not say which. */
const usualSource = "/srv/openclaw-volume";
const usualState = "/srv/openclaw-state";

/** The place, and what could not be told from here. */
export interface InspectedHost {
  readonly site: Host;
  readonly notes: readonly string[];
}

/**
 * Looks at the place that a configuration is for: on a host, its own directories; in a container, the
 * host's directories that are mounted in it. Throws a UserError (`config`) where OpenClaw would refuse
 * the volume's directory.
 */
export async function inspectHost(topology: Topology, context: Context): Promise<InspectedHost> {
  const { options, home, uid } = context;
  const has = async (path: string): Promise<boolean> =>
    (await tolerate(lstatIfExists(path))) !== undefined;
  const isContainer = (await has("/.dockerenv")) || (await has("/run/.containerenv"));
  const hasScript = await has("/etc/profile.d/openclaw-skill-deps.sh");
  const dirs = isContainer ? await seenFromInside(context) : await seenOnHost(topology, context);
  const refusal = topology === "image" ? undefined : refusedSource(dirs.source, home);
  if (refusal !== undefined) {
    const message = `${dirs.source} cannot be mounted into a sandbox: ${refusal}`;
    throw new UserError("E_SANDBOX_MOUNT", message, {
      hint: `Choose another directory for the volume: --prefix ${usualSource}`,
    });
  }
  const { image } = options;
  const [state, workspace] = [await statIfExists(dirs.seenState), await workspaceOf(context)];
  const agent = (await statIfExists(workspace.path)) ?? state ?? { uid, gid: uid };
  const isInside = workspace.isOnly && dirs.source.startsWith(`${workspace.path}/`);
  const host: Host = {
    source: dirs.source,
    state: dirs.state,
    // What a container's gateway calls its workspace is nowhere on the host.
    isExternal: isContainer || hasGateway(topology) || !isInside,
    ...(image === undefined ? {} : { image }),
    // An image is built from our Dockerfile, or it is this very container's.
    hasProfile: image === undefined && (!isContainer || hasScript),
    isHost: !isContainer,
    packageDir: dirs.packageDir,
    ...(isContainer ? { container: containerName() } : {}),
    agent: { uid: agent.uid, gid: agent.gid },
    ...(state === undefined ? {} : { stateOwner: { uid: state.uid, gid: state.gid } }),
  };
  return { site: host, notes: [...dirs.notes, ...notesOn(topology, host)] };
}

/** What cannot be said in the lines themselves. */
function notesOn(topology: Topology, host: Host): string[] {
  const { image } = host;
  const command = `${image} must have openclaw-install-skill-deps; the Dockerfile lines add it`;
  const gateway = [
    "whoever reaches the engine's socket is root on the host: the gateway needs it to start sandboxes, no sandbox gets it",
    "OPENCLAW_SKILL_TOOLS keeps the docker client in the volume; leave it out where the gateway's image has one",
  ];
  const access =
    "workspaceAccess shows setup the skills of the workspace; the agent is offered one when the gateway finds its programs too";
  return [
    ...(image !== undefined && hasCommand(topology, { image }) ? [command] : []),
    ...(hasGateway(topology) ? gateway : []),
    ...(isWriter(topology) ? [access] : []),
    'without sandbox.mode OpenClaw starts no sandbox; "non-main" leaves the main session outside of one',
  ];
}

/** An engine names a container's host after it, unless it is told another name. */
function containerName(): string {
  const name = hostname();
  return /^[0-9a-f]{12}$/.test(name) ? name : "CONTAINER";
}

interface Directories {
  readonly source: string;
  readonly state: string;
  /** The state directory as it is seen from here. */
  readonly seenState: string;
  readonly packageDir: string;
  readonly notes: readonly string[];
}

async function seenOnHost(topology: Topology, context: Context): Promise<Directories> {
  const { env, home, packageDir } = context;
  const own = stateDir(env, home);
  // A gateway in a container gets one of its own where there is none.
  const isNew = hasGateway(topology) && !env.OPENCLAW_STATE_DIR && !(await lstatIfExists(own));
  const state = isNew ? usualState : own;
  return { source: await resolvePrefix(context), state, seenState: state, packageDir, notes: [] };
}

async function seenFromInside(context: Context): Promise<Directories> {
  const { env, home, options } = context;
  const prefix = await resolvePrefix(context);
  const mounted = await mountSource(prefix);
  const source = mounted ?? options.prefix ?? usualSource;
  const check = "compare it with docker inspect, under Mounts";
  const seenState = stateDir(env, home);
  return {
    source,
    state: (await mountSource(seenState)) ?? usualState,
    seenState,
    packageDir: "openclaw-install-skill-deps",
    notes: [
      mounted === undefined
        ? `no directory of the host is mounted at ${prefix}; ${source} is taken for one of the host`
        : `${prefix} is ${source} on the host, as far as this container sees; ${check}`,
    ],
  };
}

/** The agents' workspace, and whether there are agents that may have others. */
async function workspaceOf({
  env: given,
  home,
}: Context): Promise<{ path: string; isOnly: boolean }> {
  const { config, env } = await readOpenClawConfig(given, home);
  const { defaults, agents } = config;
  const named = defaults.workspace ?? env.OPENCLAW_WORKSPACE_DIR;
  const path = named ? userPath(named, env, home) : join(stateDir(env, home), "workspace");
  return { path, isOnly: agents.size === 0 };
}

import { hostname } from "node:os";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { UserError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { stateDir, userPath } from "../../core/skills/config.ts";
import {
  type Host,
  hasCommand,
  hasGateway,
  isWriter,
  refusedSource,
  type Topology,
} from "../../core/topology.ts";
import { isDirectory, lstatIfExists, statIfExists, tolerate } from "../../io/files.ts";
import { readOpenClawConfig } from "../../io/inputs/openclaw-config.ts";
import { mountSource } from "../../io/mounts.ts";
import { readKey } from "../catalogue/key.ts";
import { packageFor } from "./npm-package.ts";
import { resolvePrefix } from "./volume.ts";

/** The volume's directory if this host does not have one. */
const usualSource = "/srv/openclaw-volume";
const usualState = "/srv/openclaw-state";

/** The host, and notes about what could not be determined. */
export interface InspectedHost {
  readonly host: Host;
  readonly notes: readonly string[];
}

/**
 * Inspects the host that a configuration is for: its own directories, or in a container the mounted
 * directories of its host. Throws a UserError (`config`) if OpenClaw would refuse the volume's
 * directory.
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
    // The workspace path in a gateway's container does not exist on the host.
    isExternal: isContainer || hasGateway(topology) || !isInside,
    ...(image === undefined ? {} : { image }),
    // An image is built from our Dockerfile, or it is this container's own.
    hasProfile: image === undefined && (!isContainer || hasScript),
    hasLibraries: await wantsLibraries(context, topology),
    isHost: !isContainer,
    ...catalogueVariables(context),
    packageDir: dirs.packageDir,
    ...(await packageFor(context, isContainer)),
    ...(isContainer ? { container: containerName() } : {}),
    agent: { uid: agent.uid, gid: agent.gid },
    ...(state === undefined ? {} : { stateOwner: { uid: state.uid, gid: state.gid } }),
  };
  return { host, notes: [...dirs.notes, ...notesOn(topology, host)] };
}

/** True if skills' own packages are allowed, or the volume has some. */
async function wantsLibraries(context: Context, topology: Topology): Promise<boolean> {
  if (context.options.allowLibraries || topology === "image") return context.options.allowLibraries;
  const index = join(await resolvePrefix(context), layout.libraries);
  return (await tolerate(() => isDirectory(index))) === true;
}

/** A key in a file is written out: containers do not have the file. */
function catalogueVariables({ options }: Context): Pick<Host, "variables"> {
  const { catalogue, catalogueKey } = options;
  if (catalogue === undefined) return {};
  const key = readKey(options)?.key?.text ?? catalogueKey;
  const ofKey = key === undefined ? {} : { OPENCLAW_SKILL_CATALOGUE_KEY: key };
  return { variables: { OPENCLAW_SKILL_CATALOGUE: catalogue, ...ofKey } };
}

/** Notes that do not fit into the lines themselves. */
function notesOn(topology: Topology, host: Host): string[] {
  const { image } = host;
  const command = `${image} must have openclaw-install-skill-deps; the Dockerfile lines add it`;
  const gateway = [
    "access to the engine's socket means root on the host: the gateway needs it to start sandboxes, sandboxes do not get it",
    "OPENCLAW_SKILL_TOOLS keeps the docker client in the volume; leave it out if the gateway's image has one",
  ];
  const access =
    "with workspaceAccess, setup sees the skills of the workspace; the agent gets a skill only if the gateway also finds its programs";
  const fetched = `npm's registry must have ${host.npmPackage}; --package FILE names a tarball of npm pack instead`;
  const hooks =
    "PYTHONPATH and NODE_OPTIONS let scripts of skills import their packages; Node does not start while the file in NODE_OPTIONS is missing, so fill the volume first";
  const isFetched = topology === "stock" && !host.npmPackage.startsWith("/");
  return [
    ...(isFetched ? [fetched] : []),
    ...(image !== undefined && hasCommand(topology, { image }) ? [command] : []),
    ...(hasGateway(topology) ? gateway : []),
    ...(isWriter(topology) ? [access] : []),
    ...(host.hasLibraries && (!host.hasProfile || topology === "stock") ? [hooks] : []),
    'without sandbox.mode OpenClaw starts no sandbox; "non-main" runs the main session outside of it',
  ];
}

/** By default an engine sets a container's host name to its id. */
function containerName(): string {
  const name = hostname();
  return /^[0-9a-f]{12}$/.test(name) ? name : "CONTAINER";
}

interface Directories {
  readonly source: string;
  readonly state: string;
  /** The path of the state directory in this container. */
  readonly seenState: string;
  readonly packageDir: string;
  readonly notes: readonly string[];
}

async function seenOnHost(topology: Topology, context: Context): Promise<Directories> {
  const { env, home, packageDir } = context;
  const own = stateDir(env, home);
  // A gateway in a container gets its own state directory if there is none.
  const isNew = hasGateway(topology) && !env.OPENCLAW_STATE_DIR && !(await lstatIfExists(own));
  const state = isNew ? usualState : own;
  return { source: await resolvePrefix(context), state, seenState: state, packageDir, notes: [] };
}

async function seenFromInside(context: Context): Promise<Directories> {
  const { env, home, options } = context;
  const prefix = await resolvePrefix(context);
  const mounted = await mountSource(prefix);
  const source = mounted ?? options.prefix ?? usualSource;
  const check = "compare it with Mounts in docker inspect";
  const seenState = stateDir(env, home);
  return {
    source,
    state: (await mountSource(seenState)) ?? usualState,
    seenState,
    packageDir: "openclaw-install-skill-deps",
    notes: [
      mounted === undefined
        ? `no directory of the host is mounted at ${prefix}; ${source} is assumed to be a path on the host`
        : `${prefix} is ${source} on the host, as far as this container sees; ${check}`,
    ],
  };
}

/** The agents' workspace, and whether agents may have other ones. */
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

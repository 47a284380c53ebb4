import { join } from "node:path";
import { stateDir, userPath } from "../core/config.ts";
import { UserError } from "../core/errors.ts";
import { hasCommand, refusedSource, type Site, type Topology } from "../core/topology.ts";
import { look } from "../io/files.ts";
import { mountSource } from "../io/mounts.ts";
import { readOpenClawConfig } from "../io/openclaw-config.ts";
import type { Place } from "./place.ts";
import { resolvePrefix } from "./survey-volume.ts";

/** A directory for the volume where this place does not say which. */
const usualSource = "/srv/openclaw-volume";

/** The place, and what could not be told from here. */
export interface SeenSite {
  readonly site: Site;
  readonly notes: readonly string[];
}

/**
 * Looks at the place that a configuration is for: on a host, its own directories; in a container, the
 * host's directories that are mounted in it. Throws a UserError (`config`) where OpenClaw would refuse
 * the volume's directory.
 */
export async function lookAtSite(topology: Topology, place: Place): Promise<SeenSite> {
  const { options, home, packageDir } = place;
  const isContainer = Boolean((await look("/.dockerenv")) ?? (await look("/run/.containerenv")));
  const hasScript = Boolean(await look("/etc/profile.d/openclaw-skill-deps.sh"));
  const dirs = isContainer ? await seenFromInside(place) : await seenOnHost(place);
  const refusal = topology === "image" ? undefined : refusedSource(dirs.source, home);
  if (refusal !== undefined) {
    throw new UserError("config", `${dirs.source} cannot be lent to a sandbox: ${refusal}`, {
      hint: `Choose another directory for the volume: --prefix ${usualSource}`,
    });
  }
  const { image } = options;
  const site: Site = {
    source: dirs.source,
    state: dirs.state,
    isExternal: isContainer || (await isOutsideWorkspace(dirs.source, place)),
    ...(image === undefined ? {} : { image }),
    // An image is built from our Dockerfile, or it is this very container's.
    hasProfile: image === undefined && (!isContainer || hasScript),
    isHost: !isContainer,
    packageDir,
  };
  const command = `${image} must have openclaw-install-skill-deps; the Dockerfile lines add it`;
  const needsCommand = image !== undefined && hasCommand(topology, { image });
  return { site, notes: needsCommand ? [...dirs.notes, command] : dirs.notes };
}

interface Directories {
  readonly source: string;
  readonly state: string;
  readonly notes: readonly string[];
}

async function seenOnHost(place: Place): Promise<Directories> {
  const { env, home } = place;
  return { source: await resolvePrefix(place), state: stateDir(env, home), notes: [] };
}

async function seenFromInside(place: Place): Promise<Directories> {
  const { env, home, options } = place;
  const prefix = await resolvePrefix(place);
  const mounted = await mountSource(prefix);
  const source = mounted ?? options.prefix ?? usualSource;
  const check = "compare it with docker inspect, under Mounts";
  return {
    source,
    state: (await mountSource(stateDir(env, home))) ?? "/srv/openclaw-state",
    notes: [
      mounted === undefined
        ? `no directory of the host is mounted at ${prefix}; ${source} is taken for one of the host`
        : `${prefix} is ${source} on the host, as far as this container sees; ${check}`,
    ],
  };
}

/** True unless every agent's workspace is the one that the directory lies in. */
async function isOutsideWorkspace(source: string, { env: given, home }: Place): Promise<boolean> {
  const { config, env } = await readOpenClawConfig(given, home);
  const { defaults, agents } = config;
  const named = defaults.workspace ?? env.OPENCLAW_WORKSPACE_DIR;
  const workspace = named ? userPath(named, env, home) : join(stateDir(env, home), "workspace");
  return agents.size > 0 || !source.startsWith(`${workspace}/`);
}

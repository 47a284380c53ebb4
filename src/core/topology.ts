/** Ways to have the volume filled and found, and what `--help` says of each. */
export const topologies = {
  sandbox: "sandboxes with a network install for themselves",
  gateway:
    "the gateway's container fills the volume before it starts; sandboxes mount it read-only",
  provisioner: "a one-shot service fills the volume; gateway and sandboxes mount it read-only",
  seed: "the image carries the programs and fills the volume from them, without a network",
  image: "the image has the programs itself; there is no volume",
} as const;
export type Topology = keyof typeof topologies;

/** What is known of the place that the configuration is for. */
export interface Host {
  /** The volume on the host that starts the containers. Absolute. */
  readonly source: string;
  /** OpenClaw's state directory on that host. Absolute. */
  readonly state: string;
  /** OpenClaw takes a bind's source without being told only from inside of the agents' workspace. */
  readonly isExternal: boolean;
  /** Sandboxes use this image as it is; absent: one that is built from our Dockerfile. */
  readonly image?: string;
  /** The image's login shells find the volume by `/etc/profile.d`. */
  readonly hasProfile: boolean;
  /** The gateway is a program of this machine: its own tool calls need a PATH as well. */
  readonly isHost: boolean;
  /** Where this package lies, as the host sees it: the build context. */
  readonly packageDir: string;
  /** This container, by the name that it has on its host: the package is copied out of it. */
  readonly container?: string;
  /** Who owns the agents' workspace, and so whom OpenClaw runs sandboxes as. */
  readonly agent: Owner;
  /** Who owns the state directory, where that is there. */
  readonly stateOwner?: Owner;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A fragment of openclaw.json, to be merged into the operator's own. */
export interface OpenClawFragment {
  readonly agents: { readonly defaults: { readonly sandbox: SandboxFragment } };
  readonly tools?: { readonly exec: { readonly pathPrepend: readonly string[] } };
}

interface SandboxFragment {
  /** OpenClaw's default is none. */
  readonly mode: "all";
  /** Else a sandbox sees no skill whose programs the gateway lacks, so setup would install nothing for it. */
  readonly workspaceAccess?: "ro";
  readonly docker: DockerFragment;
}

interface DockerFragment {
  readonly image: string;
  /** Whom OpenClaw takes with docker anyway; with podman it would leave root's workspace to the image's user. */
  readonly user?: "0:0";
  readonly network?: "bridge";
  readonly binds?: readonly string[];
  readonly dangerouslyAllowExternalBindSources?: true;
  readonly env?: { readonly PATH: string };
  readonly setupCommand?: string;
}

/** Containers have the volume here, wherever the host has it: our images' scripts look for it there. */
export const target = "/opt/openclaw";
const command = "openclaw-install-skill-deps";
/** What a login shell has in Debian, and the volume at its end: nothing in it hides the image's own. */
const searchPath = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${target}/bin`;

/** The image that sandboxes of a topology are started from. */
export function sandboxImage(topology: Topology, { image }: Pick<Host, "image">): string {
  if (image !== undefined) return image;
  const names = { seed: "openclaw-skills-seeded", image: "openclaw-skills-prebuilt" } as const;
  return topology === "seed" || topology === "image" ? names[topology] : "openclaw-skills-sandbox";
}

/** True where the gateway's container has the volume too, and fills it itself or waits for who does. */
export function hasGateway(topology: Topology): boolean {
  return topology === "gateway" || topology === "provisioner";
}

/** True where sandboxes themselves write to the volume. */
export function isWriter(topology: Topology): boolean {
  return topology === "sandbox" || topology === "seed";
}

/** False for an image that is taken as it is, unless nothing would be had without our command. */
export function hasCommand(topology: Topology, { image }: Pick<Host, "image">): boolean {
  return image === undefined || isWriter(topology) || topology === "image";
}

/** What openclaw.json has to say. */
export function openclawFragment(topology: Topology, host: Host): OpenClawFragment {
  const mode = isWriter(topology) ? "rw" : "ro";
  const volume =
    topology === "image"
      ? {}
      : {
          binds: [`${host.source}:${target}:${mode}`],
          ...(host.isExternal ? { dangerouslyAllowExternalBindSources: true as const } : {}),
        };
  const docker: DockerFragment = {
    image: sandboxImage(topology, host),
    ...(isWriter(topology) && host.agent.uid === 0 ? { user: "0:0" as const } : {}),
    ...(topology === "sandbox" ? { network: "bridge" as const } : {}),
    ...volume,
    ...(host.hasProfile ? {} : { env: { PATH: searchPath } }),
    ...(hasCommand(topology, host) ? { setupCommand: command } : {}),
  };
  const access = isWriter(topology) ? { workspaceAccess: "ro" as const } : {};
  const agents = { defaults: { sandbox: { mode: "all" as const, ...access, docker } } };
  if (!host.isHost || !hasGateway(topology)) return { agents };
  return { agents, tools: { exec: { pathPrepend: [`${host.source}/bin`] } } };
}

/**
 * Why OpenClaw would refuse a directory as the source of a bind, whatever its configuration allows;
 * undefined where it would not. `home` is that of the user who runs the gateway.
 */
export function refusedSource(source: string, home: string): string | undefined {
  if (source.includes(":")) return "a colon separates a bind's source from its target";
  const below = (inner: string, outer: string): boolean =>
    inner === outer || inner.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
  const own = [".aws", ".cargo", ".config", ".docker", ".gnupg", ".netrc", ".npm", ".ssh"];
  const refused = [
    ...["/etc", "/proc", "/sys", "/dev", "/root", "/boot", "/run", "/var/run"],
    ...own.map((name) => `${home}/${name}`),
  ];
  const hit = refused.find((path) => below(source, path) || below(path, source));
  return hit === undefined ? undefined : `OpenClaw does not mount ${hit} into a sandbox`;
}

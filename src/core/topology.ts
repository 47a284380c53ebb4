import { commandName, defaultPrefix, layout } from "./layout.ts";

/** Ways to fill and mount the volume, and their texts in `--help`. */
export const topologies = {
  stock: "OpenClaw's own images: one service fills the volume, which carries this command",
  sandbox: "sandboxes with a network install for themselves",
  gateway:
    "the gateway's container fills the volume before it starts; sandboxes mount it read-only",
  provisioner: "a one-shot service fills the volume; gateway and sandboxes mount it read-only",
  seed: "the image carries the programs and fills the volume from them, without a network",
  image: "the image has the programs itself; there is no volume",
} as const;
export type Topology = keyof typeof topologies;

/** The host that the configuration is for. */
export interface Host {
  /** The volume on the host that starts the containers. Absolute. */
  readonly source: string;
  /** OpenClaw's state directory on that host. Absolute. */
  readonly state: string;
  /**
   * True if the volume is outside the agents' workspace: OpenClaw then needs permission for the
   * bind.
   */
  readonly isExternal: boolean;
  /** Sandboxes use this image unchanged; absent: one built from our Dockerfile. */
  readonly image?: string;
  /** The image's login shells add the volume to PATH by `/etc/profile.d`. */
  readonly hasProfile: boolean;
  /** Scripts of skills are to find their packages in the volume. */
  readonly hasLibraries: boolean;
  /** Every container that runs this command has these: they name the catalogue. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The gateway runs directly on this machine: its own tool calls need a PATH as well. */
  readonly isHost: boolean;
  /** The path of this package on the host: the build context. */
  readonly packageDir: string;
  /** What npx is given: this package's name and version, or the absolute path of a tarball. */
  readonly npmPackage: string;
  /** The tarball must first be made from `packageDir`. */
  readonly isPacked: boolean;
  /** This container's name on its host: the package is copied out of it. */
  readonly container?: string;
  /** The owner of the agents' workspace, which is the user that OpenClaw runs sandboxes as. */
  readonly agent: Owner;
  /** The owner of the state directory, if that exists. */
  readonly stateOwner?: Owner;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A part of openclaw.json, to be merged into the operator's own. */
export interface OpenClawFragment {
  readonly agents: { readonly defaults: { readonly sandbox: SandboxFragment } };
  readonly tools?: { readonly exec: { readonly pathPrepend: readonly string[] } };
}

interface SandboxFragment {
  /** OpenClaw's default is none. */
  readonly mode: "all";
  /**
   * Without it a sandbox sees only skills whose programs the gateway has, so setup would install
   * nothing for the others.
   */
  readonly workspaceAccess?: "ro";
  readonly docker: DockerFragment;
}

interface DockerFragment {
  readonly image: string;
  /**
   * OpenClaw's default with docker; with podman the image's user would otherwise run and could not
   * read root's workspace.
   */
  readonly user?: "0:0";
  readonly network?: "bridge";
  readonly binds?: readonly string[];
  readonly dangerouslyAllowExternalBindSources?: true;
  readonly env?: Readonly<Record<string, string>>;
  readonly setupCommand?: string;
}

/** The mount point in containers, whatever the path on the host: our images' scripts expect it. */
export const target = defaultPrefix;
/**
 * Debian's PATH of a login shell, with the volume last, so that it hides no program of the image.
 */
export const searchPath = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${target}/bin`;

/** How the topologies differ. */
interface TopologyFacts {
  /** The image of its sandboxes. */
  readonly image: string;
  /** Whose gateway mounts the volume too, and fills it or waits until it is filled. */
  readonly gateway?: "stock" | "ours";
  /** Sandboxes write to the volume. */
  readonly isWriter?: true;
}

const facts: Readonly<Record<Topology, TopologyFacts>> = {
  stock: { image: "openclaw-sandbox:bookworm-slim", gateway: "stock" }, // OpenClaw's default
  sandbox: { image: "openclaw-skills-sandbox", isWriter: true },
  gateway: { image: "openclaw-skills-sandbox", gateway: "ours" },
  provisioner: { image: "openclaw-skills-sandbox", gateway: "ours" },
  seed: { image: "openclaw-skills-seeded", isWriter: true },
  image: { image: "openclaw-skills-prebuilt" },
};

/** The image of a topology's sandboxes. */
export function sandboxImage(topology: Topology, { image }: Pick<Host, "image">): string {
  return image ?? facts[topology].image;
}

/**
 * True if the gateway's container mounts the volume too, and fills it or waits until it is filled.
 */
export function hasGateway(topology: Topology): boolean {
  return facts[topology].gateway !== undefined;
}

/** True where the gateway's image is one of Dockerfile.example. */
export function buildsGateway(topology: Topology): boolean {
  return facts[topology].gateway === "ours";
}

/** True if sandboxes write to the volume. */
export function isWriter(topology: Topology): boolean {
  return facts[topology].isWriter === true;
}

/** False for an unchanged image, unless nothing would be installed without our command. */
export function hasCommand(topology: Topology, { image }: Pick<Host, "image">): boolean {
  if (topology === "stock") return false;
  return image === undefined || isWriter(topology) || topology === "image";
}

/** The settings for openclaw.json. */
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
    ...envOf(topology, host),
    ...setup(topology, host),
  };
  const access = isWriter(topology) ? { workspaceAccess: "ro" as const } : {};
  const agents = { defaults: { sandbox: { mode: "all" as const, ...access, docker } } };
  // What starts a stock gateway has the volume on its PATH, and tool calls get that.
  if (!host.isHost || !buildsGateway(topology)) return { agents };
  return { agents, tools: { exec: { pathPrepend: [`${host.source}/bin`] } } };
}

function envOf(topology: Topology, host: Host): Pick<DockerFragment, "env"> {
  const isSet = host.hasProfile && topology !== "stock";
  const env = { ...(isSet ? {} : sandboxEnv(topology, host)), ...host.variables };
  return Object.keys(env).length > 0 ? { env } : {};
}

/** What our profile script would set. */
function sandboxEnv(topology: Topology, { hasLibraries }: Host): Readonly<Record<string, string>> {
  if (!hasLibraries) return { PATH: searchPath };
  const [python, node, wheels] = [layout.pythonHook, layout.nodeHook, layout.uvWheels].map(
    (path) => `${target}/${path}`,
  ) as [string, string, string];
  const offline = { UV_OFFLINE: "1", UV_FIND_LINKS: wheels, UV_CACHE_DIR: "/tmp/uv-cache" };
  return {
    PATH: searchPath,
    PYTHONPATH: python,
    NODE_OPTIONS: `--require=${node}/register.cjs`,
    ...(topology === "sandbox" ? {} : offline),
  };
}

function setup(topology: Topology, host: Host): Pick<DockerFragment, "setupCommand"> {
  if (topology === "stock") return { setupCommand: `${target}/bin/${commandName}` };
  return hasCommand(topology, host) ? { setupCommand: commandName } : {};
}

/**
 * Why OpenClaw would refuse a directory as the source of a bind under any configuration; undefined
 * if it accepts it. `home` is that of the user who runs the gateway.
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

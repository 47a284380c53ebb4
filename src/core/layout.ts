import { dirname } from "node:path";

/** What begins the names of all library sets, and of no recipe. */
export const librariesPrefix = "libraries-";
/** The directory of library sets in `lib/`, which therefore no tool may have as its name. */
export const librariesDir = "skills";

const isSet = (tool: string): boolean => tool.startsWith(librariesPrefix);

/** Paths in the volume. Every path is relative to the prefix, with `/`. */
const share = "share/openclaw-skill-deps";

export const layout = {
  manifest: "manifest.json",
  bin: "bin",
  lib: "lib",
  share,
  /** One directory per run, named by the run's owner token. */
  staging: "lib/.staging",
  lastRun: `${share}/last-run.json`,
  /** Its modification time is when the next prune is due; absent if nothing needs pruning. */
  pruneDue: `${share}/prune-due`,
  /** The recipes that skills' own install specs led to at first use. */
  declared: `${share}/declared.json`,
  /** Catalogues of `--catalogue`, each named by its digest. */
  catalogues: `${share}/catalogues`,
  catalogueFile: (sha256: string): string => `${share}/catalogues/${sha256}.catalogue.json`,
  /** What came of agents' requests. */
  agentLog: `${share}/requests.json`,
  /** What login shells found, as long as it counts. */
  loginShells: `${share}/login-shells.json`,
  /** Freshness records, for the sh entrypoint. */
  freshness: `${share}/freshness`,
  /** How the volume's file system differs from others: see `probe`. */
  traits: `${share}/file-system.json`,
  /** Written once and never again: its inode shows whether inodes are stable. */
  kept: `${share}/inode`,
  profile: "etc/profile.d/openclaw-skill-deps.sh",
  /** A link to OpenClaw's plugin in the command's tree: a path without a version, for openclaw.json. */
  plugin: `${share}/plugin`,
  /** Links to the hooks by which scripts find library sets: for PYTHONPATH and NODE_OPTIONS. */
  pythonHook: `${share}/python`,
  nodeHook: `${share}/node`,
  /** Wheels without modules, for uv. */
  uvWheels: `${share}/wheels`,
  /** The program that OpenClaw starts as its install policy. */
  policyProgram: "etc/openclaw-install-policy",
  /** The InstalledRecord of a tree, written before the tree is published. */
  record: ".openclaw-skill-deps.json",
  binPath: (bin: string): string => `bin/${bin}`,
  /** By content of dependency files and interpreter line, a link to what scripts import from. */
  libraries: `${share}/libraries`,
  /** The directory of a tool's trees: its own, or that of all library sets. */
  treesDir: (tool: string): string => `lib/${isSet(tool) ? librariesDir : tool}`,
  treeDir: (tool: string, version: string, key: string): string =>
    isSet(tool)
      ? `lib/${librariesDir}/${tool.slice(librariesPrefix.length)}-${key}`
      : `lib/${tool}/${version}-${key}`,
} as const;

/** The command's own name: that of its tool in the volume, and of that tool's only program. */
export const commandName = "openclaw-install-skill-deps";

/** The volume whose command a package in this directory would be; undefined in any other place. */
export function volumeOfPackage(packageDir: string): string | undefined {
  const trees = dirname(packageDir);
  const isTree = trees.endsWith(`/${layout.lib}/${commandName}`);
  return (isTree && trees.slice(0, -`/${layout.lib}/${commandName}`.length)) || undefined;
}

/** Where an image keeps a volume as a seed for others. */
export const defaultSeed = "/usr/local/share/openclaw-skill-deps/seed";

export const defaultPrefix = "/opt/openclaw";

/** Where things lie in the volume. Every path is relative to the prefix, with `/`. */
const share = "share/openclaw-skill-deps";

export const layout = {
  manifest: "manifest.json",
  bin: "bin",
  lib: "lib",
  share,
  /** One directory per run; its name is the run's owner token. */
  staging: "lib/.staging",
  lastRun: `${share}/last-run.json`,
  /** Its time is when there will be something to sweep; absent where there is nothing. */
  sweepDue: `${share}/sweep-due`,
  /** What skills' own install specs led to when they were first used. */
  declared: `${share}/declared.json`,
  /** Records of the steady state, for the sh entrypoint. */
  steady: `${share}/steady`,
  /** What the volume's file system does that others do not: see `probe`. */
  traits: `${share}/file-system.json`,
  /** Written once and never again: its inode tells whether inodes last. */
  kept: `${share}/inode`,
  profile: "etc/profile.d/openclaw-skill-deps.sh",
  /** The InstalledRecord of a tree, written before the tree is published. */
  record: ".openclaw-skill-deps.json",
  binPath: (bin: string): string => `bin/${bin}`,
  treeDir: (tool: string, version: string, key: string): string => `lib/${tool}/${version}-${key}`,
} as const;

/** Where an image carries a volume to fill others from. */
export const defaultSeed = "/usr/local/share/openclaw-skill-deps/seed";

/** The default volume. */
export const defaultPrefix = "/opt/openclaw";

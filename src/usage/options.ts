/**
 * The options of the command line. `parseArgs` takes its definitions from here; help, the man page,
 * shell completions and README.md are generated from the same entries. All texts are ASCII, because
 * the sh entrypoint prints them in any locale.
 */

export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  readonly multiple?: boolean;
  /** The value's name in help: `DIR`. */
  readonly value?: string;
  /** False if the value is optional; it is then given with `=`. */
  readonly needsValue?: boolean;
  /** Shell completion of the value: file names, directory names, or these words. */
  readonly completes?: "file" | "directory" | readonly string[];
  /** The environment variable with the same meaning, and the separator of its values. */
  readonly env?: string;
  readonly text: string;
}

export const options = {
  prefix: {
    type: "string",
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_PREFIX",
    text: "the volume; default the one that this command lies in, else /opt/openclaw, or $XDG_DATA_HOME/openclaw if that cannot be created",
  },
  "skills-dir": {
    type: "string",
    multiple: true,
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_DIRS (:)",
    text: "read these skills instead of OpenClaw's own directories; may be repeated",
  },
  recipes: {
    type: "string",
    multiple: true,
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_RECIPES (:)",
    text: "use recipes from here before the bundled catalogue; may be repeated",
  },
  catalogue: {
    type: "string",
    value: "SPEC",
    env: "OPENCLAW_SKILL_CATALOGUE",
    text: "use this catalogue instead of the bundled one: npm:NAME@VERSION, or a URL or file with #sha256=HEX or a signature",
  },
  "catalogue-key": {
    type: "string",
    value: "KEY|FILE",
    completes: "file",
    env: "OPENCLAW_SKILL_CATALOGUE_KEY",
    text: "the public key of minisign that must have signed the catalogue",
  },
  requests: {
    type: "string",
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_REQUESTS",
    text: "let agents ask for tools of the catalogue: a file DIR/NAME is a request, DIR/NAME.answer the answer",
  },
  all: { type: "boolean", text: "select every skill, also bundled ones" },
  skill: {
    type: "string",
    multiple: true,
    value: "NAME",
    env: "OPENCLAW_SKILLS (,)",
    text: "also select this bundled skill; may be repeated",
  },
  "force-reinstall": {
    type: "boolean",
    short: "f",
    text: "reinstall what is present and valid; the old tree stays in use until the new one is ready",
  },
  "ignore-system": {
    type: "boolean",
    text: "ignore programs outside the volume that are on PATH",
  },
  platform: {
    type: "string",
    value: "P",
    completes: ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"],
    text: "install for this platform (linux-x64 or linux-arm64, with -musl for musl), without smoke tests",
  },
  mirror: {
    type: "string",
    multiple: true,
    value: "FROM=TO",
    env: "OPENCLAW_SKILL_MIRRORS (,)",
    text: "fetch URLs that begin with FROM from TO; digests stay those of the recipe; may be repeated",
  },
  seed: {
    type: "string",
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_SEED",
    text: "copy tools from this volume before using the network; empty for none; default /usr/local/share/openclaw-skill-deps/seed",
  },
  "allow-declared": {
    type: "boolean",
    env: "OPENCLAW_SKILL_ALLOW_DECLARED=1",
    text: "if there is no recipe, use the skill's own install spec, pinned at first use; off by default, because skills are untrusted text",
  },
  "allow-libraries": {
    type: "boolean",
    env: "OPENCLAW_SKILL_ALLOW_LIBRARIES=1",
    text: "install the Python and Node packages that skills' dependency files declare, pinned at first use; --allow-declared covers it",
  },
  declared: {
    type: "string",
    value: "FILE",
    completes: "file",
    env: "OPENCLAW_SKILL_DECLARED",
    text: "use the pins in this file, a reviewed copy of a volume's declared.json, for what skills declare; nothing in it is resolved again",
  },
  offline: { type: "boolean", text: "do not use the network" },
  "dry-run": { type: "boolean", text: "print the plan and change nothing" },
  strict: { type: "boolean", text: "exit with 3 if a requirement is unmet" },
  "no-wait": {
    type: "boolean", // the entrypoint handles it, and passes on all its words
    text: "start the command after -- at once, and install in the background",
  },
  watch: {
    type: "boolean", // as --no-wait
    text: "with a command behind --: look again while it runs, and install what changed",
  },
  interval: {
    type: "string",
    value: "SECONDS",
    text: "how often watch looks; default 2",
  },
  "no-notify": {
    type: "boolean",
    env: "OPENCLAW_SKILL_NO_NOTIFY=1",
    text: "do not write the status skill, by which running sessions of OpenClaw notice what has changed",
  },
  deep: { type: "boolean", text: "hash every installed file" },
  repair: { type: "boolean", text: "install what is missing or damaged first" },
  sha256: {
    type: "string",
    value: "HEX",
    text: "the expected digest of the file, as printed by bundle export",
  },
  image: { type: "string", value: "NAME", text: "sandboxes use this image, unchanged" },
  package: {
    type: "string",
    value: "NAME|FILE",
    completes: "file",
    text: "what npx gets in place of this package's name and version: a .tgz of npm pack, or another name",
  },
  name: { type: "string", value: "NAME", text: "the recipe's name" },
  bin: {
    type: "string",
    multiple: true,
    value: "NAME",
    text: "a program that the recipe provides; may be repeated",
  },
  fetch: {
    type: "boolean",
    text: "also download the artifacts and compare them with their digests",
  },
  force: { type: "boolean", text: "overwrite files that exist" },
  jobs: { type: "string", value: "N", text: "how many tools to install in parallel" },
  json: {
    type: "string",
    value: "events",
    needsValue: false,
    completes: ["events"],
    text: "print one JSON document on stdout; --json=events: one JSON object per line for each event",
  },
  quiet: { type: "boolean", short: "q", text: "print only warnings and errors" },
  verbose: {
    type: "boolean",
    short: "v",
    text: "also print each request, redirect, retry, mirror and skipped source",
  },
  "no-progress": { type: "boolean", text: "print lines instead of progress bars" },
  help: { type: "boolean", short: "h", text: "show help, for the given command or for all" },
  version: { type: "boolean", text: "print the version" },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof options;

/** Environment variables that have no option. */
export const variables: Readonly<Record<string, string>> = {
  OPENCLAW_SKILL_TOOLS:
    "tools to keep in the volume besides what skills require (separated by spaces)",
  OPENCLAW_SKILL_TIMEOUT: "seconds to wait for a server that does not respond",
  OPENCLAW_SKILL_DEPS_NODE: "the Node binary that runs the command; none: start none, only verify",
  OPENCLAW_SKILL_DEPS_CODE_CACHE:
    "write: store compiled code beside the program, for faster starts (in image builds)",
  OPENCLAW_SKILL_PROFILE_DIR:
    "directory of the login-shell script instead of /etc/profile.d; empty: none",
  NO_COLOR:
    "disables colour; FORCE_COLOR=1 forces it; the default is colour if the output is a terminal",
};

/** `-f, --force-reinstall`, `--prefix DIR`, `--json[=events]`. */
export function optionWords(name: OptionName): string {
  const { short, value, needsValue = true }: Option = options[name];
  const long = `--${name}${value === undefined ? "" : needsValue ? ` ${value}` : `[=${value}]`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

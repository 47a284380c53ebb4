/**
 * The options of the command line, once: `parseArgs` reads its definitions here, and help, the man page,
 * the shells' completions and README.md are made of the same entries. All texts are ASCII, because the
 * sh entrypoint prints them whatever the locale.
 */

export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in help: `DIR`. */
  readonly value?: string;
  /** False where the value may be left out; it is given with `=` then. */
  readonly needsValue?: boolean;
  /** What a shell completes the value with: names of files, of directories, or these words. */
  readonly completes?: "file" | "directory" | readonly string[];
  /** The environment variable that says the same, with the separator of its values. */
  readonly env?: string;
  readonly text: string;
}

export const options = {
  prefix: {
    type: "string",
    value: "DIR",
    completes: "directory",
    env: "OPENCLAW_SKILL_PREFIX",
    text: "the volume; default /opt/openclaw, or $XDG_DATA_HOME/openclaw where that cannot be made",
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
    text: "look here for recipes before the bundled catalogue; may be repeated",
  },
  all: { type: "boolean", text: "select every skill in view, bundled ones too" },
  skill: {
    type: "string",
    multiple: true,
    value: "NAME",
    env: "OPENCLAW_SKILLS (,)",
    text: "select this bundled skill too; may be repeated",
  },
  "force-reinstall": {
    type: "boolean",
    short: "f",
    text: "install again what is present and valid; the old tree stays in use until the new one is ready",
  },
  "ignore-system": {
    type: "boolean",
    text: "do not count a program found elsewhere on PATH as present",
  },
  platform: {
    type: "string",
    value: "P",
    completes: ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"],
    text: "install for this platform (linux-x64 or linux-arm64, with -musl for musl); nothing is test-run then",
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
    text: "where no recipe exists, use the skill's own install spec, pinned at first use; off by default, because skills are untrusted text",
  },
  offline: { type: "boolean", text: "do not use the network" },
  "dry-run": { type: "boolean", text: "print the plan, change nothing" },
  strict: { type: "boolean", text: "exit with 3 where something is unmet" },
  "no-wait": {
    type: "boolean", // the entrypoint acts on it, and passes all its words on
    text: "start the command behind -- at once, and install meanwhile",
  },
  deep: { type: "boolean", text: "read every byte of what is installed" },
  repair: { type: "boolean", text: "first install what is missing or damaged" },
  sha256: {
    type: "string",
    value: "HEX",
    text: "the digest that the file must have, as bundle export printed it",
  },
  image: { type: "string", value: "NAME", text: "sandboxes use this image, unchanged" },
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
  jobs: { type: "string", value: "N", text: "how many tools are installed at once" },
  json: {
    type: "string",
    value: "events",
    needsValue: false,
    completes: ["events"],
    text: "one JSON document on stdout; --json=events: one JSON object a line for each event",
  },
  quiet: { type: "boolean", short: "q", text: "print warnings and errors only" },
  verbose: {
    type: "boolean",
    short: "v",
    text: "print each request, redirect, retry, mirror and skipped source too",
  },
  "no-progress": { type: "boolean", text: "print lines instead of progress bars" },
  help: { type: "boolean", short: "h", text: "show help, of the command that is named with it" },
  version: { type: "boolean", text: "print the version" },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof options;

/** What the environment says and no option does. */
export const variables: Readonly<Record<string, string>> = {
  OPENCLAW_SKILL_TOOLS:
    "tools to keep in the volume besides what skills ask for (spaces between them)",
  OPENCLAW_SKILL_TIMEOUT: "seconds to wait for a server that sends nothing",
  OPENCLAW_SKILL_DEPS_NODE: "the Node that runs the command",
  OPENCLAW_SKILL_DEPS_CODE_CACHE:
    "write: leave compiled code beside the program, for faster starts (at image builds)",
  OPENCLAW_SKILL_PROFILE_DIR:
    "where the login-shell script goes instead of /etc/profile.d; empty for nowhere",
  NO_COLOR:
    "set: no colour; FORCE_COLOR=1 forces it; else there is colour where the output is a terminal",
};

/** `-f, --force-reinstall`, `--prefix DIR`, `--json[=events]`. */
export function optionWords(name: OptionName): string {
  const { short, value, needsValue = true }: Option = options[name];
  const long = `--${name}${value === undefined ? "" : needsValue ? ` ${value}` : `[=${value}]`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

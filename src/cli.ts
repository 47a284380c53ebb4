import { parseArgs } from "node:util";
import { parseHexDigest } from "./core/digest.ts";
import { UserError } from "./core/errors.ts";
import { nearest } from "./core/names.ts";
import { type Mirror, parseMirror } from "./net/mirror.ts";
import { shownValue, wrongSetting } from "./net/setting.ts";

/** The command line and the environment, read and checked. */
export interface Options {
  readonly verb: Verb;
  /** Tools or programs for `install` and `update`; what follows the verb otherwise. */
  readonly names: readonly string[];
  /** `OPENCLAW_SKILL_TOOLS`: tools or programs that are to be in the volume, as NAMEs are. */
  readonly tools: readonly string[];
  /** Absent: the default, see `resolvePrefix`. */
  readonly prefix: string | undefined;
  readonly skillsDirs: readonly string[];
  readonly recipeDirs: readonly string[];
  readonly all: boolean;
  readonly skills: readonly string[];
  readonly force: boolean;
  readonly ignoreSystem: boolean;
  readonly platform: string | undefined;
  /** Lower-case hexadecimal digits that the file of `bundle import` must have. */
  readonly sha256: string | undefined;
  readonly offline: boolean;
  readonly dryRun: boolean;
  readonly strict: boolean;
  /** Read every byte of what is installed. */
  readonly deep: boolean;
  readonly repair: boolean;
  readonly json: false | "document" | "events";
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: boolean;
  readonly jobs: number;
  /** A volume to take trees from; absent: the image's own, if it has one; empty: none. */
  readonly seed: string | undefined;
  /** Sandboxes use this image as it is (`config`). */
  readonly image: string | undefined;
  /** Throws a UserError (`config`) where the environment names one that is none: read when it is needed. */
  readonly mirrors: () => readonly Mirror[];
  /** Where no recipe exists, a skill's own install spec will do. */
  readonly allowDeclared: boolean;
  /** What the verbs of `recipe` for authors take. */
  readonly author: AuthorOptions;
}

interface AuthorOptions {
  /** The recipe's name (`recipe new`). */
  readonly name: string | undefined;
  /** Its programs. */
  readonly bins: readonly string[];
  /** Writes over what is there. */
  readonly overwrite: boolean;
  /** Looks at the bytes, too (`recipe check`). */
  readonly fetch: boolean;
}

const verbs = [
  "install",
  "requirements",
  "list",
  "outdated",
  "update",
  "remove",
  "gc",
  "bundle",
  "doctor",
  "recipe",
  "config",
  "help",
  "version",
] as const;
type Verb = (typeof verbs)[number];

/** Other programs' words for our verbs. */
const meant: Readonly<Record<string, Verb>> = {
  add: "install",
  ls: "list",
  rm: "remove",
  uninstall: "remove",
  upgrade: "update",
};

/** The verb that somebody meant by a word that is none; undefined where it is like none of them. */
export function nearVerb(word: string): Verb | undefined {
  const small = word.toLowerCase();
  const begun = small.length >= 3 ? verbs.find((verb) => verb.startsWith(small)) : undefined;
  // Two letters are near to too many programs' names.
  const candidates = verbs.filter((verb) => verb.length > 3);
  const near = nearest(small, candidates);
  return meant[small] ?? begun ?? candidates.find((verb) => verb === near);
}

type Env = Readonly<Record<string, string | undefined>>;

export const help = `Keeps the programs that OpenClaw skills need in a persistent volume.

  openclaw-install-skill-deps [install] [NAME…]   install what is missing; NAMEs (tools or programs)
                                                  restrict it to themselves, and later runs keep
                                                  them in the volume
  openclaw-install-skill-deps requirements        what the skills in view ask for, and why each is
                                                  or is not selected
  openclaw-install-skill-deps list                what the volume holds
  openclaw-install-skill-deps outdated            what the catalogue has newer
  openclaw-install-skill-deps update [NAME…]      install those
  openclaw-install-skill-deps remove NAME…        take tools out of the volume
  openclaw-install-skill-deps gc                  take out what no skill and nobody asks for, and
                                                  replaced versions; says what it frees
  openclaw-install-skill-deps bundle export FILE  pack the volume into one .tar.gz or .tar.zst
  openclaw-install-skill-deps bundle import FILE [--sha256 HEX]
                                                  take in what such a file has newer, without
                                                  network. It proves that its bytes are whole, not
                                                  who made it: demand the digest that export printed
  openclaw-install-skill-deps doctor [--deep] [--repair]
                                                  what of what is asked for is there, missing (and
                                                  why) or damaged (--deep: reads every byte), and how
                                                  the last run went; --repair installs it first.
                                                  Ends with 4 while anything is missing or damaged
  openclaw-install-skill-deps recipe list         the catalogue
  openclaw-install-skill-deps recipe check [--fetch] FILE…
                                                  every problem of recipe files, with its line;
                                                  --fetch: also whether the bytes are as pinned
  openclaw-install-skill-deps recipe new SOURCE [--name NAME] [--bin NAME…] [--force]
                                                  for authors: write the recipe of a release's URL
                                                  (and that for the other processor), npm:NAME,
                                                  pypi:NAME, deb:NAME or go:MODULE, with @VERSION
  openclaw-install-skill-deps recipe pin FILE…    for authors: digests and sizes anew, after a change
                                                  of version or URL
  openclaw-install-skill-deps recipe lock FILE…   for authors: make the locks of Debian packages and
                                                  Python programs, say the checksums of Go modules
  openclaw-install-skill-deps config [TOPOLOGY]   openclaw.json, compose and Dockerfile lines that fit
                                                  this place. sandbox: each installs for itself;
                                                  gateway: its start fills the volume; provisioner
                                                  (default): a one-shot service does; seed: an image
                                                  carries the programs and fills the volume; image:
                                                  it has them, without a volume. --image NAME:
                                                  sandboxes use that one as it is
  openclaw-install-skill-deps [install] … -- CMD  install, then become CMD (for entrypoints)
  openclaw-install-skill-deps … --no-wait -- CMD  become CMD at once, and install meanwhile

  --prefix DIR         the volume; default /opt/openclaw            OPENCLAW_SKILL_PREFIX
  --skills-dir DIR     read these skills instead of the default     OPENCLAW_SKILL_DIRS (:)
                       roots; may be repeated
  --recipes DIR        searched before the bundled catalogue        OPENCLAW_SKILL_RECIPES (:)
                       tools to keep in the volume, as NAMEs are    OPENCLAW_SKILL_TOOLS
  --all                select every skill in view
  --skill NAME         select this bundled skill too; repeatable    OPENCLAW_SKILLS (,)
  -f, --force-reinstall  install again what is present and valid; the old one stays in use until
                       the new one is there
  --ignore-system      do not count a program found elsewhere on PATH as present
  --platform P         provision for linux-x64 or linux-arm64 (-musl); no smoke test then
  --mirror FROM=TO     fetch URLs that begin with FROM from TO      OPENCLAW_SKILL_MIRRORS (,)
  --sha256 HEX         what bundle import demands of its file
  --seed DIR           a volume whose trees are taken before the     OPENCLAW_SKILL_SEED
                       network is asked; default
                       /usr/local/share/openclaw-skill-deps/seed
  --allow-declared     where no recipe exists, use the skill's own    OPENCLAW_SKILL_ALLOW_DECLARED=1
                       install spec, pinned at first use; off by
                       default: skills are untrusted text
  --offline            do not use the network
                       seconds to wait for a server that sends      OPENCLAW_SKILL_TIMEOUT
                       nothing
  --dry-run            print the plan, change nothing
  --strict             fail (3) where something is unmet
  --json[=events]      one JSON document on stdout, or NDJSON events
  -q, -v               only warnings; more detail
  --jobs N             how many at once
  --no-progress        plain lines instead of bars
  --help, --version

Exit status: 0 done, 1 a bug, 2 usage, configuration or recipe wrong, 3 unmet under --strict,
4 integrity, 5 could not be had now (network, disk, permission): trying again may help.
`;

const definitions = {
  prefix: { type: "string" },
  "skills-dir": { type: "string", multiple: true },
  recipes: { type: "string", multiple: true },
  all: { type: "boolean" },
  skill: { type: "string", multiple: true },
  "force-reinstall": { type: "boolean", short: "f" },
  "ignore-system": { type: "boolean" },
  platform: { type: "string" },
  seed: { type: "string" },
  image: { type: "string" },
  mirror: { type: "string", multiple: true },
  sha256: { type: "string" },
  "allow-declared": { type: "boolean" },
  name: { type: "string" },
  bin: { type: "string", multiple: true },
  fetch: { type: "boolean" },
  force: { type: "boolean" },
  offline: { type: "boolean" },
  "dry-run": { type: "boolean" },
  strict: { type: "boolean" },
  "no-wait": { type: "boolean" }, // the entrypoint's, which passes all its words on
  deep: { type: "boolean" },
  repair: { type: "boolean" },
  json: { type: "string" },
  quiet: { type: "boolean", short: "q" },
  verbose: { type: "boolean", short: "v" },
  jobs: { type: "string" },
  "no-progress": { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/**
 * Reads the command line. `cores` sets the default of `--jobs`. Throws a UserError (`usage`) that
 * names the word that is wrong.
 */
export function parseOptions(args: readonly string[], env: Env, cores: number): Options {
  const { values, positionals } = parseWords(args);
  const [first, ...rest] = positionals;
  const verb = chooseVerb(values, first);
  const names = verb === first ? rest : positionals;
  const [recipesEnv, dirsEnv] = [env.OPENCLAW_SKILL_RECIPES, env.OPENCLAW_SKILL_DIRS];
  return {
    verb,
    names,
    tools: split(env.OPENCLAW_SKILL_TOOLS, /[\s,]+/),
    prefix: values.prefix ?? (env.OPENCLAW_SKILL_PREFIX || undefined),
    skillsDirs: values["skills-dir"] ?? split(dirsEnv, ":"),
    recipeDirs: values.recipes ?? split(recipesEnv, ":"),
    all: values.all ?? false,
    skills: values.skill ?? split(env.OPENCLAW_SKILLS, ","),
    force: values["force-reinstall"] ?? false,
    ignoreSystem: values["ignore-system"] ?? false,
    platform: values.platform,
    sha256: parseSha256(values.sha256, verb),
    offline: values.offline ?? false,
    dryRun: values["dry-run"] ?? false,
    strict: values.strict ?? false,
    deep: values.deep ?? false,
    repair: values.repair ?? false,
    json: jsonMode(values.json),
    quiet: values.quiet ?? false,
    verbose: values.verbose ?? false,
    progress: !(values["no-progress"] ?? false),
    jobs: parseJobs(values.jobs, cores),
    seed: values.seed ?? env.OPENCLAW_SKILL_SEED,
    image: values.image,
    allowDeclared: values["allow-declared"] ?? isSwitchedOn(env.OPENCLAW_SKILL_ALLOW_DECLARED),
    author: authorOptions(values, verb),
    mirrors: readMirrors(values.mirror, env.OPENCLAW_SKILL_MIRRORS),
  };
}

function isSwitchedOn(text: string | undefined): boolean {
  return text === "1" || text === "true";
}

function parseWords(args: readonly string[]) {
  // `--json` takes its mode with `=` only, so that it never swallows the word behind it.
  const words = args.map((word) => (word === "--json" ? "--json=document" : word));
  try {
    return parseArgs({ args: words, options: definitions, allowPositionals: true });
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
    throw new UserError("usage", message, { hint: "See openclaw-install-skill-deps --help." });
  }
}

function chooseVerb(
  values: { help?: boolean | undefined; version?: boolean | undefined },
  first: string | undefined,
): Verb {
  if (values.help) return "help";
  if (values.version) return "version";
  return verbs.find((verb) => verb === first) ?? "install";
}

function jsonMode(text: string | undefined): Options["json"] {
  if (text === undefined) return false;
  if (text === "document" || text === "events") return text;
  throw new UserError("usage", `--json=${text} is not a mode`, {
    hint: "Write --json for one document, --json=events for a line per event.",
  });
}

function parseJobs(text: string | undefined, cores: number): number {
  // Most of them wait for the network, which takes no core.
  if (text === undefined) return Math.min(16, Math.max(12, cores));
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new UserError("usage", `--jobs ${text} is not a number from 1 to 64`);
}

function parseSha256(text: string | undefined, verb: Verb): string | undefined {
  if (text === undefined) return undefined;
  const hint = "Write bundle import FILE --sha256 with the 64 digits that bundle export printed.";
  if (verb !== "bundle") throw new UserError("usage", "--sha256 is for bundle import", { hint });
  const digest = parseHexDigest("sha256", text.replace(/^sha256:/, ""));
  if (digest) return digest.hex;
  throw new UserError("usage", `--sha256 ${text} is not a sha256`, { hint });
}

function authorOptions(
  given: {
    name?: string | undefined;
    bin?: string[] | undefined;
    fetch?: boolean | undefined;
    force?: boolean | undefined;
  },
  verb: Verb,
): AuthorOptions {
  const { name, bin, fetch, force } = given;
  const [wrong] = Object.entries({ name, bin, fetch, force }).find(([, value]) => value) ?? [];
  if (wrong !== undefined && verb !== "recipe") {
    throw new UserError("usage", `--${wrong} is for recipe`, {
      hint: wrong === "force" ? "Did you mean --force-reinstall?" : "See recipe new in --help.",
    });
  }
  return { name, bins: bin ?? [], overwrite: force ?? false, fetch: fetch ?? false };
}

function readMirrors(given: string[] | undefined, inEnv: string | undefined): () => Mirror[] {
  const hint = "Both are URL prefixes: --mirror https://github.com/=https://mirror.example/github/";
  const ofOption = given?.map((text) => {
    const mirror = parseMirror(text);
    if (mirror) return mirror;
    throw new UserError("usage", `--mirror ${shownValue(text)} is not FROM=TO`, { hint });
  });
  if (ofOption) return () => ofOption;
  return () =>
    split(inEnv, ",").map((value) => {
      const mirror = parseMirror(value);
      if (mirror) return mirror;
      throw wrongSetting({ name: "OPENCLAW_SKILL_MIRRORS", value }, "is not FROM=TO", hint);
    });
}

function split(text: string | undefined, separator: string | RegExp): string[] {
  return (text ?? "")
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

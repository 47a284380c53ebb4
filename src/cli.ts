import { parseArgs } from "node:util";
import { parseHexDigest } from "./core/digest.ts";
import { UserError } from "./core/errors.ts";
import type { Env } from "./core/platform.ts";
import { nearest } from "./core/wording.ts";
import { type Mirror, parseMirror } from "./net/mirror.ts";
import { shownValue, wrongSetting } from "./net/setting.ts";
import { type Verb, verbs } from "./usage/commands.ts";
import { options as definitions } from "./usage/options.ts";

/** The command line and the environment, parsed and checked. */
export interface Options {
  readonly verb: Verb;
  /**
   * Tools or programs for `install` and `update`; the words of a command for `help`; otherwise the
   * operands.
   */
  readonly names: readonly string[];
  /** `OPENCLAW_SKILL_TOOLS`: tools or programs that the volume must have, as if they were NAMEs. */
  readonly tools: readonly string[];
  /** Absent: the default, see `resolvePrefix`. */
  readonly prefix: string | undefined;
  readonly skillsDirs: readonly string[];
  readonly recipeDirs: readonly string[];
  /** The catalogue that replaces the bundled one: see `parseCatalogueSpec`. */
  readonly catalogue: string | undefined;
  /** The key that must have signed it, or the key's file. */
  readonly catalogueKey: string | undefined;
  /** The directory in which agents may ask for tools. */
  readonly requestsDir: string | undefined;
  readonly all: boolean;
  readonly skills: readonly string[];
  readonly force: boolean;
  readonly ignoreSystem: boolean;
  readonly platform: string | undefined;
  /** The required digest of the file of `bundle import`, lower-case hexadecimal. */
  readonly sha256: string | undefined;
  readonly offline: boolean;
  readonly dryRun: boolean;
  readonly strict: boolean;
  /** Hash every file of what is installed. */
  readonly deep: boolean;
  readonly repair: boolean;
  readonly json: false | "document" | "events";
  readonly quiet: boolean;
  /** True for a run of `watch`, or of --watch beside CMD. */
  readonly isWatched: boolean;
  /** What changed, if `watch` started this run; see `reasonOf`. */
  readonly reason: string | undefined;
  readonly verbose: boolean;
  readonly progress: boolean;
  readonly jobs: number;
  /** A volume to copy trees from; absent: the image's own, if it has one; empty: none. */
  readonly seed: string | undefined;
  /** Sandboxes use this image unchanged (`config`). */
  readonly image: string | undefined;
  /** What npx is given for this package (`config`): a tarball's path or a name. */
  readonly npmPackage: string | undefined;
  /**
   * Throws a UserError (`config`) if the environment has an invalid one, which matters only when it
   * is used.
   */
  readonly mirrors: () => readonly Mirror[];
  /** If there is no recipe, use a skill's own install spec. */
  readonly allowDeclared: boolean;
  /** Install what the dependency files of skills declare. */
  readonly allowLibraries: boolean;
  /** Pins that the operator has reviewed, in the form of the volume's declared.json. */
  readonly declaredFile: string | undefined;
  /** Write the status skill, by which running sessions notice what has changed. */
  readonly notify: boolean;
  /** The options of `recipe`'s verbs for authors. */
  readonly author: AuthorOptions;
}

interface AuthorOptions {
  /** The recipe's name (`recipe new`). */
  readonly name: string | undefined;
  /** Its programs. */
  readonly bins: readonly string[];
  /** Overwrite existing files. */
  readonly overwrite: boolean;
  /** Also check the downloads (`recipe check`). */
  readonly fetch: boolean;
}

/** Other programs' names for our verbs. */
const meant: Readonly<Record<string, Verb>> = {
  add: "install",
  downgrade: "rollback",
  find: "search",
  ls: "list",
  pin: "hold",
  rm: "remove",
  show: "info",
  uninstall: "remove",
  unpin: "unhold",
  upgrade: "update",
};

/** The verb that a mistyped word means; undefined if it resembles none. */
export function nearVerb(word: string): Verb | undefined {
  const small = word.toLowerCase();
  const begun = small.length >= 3 ? verbs.find((verb) => verb.startsWith(small)) : undefined;
  // Words of two letters are too close to many programs' names.
  const candidates = verbs.filter((verb) => verb.length > 3);
  const near = nearest(small, candidates);
  return meant[small] ?? begun ?? candidates.find((verb) => verb === near);
}

/**
 * Parses the command line. `cores` sets the default of `--jobs`. Throws a UserError (`usage`) that
 * names the wrong word.
 */
export function parseOptions(args: readonly string[], env: Env, cores: number): Options {
  const { values, positionals } = parseWords(args);
  refuseEmpty(values);
  const [first, ...rest] = positionals;
  const chosen = chooseVerb(values, first);
  const names = chosen === first ? rest : namesOf(chosen, positionals);
  if (chosen === "watch" && args[0] !== "watch") throw notFirst(chosen);
  const { verb, isWatched } = asRun(chosen, values);
  if (chosen === first) refuseIgnored(chosen, rest, values);
  return {
    verb,
    names,
    tools: split(env.OPENCLAW_SKILL_TOOLS, /[\s,]+/),
    ...directories(values, env),
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
    isWatched,
    reason: env.OPENCLAW_SKILL_DEPS_REASON || undefined,
    verbose: values.verbose ?? false,
    progress: !(values["no-progress"] ?? false),
    jobs: parseJobs(values.jobs, cores),
    image: values.image,
    npmPackage: values.package,
    allowDeclared: isOn(values["allow-declared"], env.OPENCLAW_SKILL_ALLOW_DECLARED),
    allowLibraries:
      isOn(values["allow-libraries"], env.OPENCLAW_SKILL_ALLOW_LIBRARIES) ||
      isOn(values["allow-declared"], env.OPENCLAW_SKILL_ALLOW_DECLARED),
    declaredFile: (values.declared ?? env.OPENCLAW_SKILL_DECLARED) || undefined,
    notify: !isOn(values["no-notify"], env.OPENCLAW_SKILL_NO_NOTIFY),
    author: authorOptions(values, verb),
    mirrors: readMirrors(values.mirror, env.OPENCLAW_SKILL_MIRRORS),
  };
}

/** The entrypoint recognises these verbs only as the first word: elsewhere they may be the value of an option. */
export function notFirst(verb: Verb): UserError {
  return new UserError("E_USAGE", `${verb} must be the first word`, {
    hint: `Run openclaw-install-skill-deps ${verb}, and then the options.`,
  });
}

type Values = ReturnType<typeof parseWords>["values"];

function directories(
  values: Values,
  env: Env,
): Pick<
  Options,
  "prefix" | "skillsDirs" | "recipeDirs" | "catalogue" | "catalogueKey" | "requestsDir" | "seed"
> {
  return {
    prefix: values.prefix ?? (env.OPENCLAW_SKILL_PREFIX || undefined),
    skillsDirs: values["skills-dir"] ?? split(env.OPENCLAW_SKILL_DIRS, ":"),
    recipeDirs: values.recipes ?? split(env.OPENCLAW_SKILL_RECIPES, ":"),
    catalogue: (values.catalogue ?? env.OPENCLAW_SKILL_CATALOGUE) || undefined,
    catalogueKey: (values["catalogue-key"] ?? env.OPENCLAW_SKILL_CATALOGUE_KEY) || undefined,
    requestsDir: (values.requests ?? env.OPENCLAW_SKILL_REQUESTS) || undefined,
    seed: values.seed ?? env.OPENCLAW_SKILL_SEED,
  };
}

/** Throws a UserError (`usage`) for an empty value in a list: as a directory it would be the working directory. */
function refuseEmpty(values: Values): void {
  const empty = Object.entries(values).find(([, all]) => Array.isArray(all) && all.includes(""));
  if (!empty) return;
  throw new UserError("E_USAGE", `--${empty[0]} has an empty value`, {
    hint: "Perhaps a variable that is not set. Leave the option out, or give it a value.",
  });
}

/** The entrypoint looks again and again for `watch`; each run of ours is one of `install`. */
function asRun(verb: Verb, values: Values): Pick<Options, "verb" | "isWatched"> {
  const isWatched = verb === "watch" || values.watch === true;
  if (isWatched) refuseToRepeat(values);
  return { verb: verb === "watch" ? "install" : verb, isWatched };
}

/** Throws a UserError (`usage`) for what would be done again at every change. */
function refuseToRepeat(values: Values): void {
  const wrong = values["dry-run"]
    ? "--dry-run"
    : values["force-reinstall"]
      ? "--force-reinstall"
      : values.json === "document" && "--json";
  if (!wrong) return;
  throw new UserError("E_USAGE", `watch does not take ${wrong}: it would do that again and again`, {
    hint: wrong === "--json" ? "Write --json=events." : "Run it without watch.",
  });
}

/** Throws a UserError (`usage`) for words that a command would ignore, although they limit what it does. */
function refuseIgnored(verb: Verb, operands: readonly string[], values: Values): void {
  const [extra] = operands;
  if (extra !== undefined && withoutOperands.includes(verb)) {
    throw new UserError("E_USAGE", `${verb} takes no name: ${extra}`, {
      hint: `Run openclaw-install-skill-deps help ${verb}.`,
    });
  }
  if (!values["dry-run"] || !writers.includes(verb)) return;
  throw new UserError("E_USAGE", `${verb} has no --dry-run`, {
    hint: `Nothing was changed. See openclaw-install-skill-deps help ${verb}.`,
  });
}

/** They are about the whole volume. */
const withoutOperands: readonly Verb[] = ["list", "gc", "doctor", "version"];
/** They change files, and cannot only show what they would do. */
const writers: readonly Verb[] = ["hold", "unhold", "recipe"];

/** An option without a value, or its variable. */
function isOn(given: boolean | undefined, variable: string | undefined): boolean {
  return given ?? /^(1|true|yes|on)$/i.test(variable ?? "");
}

function parseWords(args: readonly string[]) {
  // `--json` takes its mode only after `=`, so that it never consumes the next word.
  const words = args.map((word) => (word === "--json" ? "--json=document" : word));
  try {
    return parseArgs({ args: words, options: definitions, allowPositionals: true });
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
    throw new UserError("E_USAGE", message, { hint: "See openclaw-install-skill-deps --help." });
  }
}

function chooseVerb(values: Values, first: string | undefined): Verb {
  if (values.help) return "help";
  if (values.version) return "version";
  return verbs.find((verb) => verb === first) ?? "install";
}

/** `install --help` is about install; in `gog --help` the word is no command. */
function namesOf(verb: Verb, positionals: string[]): string[] {
  if (verb !== "help") return positionals;
  return verbs.some((known) => known === positionals[0]) ? positionals : [];
}

function jsonMode(text: string | undefined): Options["json"] {
  if (text === undefined) return false;
  if (text === "document" || text === "events") return text;
  throw new UserError("E_USAGE", `--json=${text} is not a mode`, {
    hint: "Write --json for one document, --json=events for a line per event.",
  });
}

function parseJobs(text: string | undefined, cores: number): number {
  // Most jobs wait for the network, which needs no core.
  if (text === undefined) return Math.min(16, Math.max(12, cores));
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new UserError("E_USAGE", `--jobs ${text} is not a number from 1 to 64`);
}

function parseSha256(text: string | undefined, verb: Verb): string | undefined {
  if (text === undefined) return undefined;
  const hint = "Write bundle import FILE --sha256 with the 64 digits that bundle export printed.";
  if (verb !== "bundle") throw new UserError("E_USAGE", "--sha256 is for bundle import", { hint });
  const digest = parseHexDigest("sha256", text.replace(/^sha256:/, ""));
  if (digest) return digest.hex;
  throw new UserError("E_USAGE", `--sha256 ${text} is not a sha256`, { hint });
}

function authorOptions({ name, bin, fetch, force }: Values, verb: Verb): AuthorOptions {
  const [wrong] = Object.entries({ name, bin, fetch, force }).find(([, value]) => value) ?? [];
  if (wrong !== undefined && verb !== "recipe") {
    throw new UserError("E_USAGE", `--${wrong} is for recipe`, {
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
    throw new UserError("E_USAGE", `--mirror ${shownValue(text)} is not FROM=TO`, { hint });
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

/**
 * Why `watch` started a run: in words, whether it knows that there is anything to do, and whether nothing that it
 * compares has changed: then what cannot be installed was reported before.
 */
export function reasonOf({ reason = "" }: Pick<Options, "reason">) {
  const [, prefix, words = reason] = /^(maybe|same): (.*)$/s.exec(reason) ?? [];
  return { words, isSure: prefix === undefined, isRepeat: prefix === "same" };
}

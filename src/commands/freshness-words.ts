import { dirname, join } from "node:path";
import { type Options, parseOptions } from "../cli.ts";
import type { Context } from "../context.ts";
import { defaultSeed } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";
import { configFile } from "../core/skills/config.ts";
import { viewWithWord } from "../io/freshness/view.ts";
import { options as definitions } from "../usage/options.ts";

/** Options that change how a run works, but not its result. */
const manner: readonly (keyof Options)[] = [
  "prefix", // is part of a record's key
  "offline",
  "strict",
  "quiet",
  "verbose",
  "isWatched",
  "reason",
  "progress",
  "jobs",
  "mirrors",
  "notify",
];

/** Options that select what is installed, besides NAMEs. */
const selection: readonly (keyof Options)[] = [
  "skillsDirs",
  "recipeDirs",
  "catalogue",
  "catalogueKey",
  "requestsDir",
  "all",
  "skills",
  "ignoreSystem",
  "seed",
  "allowDeclared",
  "allowLibraries",
  "declaredFile",
];

const defaults = parseOptions([], {}, 1);

/**
 * True if a run with these options may leave a freshness record, so that the entrypoint answers the
 * same words with "nothing to do". False for every option that does more, or prints something else;
 * events are the exception, because a watcher may print them: see `FreshnessFacts.isForWatch`.
 */
export function mayLeaveRecord(options: Options): boolean {
  const json = options.json === "document" ? options.json : false;
  return differsOnlyIn({ ...options, json }, [...manner, ...selection, "names", "tools"]);
}

/**
 * The view that the entrypoint passed; empty if none. It will be another one if this run has made a directory of
 * skills, `madeRoot`, that the entrypoint lists if it exists (`describe_view`).
 */
export function nextView({ env, home }: Context, madeRoot: string | undefined): string {
  const view = env.OPENCLAW_SKILL_DEPS_VIEW ?? "";
  if (view === "" || madeRoot === undefined) return view;
  const state = dirname(madeRoot);
  const isWorkshop = (word: string) =>
    word.startsWith(`${state}/agents/`) && word.endsWith("/agent/workshop-skills");
  const following = [
    join(state, "plugin-skills"),
    isWorkshop,
    configFile(env, home),
    env.OPENCLAW_BUNDLED_SKILLS_DIR || "/app/skills",
    env.OPENCLAW_SKILL_SEED ?? defaultSeed,
    "openclaw",
  ];
  return viewWithWord(view, madeRoot, following) ?? view;
}

/**
 * Words of the command line as the entrypoint reads them from dist/words.txt, with `=` after an
 * option that takes a value. First those that do not change what is installed, then those that
 * select it, without NAMEs.
 */
export function wordLists(): string {
  const words = ["install", ...Object.entries(definitions).flatMap(spellings)];
  const isOf = (word: string, fields: readonly (keyof Options)[]): boolean =>
    differsOnlyIn(parse(word.replace(/=$/, "=1")), fields);
  const first = words.filter((word) => isOf(word, manner));
  const second = words.filter((word) => isOf(word, selection) && !first.includes(word));
  return `${first.join(" ")}\n${second.join(" ")}\n`;
}

function spellings([name, { type, ...more }]: [
  string,
  { type: string; short?: string },
]): string[] {
  const short = more.short === undefined ? [] : [`-${more.short}`];
  return type === "string" ? [`--${name}=`] : [`--${name}`, ...short];
}

/** Undefined if the word alone is an error, such as an option of another command. */
function parse(word: string): Options | undefined {
  const words = [word.replace("--mirror=1", "--mirror=http://a/=http://b/")];
  return orNothing(() => parseOptions(words, {}, 1));
}

function differsOnlyIn(options: Options | undefined, fields: readonly (keyof Options)[]): boolean {
  if (options === undefined) return false;
  const keys = Object.keys(defaults) as (keyof Options)[];
  const isSame = (key: keyof Options): boolean =>
    JSON.stringify(options[key]) === JSON.stringify(defaults[key]);
  return keys.every((key) => fields.includes(key) || isSame(key));
}

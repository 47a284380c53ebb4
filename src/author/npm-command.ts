import { dirname, join } from "node:path";
import { execPath } from "node:process";
import { offlineError, UserError } from "../core/errors.ts";
import { compactLock } from "../core/locks/npm-lock.ts";
import { asFields, type Fields } from "../core/values.ts";
import { mkdir, writeFile } from "../io/disk.ts";
import { run } from "../io/exec.ts";
import { orNothing, textOf } from "../io/files.ts";
import { tryRead } from "../io/input.ts";
import { unquoted } from "../net/setting.ts";
import { pageInstead } from "../net/web-page.ts";
import type { DraftContext } from "./draft-context.ts";
import { ownProgram, ownVariables } from "./own-programs.ts";

type Names = Readonly<Record<string, string>>;

/** One version of a package, from the configured registry. */
export interface PublishedVersion {
  readonly name: string;
  readonly version: string;
  readonly description?: unknown;
  readonly homepage?: unknown;
  readonly repository?: unknown;
  readonly license?: unknown;
  /** What old packages have instead. */
  readonly licenses?: unknown;
  /** Why nobody should use it. */
  readonly deprecated?: unknown;
  readonly bin?: string | Names;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dist?: { readonly integrity?: string };
  readonly scripts?: Names;
  /** Of all published ones; npm gives a single one without a list. */
  readonly versions?: string | readonly string[];
  readonly "dist-tags"?: Names;
}

/** The context for running npm. */
export type NpmContext = Pick<DraftContext, "env" | "offline" | "dir" | "signal">;

/** The version that NAME, NAME@VERSION, NAME@TAG or NAME@RANGE means. Throws like `lockPackage`. */
export async function viewPackage(spec: string, context: NpmContext): Promise<PublishedVersion> {
  const said: unknown = JSON.parse(await npm(["view"], spec, context, [spec]));
  const all: unknown[] = Array.isArray(said) ? said : [said];
  const found = all.map(asFields).filter((each) => each !== undefined);
  // For a range npm lists all matches in order; npm itself chooses the latest if it is among them.
  const isLatest = (one: Fields) => one.version === asFields(one["dist-tags"])?.latest;
  const chosen = found.find(isLatest) ?? found.at(-1);
  if (chosen) return chosen as unknown as PublishedVersion;
  throw new UserError("E_NPM_VERSION", `the npm registry does not have ${spec}`);
}

/** What npm is told for a lock of everything, and to run nothing. */
const lockOnly = [
  ...["install", "--package-lock-only", "--ignore-scripts", "--omit=dev", "--lockfile-version=3"],
  ...["--save-exact", "--no-audit", "--no-fund"],
];

/**
 * The package-lock of NAME@VERSION and all its dependencies, for every platform, as npm itself
 * resolves it; no script is run and no version control is used. Throws a UserError: `unmet` if
 * there is no npm or a package is in no registry; `network` if no registry responds.
 */
export async function lockPackage(spec: string, context: NpmContext): Promise<string> {
  const dir = join(context.dir, "npm-lock");
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "package.json"), "{}"); // otherwise npm searches the parent directories
  await npm(lockOnly, spec, context, [spec], dir);
  return compactLock(await textOf(join(dir, "package-lock.json")));
}

/**
 * The complete package-lock for the package.json in a directory, beside which a package-lock.json may lie. Throws
 * like `lockPackage`. `wanted`: its name in messages.
 */
export async function lockDirectory(
  dir: string,
  wanted: string,
  context: NpmContext,
): Promise<string> {
  await npm(lockOnly, wanted, context, [], dir);
  return await textOf(join(dir, "package-lock.json"));
}

/** Runs npm and returns its JSON output. It uses the machine's configuration, but no project's. */
async function npm(
  words: readonly string[],
  wanted: string,
  { env, offline, dir, signal }: NpmContext,
  specs: readonly string[],
  cwd = dir,
): Promise<string> {
  if (offline) throw offlineError(wanted);
  const program = ownProgram("npm", env);
  if (program === undefined) {
    throw new UserError(
      "E_NO_NPM",
      `npm, which resolves the dependencies of ${wanted}, is not on PATH`,
    );
  }
  const cache = join(dir, "npm-cache");
  const options = ["--json", "--loglevel=error", "--no-update-notifier", "--git=/bin/false"];
  const { status, stdout, stderr } = await run({
    argv: [program, ...words, ...options, `--cache=${cache}`, "--prefix", cwd, "--", ...specs],
    // npm is a script that Node runs.
    env: {
      ...ownVariables(env),
      ...(await certificatesFor(env, dir)),
      PATH: `${env.PATH}:${dirname(execPath)}`,
    },
    cwd,
    timeout: 5 * 60_000,
    maxOutput: 64 * 1024 ** 2,
    signal,
  });
  if (status === 0 && stdout.trim() !== "") return stdout;
  throw refused(wanted, stdout, stderr);
}

/**
 * npm's Node does not read SSL_CERT_FILE, which our own downloads trust, and of its own variable one file only.
 * A setting of npm's own replaces both.
 */
async function certificatesFor(env: NpmContext["env"], dir: string): Promise<Names> {
  const { SSL_CERT_FILE: file, NODE_EXTRA_CA_CERTS: extra } = env;
  if (!file) return {};
  const texts = [file, extra].flatMap((path) => (path && tryRead(unquoted(path)).bytes) || []);
  const both = join(dir, "npm-certificates.pem");
  await writeFile(both, texts.map((bytes) => `${bytes}\n`).join(""));
  return { NODE_EXTRA_CA_CERTS: both };
}

/** Errors of the registry or the network, not of the package. */
const ofNetwork =
  /^(E(?!404)[45]\d\d|ECONN|ETIMEDOUT|ENOTFOUND|EAI_|ENET|EHOST|EPROTO|ERR_|ENOTCACHED|.*CERT)/;

function refused(wanted: string, stdout: string, stderr: string): UserError {
  const error = asFields(asFields(orNothing(() => JSON.parse(stdout)))?.error);
  const { code = "", summary = stderr.trim().split("\n")[0], detail = "" } = error ?? {};
  if (/^(E404|ETARGET)$/.test(String(code)) || (error === undefined && stderr === "")) {
    // The summary has an address only; of the rest npm's first quoted word is the package.
    const missing = /'[^'\s]+'/.exec(String(detail))?.[0];
    const why = [missing, summary].filter(Boolean).join(": ");
    const message = `the npm registry does not have ${wanted} or one of its dependencies: ${why}`;
    return new UserError("E_NPM_VERSION", message);
  }
  const [, from = "", said] =
    /invalid json response body at (\S+) reason: (.*)/.exec(String(summary)) ?? [];
  if (said?.includes("'<'") && URL.canParse(from)) return pageInstead(from, "JSON");
  // npm ends with its own options, and with a file that is about to be removed.
  const told = String(detail).replace(/Fix the upstream dependency conflict.*/s, "");
  const why = [summary, told].filter(Boolean).join(": ").replace(/\s+/g, " ").slice(0, 500);
  const problem = ofNetwork.test(String(code)) || said ? "E_NPM_UNRESOLVED" : "E_NPM_CLOSURE";
  return new UserError(problem, `npm cannot resolve ${wanted}: ${why}`);
}

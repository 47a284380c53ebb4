import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../core/digest.ts";
import { layout } from "../../core/layout.ts";
import type { Env } from "../../core/platform.ts";
import { asFields } from "../../core/values.ts";
import { orNothing, tolerate, writeAtomically } from "../files.ts";
import { readPlain } from "../input.ts";
import { isProgram } from "../on-path.ts";
import { type Asking, checkLoginShell, type LoginShell } from "./login-shell.ts";

/*
 * What login shells of this volume's containers found is kept, because a shell takes as long as a third
 * of a run that has nothing to do. An answer counts as long as nothing has changed that decides it: the
 * variables, the profile scripts, and the directories in which that shell looks for programs.
 */

/** Answers for containers that share the volume, and bytes of the file. */
const [maxAnswers, maxBytes] = [16, 1024 * 1024];
/** A later change may have the same time as one that is younger (ms). */
const youngMs = 2500;

interface Known extends LoginShell {
  /** PATH of the login shell. */
  readonly path: string;
  /** The hash of the times of everything that decided the answer. */
  readonly times: string;
}

/** `checkLoginShell`, or its answer of an earlier run. */
export async function knownLoginShell(
  prefix: string,
  names: readonly string[],
  env: Env,
  asking: Asking = {},
): Promise<LoginShell> {
  const present = names.filter((name) => isProgram(join(prefix, layout.binPath(name))));
  if (present.length === 0) return { missing: [], shadowed: {} };
  const key = keyOf(prefix, present, env);
  const all = readKnown(prefix);
  const known = all.get(key);
  if (known && timesOf(env, known.path).hash === known.times) return known;
  let path: string | undefined;
  const sayPath = (said: string): void => {
    path = said;
  };
  const answer = await checkLoginShell(prefix, present, env, { ...asking, sayPath });
  if (path === undefined) return answer;
  const { hash: times, latest } = timesOf(env, path);
  if (latest > Date.now() - youngMs) return answer;
  all.delete(key);
  const kept = [[key, { ...answer, path, times }] as const, ...all].slice(0, maxAnswers);
  const text = `${JSON.stringify(Object.fromEntries(kept))}\n`;
  await tolerate(writeAtomically(join(prefix, layout.loginShells), text, { durable: false }));
  return answer;
}

function keyOf(prefix: string, names: readonly string[], env: Env): string {
  const variables = Object.entries(env).filter(([name]) =>
    /^(HOME|PATH|ENV|USER|SHELL|OPENCLAW_(?!SKILL_DEPS_).*)$/.test(name),
  );
  return sha256Hex(JSON.stringify([prefix, names, variables.sort()]));
}

/** Of shell, profile scripts and directories of `path`: a hash of all times, and the latest (ms). */
function timesOf({ HOME = "/" }: Env, path: string): { hash: string; latest: number } {
  const dir = "/etc/profile.d";
  const scripts = (orNothing(() => readdirSync(dir)) ?? []).map((name) => join(dir, name));
  const dirs = path.split(":").filter((one) => one.startsWith("/"));
  const files = ["/bin/sh", "/etc/profile", dir, ...scripts, join(HOME, ".profile"), ...dirs];
  const stats = files.map((file) => orNothing(() => statSync(file)));
  const stamp = (it: Stats): string => `${it.size} ${it.ctimeMs} ${it.mtimeMs}`;
  const rows = files.map((file, i) => [file, stats[i] ? stamp(stats[i]) : ""]);
  const times = stats.map((it) => it?.ctimeMs ?? 0);
  return { hash: sha256Hex(JSON.stringify(rows)), latest: Math.max(...times) };
}

/** By their keys, newest first. Whatever is odd is ignored: other users may write to the volume. */
function readKnown(prefix: string): Map<string, Known> {
  const text = readPlain(join(prefix, layout.loginShells), maxBytes) ?? "";
  const fields = asFields(orNothing(() => JSON.parse(text) as unknown)) ?? {};
  const entries = Object.entries(fields);
  return new Map(entries.flatMap(([key, value]) => (isKnown(value) ? [[key, value]] : [])));
}

function isKnown(value: unknown): value is Known {
  const { missing, shadowed, path, times } = asFields(value) ?? {};
  const found = asFields(shadowed);
  if (!Array.isArray(missing) || !found) return false;
  return [path, times, ...missing, ...Object.values(found)].every(
    (it) => typeof it === "string" && !/\p{Cc}/u.test(it),
  );
}

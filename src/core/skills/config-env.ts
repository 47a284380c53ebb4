import type { Env } from "../platform.ts";
import { asFields } from "../values.ts";

/*
 * OpenClaw 2026.9.6 takes a variable from the first of these that sets it: its process, `.env` in
 * its working directory, `.env` beside openclaw.json, gateway.env, and `env.vars` in openclaw.json.
 */

/**
 * What `.env` in the working directory may not set, because agents can write there: OpenClaw's own
 * variables.
 */
const untrusted = /^(OPENCLAW_|CLAWHUB_|PATH$)/i;

/**
 * What openclaw.json may not set, or sets too late, limited to variables that could be part of a
 * directory's name: OpenClaw's own list has 200 more, for compilers, tokens and so on.
 */
const guarded = new RegExp(
  `^(${[
    "HOME|ZDOTDIR|GOPATH|GOENV|VIRTUAL_ENV|CONDA_PREFIX|DENO_DIR|SHELL|ENV|IFS",
    "(GRADLE_USER|CARGO|RUSTUP|GEM|COMPOSER|HELM|CURL)_HOME|PYTHON(HOME|PATH|USERBASE)",
    "(NODE|LUA|GEM)_PATH|XDG_((CACHE|CONFIG|DATA|STATE)_HOME|(CONFIG|DATA)_DIRS|RUNTIME_DIR)",
    "(DYLD|LD|BASH_FUNC|GIT_CONFIG|NPM_CONFIG|CARGO_REGISTRIES|TF_VAR)_.*",
    "OPENCLAW_(INCLUDE_ROOTS|CONFIG_READONLY|HOME|STATE_DIR|CONFIG_PATH)",
  ].join("|")})$`,
  "i",
);

const reference = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g;

/**
 * Adds the variables of a `.env` file that are not set yet; one that is set to the empty text stays
 * empty.
 */
export function withDotenv(env: Env, variables: Env, isTrusted = true): Env {
  const added = Object.entries(variables).filter(
    ([name]) =>
      env[name] === undefined &&
      isName(name) &&
      (isTrusted || !(untrusted.test(name) || guarded.test(name))),
  );
  return { ...env, ...Object.fromEntries(added) };
}

/**
 * Adds the variables of `env` in openclaw.json that are unset or empty. As in OpenClaw, one whose
 * value has a `${VAR}` is ignored.
 */
export function withConfigEnv(env: Env, config: unknown): Env {
  const { vars, shellEnv: _, ...others } = { ...asFields(config) };
  const added = [...Object.entries(asFields(vars) ?? {}), ...Object.entries(others)].flatMap(
    ([key, value]): [string, string][] => {
      const name = key.trim();
      const counts = typeof value === "string" && value.trim() !== "" && !hasReference(value);
      const isFree = isName(name) && !guarded.test(name) && !env[name]?.trim();
      return counts && isFree ? [[name, value]] : [];
    },
  );
  return { ...env, ...Object.fromEntries(added) };
}

/** True if a text has a `${UPPER}` to replace. */
export function hasReference(text: string): boolean {
  return [...text.matchAll(reference)].some(([, escaped]) => escaped === "");
}

/**
 * Replaces `${UPPER}` from the environment; `$${UPPER}` is an escaped `${UPPER}`. Undefined if one
 * is not set.
 */
export function substitute(
  text: string,
  env: Env,
  missing: (name: string) => void,
): string | undefined {
  let whole = true;
  const replaced = text.replace(reference, (all: string, escaped: string, name: string) => {
    if (escaped) return all.slice(1);
    const value = env[name];
    if (!value) {
      missing(name);
      whole = false;
    }
    return value ?? "";
  });
  return whole ? replaced : undefined;
}

function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { $ } from "zx";

const packages = [
  "check-jsonschema==0.39.0",
  "kubernetes-validate==1.37.0",
  "podman-compose==1.6.0",
];

/** The directory of podman-compose and of what checks schemas; kept in the user's cache. */
export async function pythonTools(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const venv = join(cache, "openclaw-install-skill-deps", packages.join("_").replaceAll("=", ""));
  const bin = join(venv, "bin");
  if (!existsSync(join(venv, "whole"))) {
    await $({ quiet: true })`python3 -m venv ${venv}`;
    await $({ quiet: true })`${bin}/pip install --quiet ${packages}`;
    writeFileSync(join(venv, "whole"), "");
  }
  return bin;
}

/** uv's program out of its wheel: its own releases are not on the registry. */
export async function fetchUv(dir: string): Promise<string> {
  await $({ quiet: true })`python3 -m pip download --quiet --no-deps --dest ${dir} uv`;
  const [wheel = ""] = readdirSync(dir);
  await $({ quiet: true })`python3 -m zipfile -e ${join(dir, wheel)} ${dir}`;
  const data = readdirSync(dir).find((name) => name.endsWith(".data")) ?? "";
  const program = join(dir, data, "scripts/uv");
  chmodSync(program, 0o755);
  return program;
}

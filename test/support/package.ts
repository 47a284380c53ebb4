import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { $ } from "zx";
import type { Content } from "./archives.ts";
import { repository } from "./workplace.ts";

/** The package as it is published; a build may replace dist/ at any time, a copy stays the same. */
export function copyPackage(into: string): string {
  mkdirSync(into);
  const parts = ["dist", "entrypoint", "recipes", "package.json"];
  execFileSync("cp", ["-a", ...parts.map((name) => join(repository, name)), into]);
  removeCaches(join(into, "dist")); // the tests' own
  return into;
}

/** Removes the code that V8 has compiled. */
export function removeCaches(dist: string): void {
  for (const name of readdirSync(dist)) if (name.endsWith(".cache")) rmSync(join(dist, name));
}

/** A copy of the built package as another version, or as another build of the same one. */
export function copyAs(into: string, version: string | undefined): string {
  copyPackage(into);
  const file = join(into, "package.json");
  const document = JSON.parse(readFileSync(file, "utf8"));
  const text = JSON.stringify({ ...document, ...(version && { version }) });
  writeFileSync(file, text);
  if (version) writeFileSync(join(into, "dist/version.txt"), `${version}\n`);
  const build = createHash("sha256").update(text).update(into).digest("hex");
  writeFileSync(join(into, "dist/build.txt"), `${build}\n`);
  return into;
}

/** A program that puts the package `next` where `own` is when it is tested: in the middle of a run. */
export function replacing(own: string, next: string): Content {
  const body = `#!/bin/sh\n[ ! -d ${next} ] || { mv ${own} ${own}.old && mv ${next} ${own}; }\necho 1.0.0\n`;
  return { body, mode: 0o755 };
}

/** Copies what a clean clone holds, and links the dependencies. */
export function copyClone(into: string): void {
  mkdirSync(into);
  const made = new Set([".git", "coverage", "dist", "node_modules"]);
  for (const name of readdirSync(repository)) {
    if (!made.has(name)) cpSync(join(repository, name), join(into, name), { recursive: true });
  }
  symlinkSync(join(repository, "node_modules"), join(into, "node_modules"));
}

/** `npm pack` of a clean clone; the tarball's path. */
export async function packPackage(into: string): Promise<string> {
  const clone = join(into, "clone");
  copyClone(clone);
  const { stdout } = await $({
    cwd: clone,
    quiet: true,
  })`npm pack --json --pack-destination ${into}`;
  return join(into, (JSON.parse(stdout) as [{ filename: string }])[0].filename);
}

/** `npm install --global` of a tarball into an empty prefix, without a registry; the command's path. */
export async function installPackage(tarball: string, prefix: string, env = process.env) {
  const quiet = ["--offline", "--no-audit", "--no-fund", "--cache", `${prefix}-cache`];
  await $({ env, quiet: true })`npm install --global --prefix ${prefix} ${quiet} ${tarball}`;
  return join(prefix, "bin", "openclaw-install-skill-deps");
}

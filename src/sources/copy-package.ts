import { dirname, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { commandName } from "../core/layout.ts";
import { orNothing } from "../core/or-nothing.ts";
import { buildFile, isPartOfCommand } from "../core/package-files.ts";
import { mkdirSync } from "../io/disk.ts";
import { entriesBelow } from "../io/entries.ts";
import { copyFile, isThere } from "../io/files.ts";
import { readPlain } from "../io/input.ts";

/** Without these a copy would not run. */
const needed = [
  "package.json",
  `entrypoint/${commandName}`,
  "entrypoint/start-node.sh",
  "entrypoint/compare-contents.sh",
  `dist/${commandName}.cjs`,
  "dist/program.cjs",
  "dist/install.cjs",
  "dist/rest.cjs",
  "dist/policy.cjs",
  "dist/catalogue.json",
];

interface BuiltPackage {
  readonly dir: string;
  /** What its build file says. */
  readonly build: string;
}

/**
 * Copies what a package needs to run into a directory that does not exist yet; no tests, sources, private
 * Node or code cache. Throws a UserError where the package is not complete, or no longer this build: the copy may
 * then have files of both.
 */
export function copyPackage({ dir, build }: BuiltPackage, to: string): void {
  try {
    copyFiles(dir, to);
  } catch (cause) {
    throw isBuild(dir, build) ? cause : replaced(dir, cause);
  }
  if (!isBuild(dir, build)) throw replaced(dir);
}

function isBuild(dir: string, build: string): boolean {
  return orNothing(() => readPlain(join(dir, buildFile), 2 * build.length))?.trim() === build;
}

function replaced(dir: string, cause?: unknown): UserError {
  return new UserError("E_PACKAGE_REPLACED", `another build has replaced ${dir}`, { cause });
}

function copyFiles(from: string, to: string): void {
  const missing = needed.find((path) => !isThere(join(from, path)));
  if (missing !== undefined) {
    throw new UserError("E_PACKAGE_DAMAGED", `${join(from, missing)} is missing`);
  }
  mkdirSync(to);
  for (const path of filesOf(from)) {
    const target = join(to, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFile(join(from, path), target, path === `entrypoint/${commandName}` ? 0o777 : 0o666);
  }
}

function filesOf(dir: string): string[] {
  const below = ["entrypoint", "dist"].flatMap((name) => entriesBelow(join(dir, name)));
  const files = below
    .filter(({ stats }) => stats.isFile())
    .map(({ path }) => path.slice(dir.length + 1));
  const others = ["package.json", "LICENSE", "Dockerfile.example"].filter((name) =>
    isThere(join(dir, name)),
  );
  return [...others, ...files].filter(isPartOfCommand);
}

/** The volume of another machine, from the pins of this one, and whether its files are for that machine. */
import {
  closeSync,
  globSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";
import { type TriedSkill, writeSkill } from "./skills.ts";
import type { Trial } from "./trial.ts";

/** Of the ELF header. */
const arm64 = 183;

/** A tree for linux-arm64. */
interface Foreign {
  /** Files with an ELF header. */
  readonly compiled: number;
  /** Those for another machine, and wheels that by their tags are. */
  readonly wrong: readonly string[];
}

/**
 * Installs a skill's packages for linux-arm64 as a fleet would: from the pins that the trial has recorded, into a
 * volume without a Python.
 */
export async function foreignTree(skill: TriedSkill, { volume }: Trial): Promise<Foreign> {
  const dir = join(dirname(volume), "foreign", skill.name);
  const [prefix, folder] = [join(dir, "volume"), join(dir, "skills")];
  mkdirSync(folder, { recursive: true });
  writeSkill(folder, skill);
  const pins = join(volume, "share/openclaw-skill-deps/declared.json");
  const words = ["--prefix", prefix, "--skills-dir", folder, "--declared", pins];
  const command = join(repository, "entrypoint/openclaw-install-skill-deps");
  const env = { ...process.env, OPENCLAW_SKILL_PROFILE_DIR: "" };
  const { exitCode, stderr } = await $({
    env,
    quiet: true,
    nothrow: true,
  })`${command} ${words} --platform linux-arm64 --ignore-system`;
  expect(exitCode, stderr).toBe(0);
  const index = join(prefix, "share/openclaw-skill-deps/libraries");
  const links = readdirSync(index).filter((link) => /-(cpython-311|node)$/.test(link));
  expect(links.length, stderr).toBe(1);
  const [tree = ""] = links.map((link) => realpathSync(join(index, link)));
  const compiled = filesBelow(tree).flatMap((path) => elfOf(join(tree, path), path) ?? []);
  const wrong = compiled.filter(({ isRight }) => !isRight).map(({ path }) => path);
  return { compiled: compiled.length, wrong: [...wrong, ...wrongTags(tree)] };
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}

/** What an ELF file is for; undefined for other files. */
function elfOf(file: string, path: string): { path: string; isRight: boolean } | undefined {
  const header = Buffer.alloc(20);
  const descriptor = openSync(file, "r");
  readSync(descriptor, header, 0, header.length, 0);
  closeSync(descriptor);
  if (header.readUInt32BE(0) !== 0x7f454c46) return undefined;
  return { path, isRight: header.readUInt16LE(18) === arm64 && !/musl/.test(path) };
}

/** Wheels that by their own tags are for another Python or machine. */
function wrongTags(tree: string): string[] {
  return globSync("*.dist-info/WHEEL", { cwd: tree }).filter((path) => {
    const tags = [...readFileSync(join(tree, path), "utf8").matchAll(/^Tag: (\S+)/gm)];
    return !tags.some(([, tag = ""]) => /-any$|-(many)?linux\w*_aarch64$/.test(tag));
  });
}

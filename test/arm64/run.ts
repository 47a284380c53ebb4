/**
 * The catalogue's programs for arm64, on a machine that is not one: installs every recipe with `--platform
 * linux-arm64`, and runs its smoke test in a Debian of that processor, which qemu emulates. Prints what it saw, and
 * writes the page.
 *
 *   node test/arm64/run.ts [NAME...]     all recipes, or these
 *
 * Needs root, and mmdebstrap, arch-test and qemu-user-static of Debian.
 */
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Recipe } from "../../src/core/recipe.ts";
import { loadCatalogue } from "../../src/io/inputs/catalogue.ts";
import { indexOfMachine } from "../support/index-of-machine.ts";
import { started } from "../support/started.ts";
import { bundle, repository } from "../support/workplace.ts";
import { note } from "./results.ts";

const { catalogue } = await loadCatalogue({ dirs: [join(repository, "recipes")] });
const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : [...catalogue.recipes.keys()];
const date = new Date().toISOString().slice(0, 10);

/** Node and Chromium start slowly where every instruction is translated. */
const seconds = 240;
const user = 1000;

/**
 * In mounts, processes and a network of its own, of which the shell is the first process: aws hangs as that. The volume
 * has the same path in the root.
 */
const inRoot = `
  root=$0 volume=$1 user=$2 home=$3
  shift 3
  mkdir -p "$root$volume" && mount --bind "$volume" "$root$volume" && mount -o remount,bind,ro "$root$volume" &&
    mount -t proc proc "$root/proc" &&
    chroot --userspec="$user:$user" "$root" env -i HOME="$home" PATH="$volume/bin:/usr/bin:/bin" sh -c '
      cd && "$@" >.output 2>&1
      status=$?
      cat .output
      exit "$status"' _ "$@"`;

const stopEmulating = emulate();
const dir = mkdtempSync(join(tmpdir(), "arm64-"));
try {
  const root = await makeRoot();
  const installed = await installAll();
  for (const [name, { version }] of Object.entries(installed)) {
    const recipe = catalogue.recipes.get(name);
    if (!recipe) continue; // this command itself
    const seen = await runTest(recipe, root);
    note(name, { date, version, ...seen }, [...catalogue.recipes.keys()]);
    process.stdout.write(`${name} ${version}: ${seen.works ? "" : "FAILS "}${seen.output}\n`);
  }
} finally {
  stopEmulating();
  rmSync(dir, { recursive: true, force: true });
}

/** Lets the kernel start programs for arm64, in every root. Returns what ends it, if it was not so before. */
function emulate(): () => void {
  const formats = "/proc/sys/fs/binfmt_misc";
  const format = join(formats, "qemu-aarch64");
  if (process.arch === "arm64" || existsSync(format)) return () => {};
  const text = readFileSync("/usr/lib/binfmt.d/qemu-aarch64.conf", "utf8");
  writeFileSync(join(formats, "register"), text.trim());
  return () => writeFileSync(format, "-1");
}

async function makeRoot(): Promise<string> {
  const root = join(dir, "root");
  const options = ["--quiet", "--architectures=arm64", "--variant=minbase"];
  const { status, stderr } = await started(["mmdebstrap", ...options, "bookworm", root], {});
  if (status !== 0) throw new Error(`mmdebstrap: ${stderr.slice(-2000)}`);
  appendFileSync(join(root, "etc/passwd"), `sandbox:x:${user}:${user}::/home/sandbox:/bin/sh\n`);
  return root;
}

interface Installed {
  readonly version: string;
}

/** The tools in a volume of their own; what could not be reached is not among them. */
async function installAll(): Promise<Readonly<Record<string, Installed>>> {
  const prefix = join(dir, "volume");
  const index = indexOfMachine();
  const env = {
    ...process.env,
    ...(index !== undefined && { PIP_INDEX_URL: index }),
    HOME: dir,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    OPENCLAW_SKILL_RECIPES: join(repository, "recipes"),
  };
  const words = ["--platform", "linux-arm64", "--ignore-system", "--no-progress", ...names];
  const { stderr } = await started([process.execPath, bundle, ...words], { env, cwd: dir });
  process.stdout.write(stderr);
  return JSON.parse(readFileSync(join(prefix, "manifest.json"), "utf8")).tools;
}

/** As a user without rights, without a network. */
async function runTest(
  { name, test, testFiles = {}, testOutput }: Recipe,
  root: string,
): Promise<{ works: boolean; output: string }> {
  const home = `/home/${name}`;
  mkdirSync(join(root, home), { recursive: true });
  chownSync(join(root, home), user, user);
  for (const [path, text] of Object.entries(testFiles)) {
    const file = join(root, home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const apart = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"];
  const words = [root, join(dir, "volume"), `${user}`, home, ...test];
  const command = [
    "timeout",
    "--signal=KILL",
    `${seconds}`,
    ...apart,
    "sh",
    "-c",
    inRoot,
    ...words,
  ];
  const { status, stdout } = await started(command as [string, ...string[]], {});
  const works = status === 0 && stdout.includes(testOutput ?? "");
  const lines = printable(stdout).split("\n");
  const shown = works ? lines[0] : `status ${status}: ${lines.at(-1) || "no output"}`;
  return { works, output: (shown ?? "").slice(0, 100) };
}

/** Lines of a text, without those and the characters that a page cannot show, and without this run's directory. */
function printable(text: string): string {
  const lines = text.replaceAll(dir, "").split("\n");
  return lines
    .map((line) => line.replace(/[^\x20-\x7e]/g, "").trim())
    .filter((line) => line !== "")
    .join("\n");
}

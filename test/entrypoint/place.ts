import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FreshnessFacts } from "../../src/io/freshness/facts.ts";
import { recordFreshness } from "../../src/io/freshness/record.ts";

/** The shells that run the entrypoint in images that people use. */
export const shells: [name: string, ...words: string[]][] = [
  ["dash", "dash"],
  ["ash", "busybox", "sh"],
  ["bash", "bash", "--posix"],
];

export function hasShell([, command = ""]: readonly string[]): boolean {
  return absolute(command) !== command;
}

/** Where PATH has a program, so that it can be started with another PATH; else its name. */
export function absolute(name: string): string {
  const words = ["-c", 'command -v -- "$0"', name];
  const path =
    found.get(name) || spawnSync("/bin/sh", words, { encoding: "utf8" }).stdout.trim() || name;
  found.set(name, path);
  return path;
}

const found = new Map<string, string>();

/** The words that mount a directory with these options, seen by nobody else, for what follows them. */
function mounted(dir: string, options: readonly string[]): string[] {
  const own = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const script = 'mount --bind "$0" "$0" && mount -o "remount,bind,$1" "$0" && shift && exec "$@"';
  return ["unshare", ...own, "--mount", "sh", "-c", script, dir, options.join()];
}

/** True where this user may mount, and the shell finds out that a volume is read-only. */
export function seesMounts([, command = "", ...options]: readonly string[]): boolean {
  const [program = "", ...words] = mounted(tmpdir(), ["ro"]);
  const look = [command, ...options, "-c", '[ ! -w "$0" ]', tmpdir()];
  return spawnSync(program, [...words, ...look]).status === 0;
}

/** What the probe in Node's place was started with. */
interface NodeCall {
  readonly args: string[];
  readonly view: string;
  readonly stdin: string;
}

interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined where the shell answered alone. */
  readonly node: NodeCall | undefined;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** How the volume is mounted for this run, such as `ro` and `noexec`; see `seesMounts`. */
  readonly mount?: readonly string[];
  /** Words that start the command, such as those of setpriv. */
  readonly behind?: readonly string[];
  /** Another path of the command than the package's. */
  readonly command?: string;
}

export interface Place {
  readonly dir: string;
  readonly prefix: string;
  /** Starts the script under test with the shell under test. */
  readonly entrypoint: string;
  readonly skillsDir: string;
  readonly catalogue: string;
  readonly home: string;
  /** In PATH; programs outside the volume. */
  readonly systemBin: string;
  /** The shell and the command in it. */
  readonly words: string[];
  readonly env: Record<string, string>;
  /** Of the volume, without launchers' targets. */
  readonly programs: string[];
  run(args: readonly string[], options?: RunOptions): Answer;
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  /** Records the state of the disk as Node does after a run with these arguments. */
  record(
    args: readonly string[],
    facts?: Partial<FreshnessFacts>,
    options?: RunOptions,
  ): Promise<void>;
  remove(): void;
}

const root = join(import.meta.dirname, "..", "..");

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function write(path: string, text: string, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

export function writeSkill(dir: string, name: string, text = "Does things.", bins = "gog"): string {
  const front = `---\nname: ${name}\ndescription: ${name}\nmetadata: {"openclaw":{"requires":{"bins":["${bins}"]}}}\n---\n`;
  return write(join(dir, name, "SKILL.md"), `${front}${text}\n`);
}

/** A package with the real entrypoint, a volume with programs, a directory of skills, and a home. */
export function makePlace(
  shell: readonly string[],
  { programs: count = 3, skills = 3 }: { programs?: number; skills?: number } = {},
): Place {
  const dir = mkdtempSync(join(tmpdir(), "entrypoint-"));
  const prefix = join(dir, "volume");
  const packageDir = join(dir, "package");
  const [skillsDir, home, systemBin] = [
    join(dir, "skills"),
    join(dir, "home"),
    join(dir, "system"),
  ];
  mkdirSync(join(packageDir, "entrypoint"), { recursive: true });
  const command = join(packageDir, "entrypoint", "openclaw-install-skill-deps");
  for (const file of ["openclaw-install-skill-deps", "compare-contents.sh", "start-node.sh"]) {
    copyFileSync(join(root, "entrypoint", file), join(packageDir, "entrypoint", file));
  }
  mkdirSync(join(packageDir, "dist"));
  for (const file of ["words.txt", "status-skill.txt"])
    copyFileSync(join(root, "dist", file), join(packageDir, "dist", file));
  const catalogue = write(join(packageDir, "dist", "catalogue.json"), '{"recipes":[]}\n');
  write(
    join(packageDir, "dist", "openclaw-install-skill-deps.cjs"),
    "// the probe stands for it\n",
  );
  write(join(systemBin, "git"), "#!/bin/sh\n", 0o755);
  for (let i = 0; i < skills; i += 1) writeSkill(skillsDir, `skill-${i}`, `Text ${i}.`);
  mkdirSync(home);
  const programs = makeVolume(prefix, count, skillsDir);
  const log = join(dir, "node-calls");
  const probe = write(join(dir, "probe"), probeText(log), 0o755);
  const env: Record<string, string> = {
    PATH: `${systemBin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    OPENCLAW_SKILL_DEPS_NODE: probe,
    OPENCLAW_SKILL_PREFIX: prefix,
    OPENCLAW_SKILL_PROFILE_DIR: "",
    SHLVL: "1", // or bash takes a pipe for a network connection and reads ~/.bashrc
  };
  const [, program = "", ...options] = shell;
  const words = [absolute(program), ...options, command];
  // Node's own look is by /bin/sh, which in the image that has this shell is this shell.
  const looker = write(
    join(dir, "look"),
    `exec ${[absolute(program), ...options].join(" ")} ${command} "$@"\n`,
  );
  const run: Place["run"] = (args, options = {}) => {
    rmSync(log, { recursive: true, force: true });
    const mounting = options.mount?.length ? mounted(prefix, options.mount) : [];
    const behind = [...mounting, ...(options.behind ?? [])];
    const own = options.command ? [...words.slice(0, -1), options.command] : words;
    const [program = "", ...rest] = [...behind, ...own, ...args];
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: options.cwd ?? dir,
      env: { ...env, ...options.env },
      input: options.stdin ?? "",
      encoding: "utf8",
    });
    return { status, stdout, stderr, node: readCall(log) };
  };
  return {
    dir,
    prefix,
    entrypoint: looker,
    skillsDir,
    catalogue,
    home,
    systemBin,
    words,
    env,
    programs,
    run,
    start: (args, options = {}) =>
      spawn(words[0] ?? "", [...words.slice(1), ...args], {
        cwd: dir,
        env: { ...env, ...options.env },
      }),
    async record(args, facts = {}, options = {}) {
      const { node } = run(args, options);
      if (node === undefined) throw new Error("the shell answered before there was a record");
      await recordFreshness({ ...factsOf(this), view: node.view, ...facts });
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function makeVolume(prefix: string, count: number, skillsDir: string): string[] {
  const names = Array.from({ length: count }, (_, i) => (i === 0 ? "gog" : `program-${i}`));
  mkdirSync(join(prefix, "bin"), { recursive: true });
  for (const name of names) {
    const path = `lib/${name}/1.0.0-abcdefabcdef/${name}`;
    write(join(prefix, path), `#!/bin/sh\necho ${name}\n`, 0o755);
    symlinkSync(`../${path}`, join(prefix, "bin", name));
  }
  write(join(prefix, "bin", "launched"), "#!/bin/sh\nexec node app.js\n", 0o755);
  write(join(prefix, "lib/launched/1.0.0-abcdefabcdef/app.js"), "run();\n");
  write(join(prefix, "lib/launched/1.0.0-abcdefabcdef/README"), "It runs.\n");
  const skills = findSkills(skillsDir).map((file) => ({
    name: file,
    sha256: sha256(readFileSync(file, "utf8")),
    bins: ["gog"],
    anyBins: [],
  }));
  const manifest = { schema: 1, platform: "linux-x64-glibc", tools: {}, skills };
  write(join(prefix, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return [...names, "launched"];
}

function findSkills(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).map((name) => join(dir, name, "SKILL.md"));
}

export function factsOf({
  prefix,
  entrypoint,
  skillsDir,
  catalogue,
  programs,
}: Place): FreshnessFacts {
  const inputOf = (path: string, skill: boolean) => ({
    path,
    sha256: sha256(readFileSync(path, "utf8")),
    skill,
  });
  const sizeOf = (path: string) => ({ path, size: readFileSync(join(prefix, path)).length });
  const skills = findSkills(skillsDir).map((file) => inputOf(file, true));
  return {
    prefix,
    entrypoint,
    path: process.env.PATH ?? "",
    view: "",
    roots: [skillsDir],
    inputs: [...skills, inputOf(catalogue, false)],
    absent: [],
    directories: [skillsDir],
    programs: [
      ...programs.map((name) => sizeOf(`bin/${name}`)),
      sizeOf("lib/launched/1.0.0-abcdefabcdef/app.js"),
    ],
    timesProve: true,
    broken: [],
    tools: [],
    trees: ["bin", ...programs.map((name) => `lib/${name}/1.0.0-abcdefabcdef`)],
    system: [],
    satisfied: skills.map((skill) => skill.sha256),
    isForWatch: false,
    unmet: [],
  };
}

/** Says in files how it was called; ends for $PROBE_STATUS, after $PROBE_SLEEP seconds. */
function probeText(log: string): string {
  return `#!/bin/sh
mkdir -p '${log}'
shift 2 # Node's own option and the program
printf '%s\\n' "$@" >'${log}/args'
printf '%s' "\${OPENCLAW_SKILL_DEPS_VIEW-}" >'${log}/view'
cat >'${log}/stdin'
echo $$ >'${log}/pid'
trap 'echo stopped >'"'${log}/stopped'"'; exit 143' TERM
touch '${log}/ready'
i=0
while [ "$i" -lt "\${PROBE_SLEEP:-0}" ]; do sleep 0.1; i=$((i + 1)); done
exit "$((200 + \${PROBE_STATUS:-0}))" # as ours tells that it ran
`;
}

function readCall(log: string): NodeCall | undefined {
  if (!existsSync(log)) return undefined;
  const read = (name: string) => readFileSync(join(log, name), "utf8");
  const args = read("args").split("\n").slice(0, -1);
  return {
    args: args.length === 1 && args[0] === "" ? [] : args,
    view: read("view"),
    stdin: read("stdin"),
  };
}

/** Every path below a directory with its change time: equal before and after means nothing was written. */
export function snapshot(dir: string): string {
  return execFileSync("find", [dir, "-printf", "%p %i %s %C@\\n"], { encoding: "utf8" });
}

/**
 * What a plain run makes of file systems whose inodes and times are not what ext4's are: all is well and
 * sh says so alone, also without Node; a byte is changed at once after a run, and found by the next.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathWithoutNode } from "../support/without-node.ts";
import type { Case } from "./case.ts";
import { type FaultyDisk, hasFuse, mountFaulty } from "./support/faulty.ts";
import { isRoot } from "./support/mounts.ts";
import { type Finished, openStand, type Stand, type Volume } from "./support/stand.ts";

/** How it is mounted at first, and then. */
interface Kind {
  readonly before: readonly string[];
  /** Default: the same. */
  readonly after?: readonly string[];
  /** Times, or the order of names, are others after the remount: Node may be asked once. */
  readonly shifts?: boolean;
}

const kinds: readonly Kind[] = [
  { before: ["ctime=mtime"] },
  { before: ["stamps=2"] },
  { before: ["inodes=same"] },
  { before: ["ctime=+3600"], after: [], shifts: true },
  { before: ["inodes=call", "stamps=1"] },
  { before: ["ctime=zero"] },
  { before: ["inodes=mount", "stamps=2"] },
  { before: [], after: ["ctime=+3600"], shifts: true },
  { before: ["ctime=birth"] },
  { before: ["ctime=mtime", "inodes=call", "stamps=2"] },
  { before: ["inodes=same", "ctime=zero"] },
  { before: ["inodes=same", "stamps=2"] },
  { before: [], after: ["inodes=call"] },
  { before: ["inodes=mount"], after: ["inodes=same"], shifts: true },
  { before: ["ctime=birth", "inodes=mount", "stamps=1"] },
  { before: ["ctime=+3600", "stamps=2"], after: ["stamps=2"], shifts: true },
  { before: ["ctime=mtime"], after: ["ctime=mtime", "inodes=same"] },
];

interface Trial {
  readonly volume: Volume;
  readonly disk: FaultyDisk;
  /** Runs, and says whether sh answered alone. */
  run(env?: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran>;
  runWithoutNode(): Promise<Ran>;
}

type Ran = Finished & { readonly alone: boolean };

/** The same program with another byte, at its old time. */
function flip(volume: Volume): void {
  const program = realpathSync(join(volume.prefix, "bin/gog"));
  const part = join(program, "../../lib/part-1");
  const { atime, mtime } = statSync(part);
  const bytes = readFileSync(part);
  bytes[12] = (bytes[12] as number) ^ 1;
  writeFileSync(part, bytes);
  utimesSync(part, atime, mtime);
}

async function tryKind({ before, after = before, shifts }: Kind, stand: Stand): Promise<string[]> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "freshness-")));
  chmodSync(dir, 0o755);
  const disk = await mountFaulty(dir, before);
  const volume = stand.volume(join(disk.path, "volume"));
  const wrong: string[] = [];
  try {
    const trial = openTrial(stand, volume, disk, dir);
    const expect = async (what: string, is: (ran: Ran) => boolean, ran: Ran): Promise<void> => {
      const programs = await volume.wrongPrograms([stand.first]);
      if (ran.status !== 0 || !is(ran) || programs.length > 0) {
        wrong.push(`${before.join(" ") || "usual"}: ${what}: ${ran.stderr}${programs.join("; ")}`);
      }
    };
    const alone = (ran: Ran): boolean => ran.alone;
    const repairs = ({ stderr }: Ran): boolean => /gog .*installed/.test(stderr);
    await expect("first run", () => true, await trial.run());
    flip(volume);
    await expect("a byte, by Node", repairs, await trial.run({}, "--strict", "--ignore-system"));
    await expect("a start after that", () => true, await trial.run());
    await expect("the next one", alone, await trial.run());
    flip(volume);
    await expect("a byte, by sh", repairs, await trial.run());
    await trial.run();
    await disk.remount(after);
    await expect("a remount, without Node", alone, await trial.runWithoutNode());
    await expect("a remount", (ran) => ran.alone || shifts === true, await trial.run());
    await expect("another start", alone, await trial.run());
    flip(volume);
    await expect("a byte after the remount", repairs, await trial.run());
    cpSync(volume.prefix, `${volume.prefix}.copy`, { recursive: true, verbatimSymlinks: true });
    rmSync(volume.prefix, { recursive: true });
    cpSync(`${volume.prefix}.copy`, volume.prefix, { recursive: true, verbatimSymlinks: true });
    await expect("a restored copy, without Node", alone, await trial.runWithoutNode());
    await expect("a restored copy", () => true, await trial.run());
    await expect("a start of the copy", alone, await trial.run());
  } finally {
    disk.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return wrong;
}

function openTrial(stand: Stand, volume: Volume, disk: FaultyDisk, dir: string): Trial {
  const [node, asked] = [join(dir, "node"), join(dir, "asked")];
  writeFileSync(node, `#!/bin/sh\necho x >>'${asked}'\nexec '${process.execPath}' "$@"\n`);
  chmodSync(node, 0o755);
  const bare = pathWithoutNode();
  const run = async (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> => {
    rmSync(asked, { force: true });
    const ran = await volume.run({ catalogue: stand.first, args, env });
    return { ...ran, alone: !existsSync(asked) && /programs present/.test(ran.stderr) };
  };
  return {
    volume,
    disk,
    run: (env = {}, ...args) => run({ OPENCLAW_SKILL_DEPS_NODE: node, ...env }, ...args),
    async runWithoutNode() {
      // The volume has one, which starts this machine's.
      const env = {
        OPENCLAW_SKILL_DEPS_NODE: "/nonexistent",
        PATH: bare,
        NODE_OPTIONS: "--no-such",
      };
      return await run(env, "--strict");
    },
  };
}

const freshness: Case = {
  name: `inodes and times that are not ext4's${hasFuse ? "" : " (skipped: needs root, FUSE and gcc)"}`,
  tries: isRoot && hasFuse ? { bounded: 2, full: kinds.length } : { bounded: 0, full: 0 },
  async run(tries) {
    const wrong: string[] = [];
    const stand = await openStand();
    try {
      for (const kind of kinds.slice(0, tries)) wrong.push(...(await tryKind(kind, stand)));
    } finally {
      await stand.close();
    }
    return { tries: Math.min(tries, kinds.length), wrong, stale: 0 };
  },
};

export const cases: readonly Case[] = [freshness];

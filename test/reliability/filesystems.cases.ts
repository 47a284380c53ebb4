/**
 * The product on file systems as people have them. What is measured is the table in
 * entrypoint/README.md: a row that differs from it is wrong.
 *
 *   WRITE_TABLE=1 node test/reliability/run.ts --full "file systems"     writes the table again
 */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "../support/workplace.ts";
import { type Case, some } from "./case.ts";
import { hasFuse } from "./support/faulty.ts";
import { type FileSystem, fileSystems, type Mounted } from "./support/filesystems.ts";
import { isRoot } from "./support/mounts.ts";
import { platforms } from "./support/platforms.ts";
import { type Finished, forEachOf, openStand, type Stand, type Volume } from "./support/stand.ts";
import { type Answer, type Watched, watch } from "./support/watched.ts";

const columns = [
  "File system",
  "As seen with",
  "First run",
  "Next start",
  "After a remount",
  "Mode lost",
  "One byte changed",
  "Read-only, no Node",
] as const;
type Row = readonly string[];

const readme = join(repository, "entrypoint", "README.md");
const [opening, closing] = ["<!-- file systems -->", "<!-- end of file systems -->"];

/** One volume on one file system. */
interface Trial extends Watched {
  readonly stand: Stand;
  readonly volume: Volume;
  readonly mounted: Mounted;
  /** Lets so much time pass that what was written before has another stamp than what comes. */
  settle(): Promise<void>;
}

function openTrial(
  stand: Stand,
  mounted: Mounted,
  { dir, system }: { dir: string; system: FileSystem },
): Trial {
  const { uid, through: before = [], stampMs = 10 } = system;
  const volume = stand.volume(join(mounted.path, "volume"), uid);
  const watched = watch({ volume, catalogue: stand.first, dir, before });
  return { stand, volume, mounted, settle: () => sleep(stampMs * 1.1), ...watched };
}

async function measure(system: FileSystem, stand: Stand): Promise<Row> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "filesystem-")));
  chmodSync(dir, 0o755);
  const mounted = await system.mount(dir);
  try {
    const trial = openTrial(stand, mounted, { dir, system });
    return [system.name, system.standsFor ?? "", ...(await measureAll(trial))];
  } finally {
    mounted.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What the columns behind the names say. */
async function measureAll(trial: Trial): Promise<string[]> {
  const before = trial.stand.server.requests.length;
  const first = await trial.run();
  const fetched = trial.stand.server.requests.length - before;
  const refusal = refusalOf(first);
  const said = refusal && fetched > 0 ? `${refusal} (after ${fetched} downloads)` : refusal;
  const wrong = said ?? (await ofRun(trial, first));
  if (wrong !== undefined) return [wrong, ...columns.slice(3).map(() => "–")];
  return [
    "installed",
    await nextStart(trial),
    await afterRemount(trial),
    await modeLost(trial),
    await byteChanged(trial),
    await readOnly(trial),
  ];
}

/** What a run that could not install here called the reason. */
function refusalOf({ stderr }: Finished): string | undefined {
  const reason = /this file system (.*?)(:|;|\n|$)|is mounted (?=noexec)(\w+)/.exec(stderr);
  return reason ? `refused: ${reason[1] ?? reason[3]}` : undefined;
}

/** What is wrong with a run that was to leave every program right. */
async function ofRun({ volume, stand }: Trial, ran: Finished): Promise<string | undefined> {
  if (/This is a bug/.test(ran.stderr)) return "a bug";
  const wrong = await volume.wrongPrograms([stand.first]);
  if (wrong.length > 0) return `status ${ran.status}, ${wrong.length} programs do not run`;
  return ran.status === 0 ? undefined : `status ${ran.status}`;
}

async function nextStart(trial: Trial): Promise<string> {
  const answers: Answer[] = [];
  for (let n = 0; n < 3; n += 1) {
    await trial.settle();
    const ran = await trial.run();
    const wrong = await ofRun(trial, ran);
    if (wrong !== undefined) return wrong;
    answers.push(ran.answer);
  }
  const last = answers.at(-1) as Answer;
  const others = answers.filter((answer) => answer !== last);
  if (others.length === 0) return last === "Node" ? "Node each time" : last;
  return `${others.join(", ")}, then ${last}`;
}

async function afterRemount(trial: Trial): Promise<string> {
  await trial.mounted.remount();
  const bare = await trial.runWithoutNode("--strict");
  const without = bare.status === 0 ? "" : `; without Node: status ${bare.status}`;
  await trial.mounted.remount();
  return `${await nextStart(trial)}${without}`;
}

const programOf = (trial: Trial): string => realpathSync(join(trial.volume.prefix, "bin", "gog"));

/** Whether a plain run repairs it without another download. */
async function modeLost(trial: Trial): Promise<string> {
  const program = programOf(trial);
  const { mode } = statSync(program);
  try {
    chmodSync(program, 0o600);
  } catch {
    return "cannot be lost";
  }
  if ((statSync(program).mode & 0o777) !== 0o600) return "cannot be lost";
  const before = trial.stand.server.requests.length;
  const wrong = await ofRun(trial, await trial.run());
  if (wrong !== undefined) return wrong;
  if (trial.stand.server.requests.length > before) return "installed again";
  return statSync(program).mode === mode ? "set again" : "left";
}

/** Whether a plain run finds a byte that was changed with the file's time set back. */
async function byteChanged(trial: Trial): Promise<string> {
  const part = join(programOf(trial), "..", "..", "lib", "part-1");
  const { atime, mtime } = statSync(part);
  const bytes = readFileSync(part);
  bytes[12] = (bytes[12] as number) ^ 1;
  writeFileSync(part, bytes);
  utimesSync(part, atime, mtime);
  const ran = await trial.run();
  const wrong = await ofRun(trial, ran);
  if (wrong === undefined) return "installed again";
  return ran.answer === "Node" ? wrong : `not found (${wrong})`;
}

async function readOnly(trial: Trial): Promise<string> {
  await trial.run();
  await trial.mounted.readOnly();
  const ran = await trial.runWithoutNode("--strict");
  const wrong = await ofRun(trial, ran);
  return wrong ?? (/nothing to do/.test(ran.stderr) ? "verified" : "not verified");
}

/** The rows of the README's table; none where it has no table. */
function readTable(): Row[] {
  if (!existsSync(readme)) return [];
  const [, table = ""] = readFileSync(readme, "utf8").split(opening);
  return (table.split(closing)[0] ?? "")
    .trim()
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** Rows that were not measured, for want of a program, stay. */
function writeTable(rows: readonly Row[]): void {
  const known = new Map([...readTable(), ...rows].map((row) => [row[0], row]));
  const all = [...fileSystems, ...platforms].flatMap(({ name }) => {
    const row = known.get(name);
    return row ? [row] : [];
  });
  const lines = [columns, columns.map(() => "---"), ...all].map((row) => `| ${row.join(" | ")} |`);
  const [before, rest = ""] = readFileSync(readme, "utf8").split(opening);
  const after = rest.split(closing)[1] ?? "";
  writeFileSync(readme, `${before}${opening}\n${lines.join("\n")}\n${closing}${after}`);
}

const available = (system: FileSystem): boolean =>
  system.needs.every((name) =>
    (process.env.PATH ?? "")
      .split(delimiter)
      .concat("/sbin", "/usr/sbin")
      .some((dir) => existsSync(resolve(dir, name))),
  );

const all = [...fileSystems, ...platforms];
const systems = isRoot && hasFuse ? all.filter(available) : [];
const bounded = some(
  systems.filter(({ isCommon }) => isCommon),
  9,
);

/** Several at once, each with a server of its own, whose requests are counted. */
async function measureEach(chosen: readonly FileSystem[]): Promise<Row[]> {
  const rows: Row[] = [];
  const queue = chosen.entries();
  const lanes = Math.max(2, availableParallelism());
  await forEachOf(Array.from({ length: lanes }), lanes, async () => {
    const stand = await openStand();
    try {
      for (const [index, system] of queue) {
        const row = await measure(system, stand);
        rows[index] = row;
        process.stderr.write(`  ${row.join(" | ")}\n`);
      }
    } finally {
      await stand.close();
    }
  });
  return rows;
}

const table: Case = {
  name: `file systems${isRoot && hasFuse ? "" : " (skipped: needs root, FUSE and gcc)"}`,
  // Without a table there is nothing that a bounded run could compare.
  tries: { bounded: readTable().length > 0 ? bounded.length : 0, full: systems.length },
  async run(tries) {
    const rows = await measureEach(tries > bounded.length ? systems : bounded);
    if (process.env.WRITE_TABLE) writeTable(rows);
    const known = new Map(readTable().map((row) => [row[0], row.join(" | ")]));
    const wrong = rows
      .filter((row) => known.get(row[0]) !== row.join(" | "))
      .map((row) => `${row.join(" | ")}, where the README has ${known.get(row[0])}`);
    return { tries: rows.length, wrong, stale: 0 };
  },
};

export const cases: readonly Case[] = [table];

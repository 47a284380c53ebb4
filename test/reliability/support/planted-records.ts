/** Records of the steady state as an agent would write them, to stop or to fool the sh entrypoint. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../support/archives.ts";
import { makeLarge } from "./untrusted-writer.ts";

type RecordPlant = (record: string, steady: string) => void;

const files = ["unmet", "seen", "all", "volume", "sizes", "content", "satisfied"] as const;

function replace(file: string, make: (file: string) => void): void {
  rmSync(file, { recursive: true, force: true });
  make(file);
}

const pipe = (file: string): void => void run("mkfifo", [file]);
const endless = (file: string): void => symlinkSync("/dev/zero", file);
const terminal = (file: string): void => symlinkSync("/dev/stdin", file);
const hostileName = "a;touch evil;`touch evil`$(touch evil)\n-rf *";

const perFile = files.flatMap((name): [string, RecordPlant][] => [
  [`${name} is a pipe`, (record) => replace(join(record, name), pipe)],
  [`${name} never ends`, (record) => replace(join(record, name), endless)],
  [`${name} is our input`, (record) => replace(join(record, name), terminal)],
  [`${name} is a directory`, (record) => replace(join(record, name), (file) => mkdirSync(file))],
  [
    `${name} has 300 MB`,
    (record) => replace(join(record, name), (file) => makeLarge(file, 300_000_000)),
  ],
]);

export const recordPlants: Readonly<Record<string, RecordPlant>> = {
  ...Object.fromEntries(perFile),
  "names that a shell would run": (record) => {
    for (const kind of ["programs", "trees", "watch", "system", "files", "roots", "listed"]) {
      mkdirSync(join(record, kind), { recursive: true });
      symlinkSync("/nonexistent", join(record, kind, hostileName));
    }
    for (const name of ["satisfied", "unmet"]) writeFileSync(join(record, name), hostileName);
  },
  "links in circles": (record) => {
    for (const kind of ["roots", "listed", "files", "trees"]) {
      mkdirSync(join(record, kind), { recursive: true });
      symlinkSync("..", join(record, kind, "circle"));
      symlinkSync("/proc", join(record, kind, "proc"));
    }
  },
  "pipes among the programs": (record) => {
    for (const kind of ["programs", "trees", "watch", "files", "roots"]) {
      mkdirSync(join(record, kind), { recursive: true });
      pipe(join(record, kind, "0pipe"));
    }
  },
  "a thousand names on PATH": (record) => {
    mkdirSync(join(record, "system"), { recursive: true });
    for (let i = 0; i < 1000; i += 1) writeFileSync(join(record, "system", `sh-${i}`), "");
  },
  "1,000 records": (record, steady) => {
    for (let i = 0; i < 1000; i += 1) {
      const copy = join(steady, `${record.split("/").at(-1)}${String(i).padStart(4, "0")}`);
      for (const kind of ["programs", "trees", "watch", "system"]) {
        mkdirSync(join(copy, kind), { recursive: true });
      }
      for (const name of ["seen", "all", "volume", "sizes"]) {
        writeFileSync(join(copy, name), "never\n");
      }
    }
  },
};

/** Does it to every record that the volume has. */
export function plantRecords(prefix: string, plant: RecordPlant): void {
  const steady = join(prefix, "share/openclaw-skill-deps/freshness");
  for (const name of readdirSync(steady)) plant(join(steady, name), steady);
}

/** What an untrusted writer can do to what was published, so that other programs run than those installed. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type HostileVolume, treeOf } from "./untrusted-writer.ts";

type Attack = (place: HostileVolume) => void;

/** Changes the bytes of a file and nothing that a look at its metadata shows, but for the ctime. */
function rewrite(file: string, change: (text: string) => string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, change(readFileSync(file, "utf8")));
  utimesSync(file, atime, mtime);
}

const inTree =
  (work: (tree: string, place: HostileVolume) => void): Attack =>
  (place) => {
    const tree = treeOf(place.prefix, "gog");
    if (tree === undefined) throw new Error("gog was not installed");
    work(tree, place);
  };

function relink(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

const recordName = ".openclaw-skill-deps.json";

/** Makes the record of a tree speak of what now lies in it. */
function forgeRecord(tree: string): void {
  const file = join(tree, recordName);
  const parsed = JSON.parse(readFileSync(file, "utf8"));
  if (parsed.files === undefined) return;
  const program = readFileSync(join(tree, "bin/gog"));
  const digest = createHash("sha256").update(program).digest("hex");
  parsed.files["bin/gog"] = `755 ${digest}`;
  parsed.record.bins.gog.size = program.length;
  const list = JSON.stringify(Object.entries(parsed.files));
  parsed.record.contents = createHash("sha256").update(list).digest("hex");
  writeFileSync(file, JSON.stringify(parsed));
}

const evil = (text: string): string => text.replace("1.0", "6.6");

/** A tree beside the real one, whose record says that it is it. */
function plantBeside(tree: string): void {
  const beside = `${tree}.2`;
  cpSync(tree, beside, { recursive: true, verbatimSymlinks: true });
  const file = join(beside, recordName);
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(basename(tree), basename(beside)));
  rewrite(join(beside, "bin/gog"), evil);
  forgeRecord(beside);
}

export const attacks: Readonly<Record<string, Attack>> = {
  "a program's bytes": inTree((tree) => rewrite(join(tree, "bin/gog"), evil)),
  "a library's bytes": inTree((tree) => rewrite(join(tree, "lib/data"), () => "atad")),
  "a program grows": inTree((tree) => appendFileSync(join(tree, "bin/gog"), "echo evil\n")),
  "a program is emptied": inTree((tree) => writeFileSync(join(tree, "bin/gog"), "")),
  "a program is gone": inTree((tree) => rmSync(join(tree, "bin/gog"))),
  "a library is gone": inTree((tree) => rmSync(join(tree, "lib/more/data"))),
  "a directory is gone": inTree((tree) => rmSync(join(tree, "lib/more"), { recursive: true })),
  "a file is added": inTree((tree) => writeFileSync(join(tree, "lib/added"), "evil")),
  "a link in the tree is turned": inTree((tree) => relink(join(tree, "lib/link"), "more/data")),
  "a link in the tree leads out": inTree((tree, { sentinel }) =>
    relink(join(tree, "lib/link"), join(sentinel, "file")),
  ),
  "a program becomes a link": inTree((tree, { sentinel }) =>
    relink(join(tree, "bin/gog"), join(sentinel, "program")),
  ),
  "a directory becomes a link": inTree((tree, { sentinel }) =>
    relink(join(tree, "lib/more"), join(sentinel, "directory")),
  ),
  "a file is writable by all": inTree((tree) => chmodSync(join(tree, "lib/data"), 0o666)),
  "a program is setuid": inTree((tree) => chmodSync(join(tree, "bin/gog"), 0o4755)),
  "a program is not executable": inTree((tree) => chmodSync(join(tree, "bin/gog"), 0o644)),
  "the tree's record is gone": inTree((tree) => rmSync(join(tree, recordName))),
  "the tree's record is forged": inTree((tree) => {
    rewrite(join(tree, "bin/gog"), evil);
    forgeRecord(tree);
  }),
  "the tree is moved outside and linked": inTree((tree, { sentinel }) => {
    relink(tree, join(sentinel, "directory"));
  }),
  "the tool's directory is a link": ({ prefix, sentinel }) =>
    relink(join(prefix, "lib/gog"), join(sentinel, "directory")),
  "the tree is replaced by another tool's": inTree((tree, { prefix }) => {
    rmSync(tree, { recursive: true });
    const other = treeOf(prefix, "jot");
    if (other !== undefined) cpSync(other, tree, { recursive: true, verbatimSymlinks: true });
  }),
  "a forged tree beside a broken one": inTree((tree) => {
    plantBeside(tree);
    writeFileSync(join(tree, "bin/gog"), "");
  }),
  "a link in bin is gone": ({ prefix }) => rmSync(join(prefix, "bin/gog")),
  "a link in bin leads to another program": ({ prefix }) => relink(join(prefix, "bin/gog"), "jot"),
  "a link in bin leads out": ({ prefix, sentinel }) =>
    relink(join(prefix, "bin/gog"), join(sentinel, "program")),
  "a link in bin is a program": ({ prefix }) => {
    rmSync(join(prefix, "bin/gog"));
    writeFileSync(join(prefix, "bin/gog"), "#!/bin/sh\necho gog 6.6\n", { mode: 0o755 });
  },
  "an unmanaged file in bin": ({ prefix }) =>
    writeFileSync(join(prefix, "bin/ls"), "#!/bin/sh\necho evil\n", { mode: 0o755 }),
  "a strange link in bin": ({ prefix, sentinel }) =>
    symlinkSync(join(sentinel, "program"), join(prefix, "bin/ls")),
  "the login shells' script is changed": ({ prefix }) =>
    rewrite(join(prefix, "etc/profile.d/openclaw-skill-deps.sh"), (text) => `echo evil\n${text}`),
  "the login shells' script is a link": ({ prefix, sentinel }) =>
    relink(join(prefix, "etc/profile.d/openclaw-skill-deps.sh"), join(sentinel, "program")),
  "bin is moved away": ({ prefix }) => {
    renameSync(join(prefix, "bin"), join(prefix, "nib"));
    if (!existsSync(join(prefix, "bin")))
      cpSync(join(prefix, "nib"), join(prefix, "bin"), { recursive: true, verbatimSymlinks: true });
    rmSync(join(prefix, "nib"), { recursive: true });
    relink(join(prefix, "bin/gog"), "../lib/gog/none");
  },
};

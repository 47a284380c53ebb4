/**
 * What is installed: real programs in archives like those of releases, in a directory to be served.
 *
 *   const set8 = realSet(scratch, served);      // 8 programs of npm's platform packages, pinned
 *   const set40 = smallSet(served);             // 40 of this machine's own
 *   const many = numberedSet(served, 1000);     // one small program under many names
 *   const files = manyFilesSet(served);         // set40, and a program of 5,000 files
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, type RawEntry, tarGzOf, zipOf } from "../support/archives.ts";

export interface Fixture {
  readonly tool: string;
  readonly version: string;
  /** Name of the served file. */
  readonly file: string;
  readonly format: "tar.gz" | "zip";
  readonly sha256: string;
  /** Bytes, packed and (about) unpacked. */
  readonly size: number;
  readonly unpacked: number;
  /** The one directory that everything in the archive lies in. */
  readonly top: string;
  /** The program's path below that. */
  readonly program: string;
  /** Arguments with which the program says its version. */
  readonly test: readonly string[];
}

export interface FixtureSet {
  readonly name: string;
  readonly fixtures: readonly Fixture[];
  readonly size: number;
  readonly unpacked: number;
}

interface Package {
  readonly tool: string;
  readonly name: string;
  readonly version: string;
  readonly program: string;
  readonly format?: "zip";
  readonly test?: readonly string[];
}

/** Names that no machine has on its PATH. The sizes of what skills ask for: from 6 to 97 MB unpacked, one of many files. */
const packages: readonly Package[] = [
  { tool: "bench-buf", name: "@bufbuild/buf-linux-x64", version: "1.75.0", program: "bin/buf" },
  { tool: "bench-moon", name: "@moonrepo/core-linux-x64-gnu", version: "2.5.5", program: "moon" },
  {
    tool: "bench-turbo",
    name: "@turbo/linux-64",
    version: "2.11.11",
    program: "bin/turbo",
    format: "zip",
  },
  {
    tool: "bench-tsgo",
    name: "@typescript/native-preview-linux-x64",
    version: "7.0.0-dev.20260707.2",
    program: "lib/tsgo",
  },
  {
    tool: "bench-dprint",
    name: "@dprint/linux-x64-glibc",
    version: "0.57.4",
    program: "dprint",
    format: "zip",
  },
  {
    tool: "bench-lefthook",
    name: "lefthook-linux-x64",
    version: "2.2.2",
    program: "bin/lefthook",
    test: ["version"],
  },
  { tool: "bench-esbuild", name: "@esbuild/linux-x64", version: "0.28.2", program: "bin/esbuild" },
  { tool: "bench-rg", name: "@vscode/ripgrep-linux-x64", version: "1.18.0", program: "bin/rg" },
];

/** 8 programs, 107 MB packed (6 tar.gz, 2 zip), 292 MB unpacked. */
export function realSet(scratch: string, served: string): FixtureSet {
  return asSet(
    "set8",
    packages.map((one) => bringPackage(one, scratch, served)),
  );
}

function bringPackage(one: Package, scratch: string, served: string): Fixture {
  const { tool, name, version, program, format = "tar.gz", test = ["--version"] } = one;
  const into = join(scratch, tool);
  mkdirSync(into, { recursive: true });
  const shown = execFileSync("npm", ["pack", "--silent", `${name}@${version}`], {
    cwd: into,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tarball = join(into, shown.trim().split("\n").at(-1) ?? "");
  const tree = join(into, "tree");
  mkdirSync(tree);
  execFileSync("tar", ["-xzf", tarball, "-C", tree]);
  const top = readdirSync(tree)[0] ?? "";
  const packed = format === "zip" ? zipOf(entriesOf(tree, top)) : readFileSync(tarball);
  const paths = { top, program, test };
  return offer(served, { tool, version, format, packed, ...paths, unpacked: sizeOf(tree) });
}

/** Programs that every Debian has; each is its own archive with a page of text beside it. */
const smallPrograms =
  `b2sum base32 base64 basename basenc cat chgrp chmod chown cksum comm cp csplit cut
  date dd df dir dircolors dirname du env expand expr factor fmt fold head hostid id join link ln logname
  ls md5sum mkdir mkfifo mknod mktemp mv nl nproc numfmt od paste pathchk pr printenv ptx readlink
  realpath rm rmdir seq sha1sum sha256sum shuf sleep sort split stat stty sum tac tail tee timeout touch
  tr truncate tsort tty uname unexpand uniq wc whoami yes`.split(/\s+/);

/** 40 programs of some 50 kB (30 tar.gz, 10 zip). */
export function smallSet(served: string): FixtureSet {
  const found: Fixture[] = [];
  for (const name of smallPrograms) {
    const body = readProgram(join("/usr/bin", name));
    if (body === undefined || found.length === 40) continue;
    const [tool, version] = [`bench-${name}`, "1.0.0"];
    const top = `${tool}-${version}`;
    const entries = [
      { name: `${top}/${tool}`, body, mode: 0o755 },
      { name: `${top}/README.md`, body: `# ${name}\n\n${smallPrograms.join(", ")}\n` },
    ];
    const format = found.length % 4 === 3 ? "zip" : "tar.gz";
    const packed = format === "zip" ? zipOf(entries.map(asZipEntry)) : tarGzOf(entries);
    const about = { top, program: tool, test: ["--version"], unpacked: body.length };
    found.push(offer(served, { tool, version, format, packed, ...about }));
  }
  if (found.length < 40)
    throw new Error("this machine has fewer than 40 small programs of its own");
  return asSet("set40", found);
}

/** A small ELF program that is a file of its own and answers. */
function readProgram(path: string): Buffer | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > 500_000) return undefined;
  const { status } = spawnSync(path, ["--version"], { stdio: "ignore", timeout: 1000 });
  return status === 0 ? readFileSync(path) : undefined;
}

/** Programs `bench-0000` and so on, for what depends on their number alone. */
export function numberedSet(served: string, count: number): FixtureSet {
  const body = readFileSync(realpathSync("/bin/true"));
  const top = "true-1.0.0";
  const name = `${top}/true`;
  const packed = tarGzOf([{ name, body, mode: 0o755 }]);
  const about = { version: "1.0.0", format: "tar.gz", packed, top, unpacked: body.length } as const;
  const one = offer(served, { tool: "true", ...about, program: "true", test: ["--version"] });
  const fixtures = Array.from({ length: count }, (_, i) => ({
    ...one,
    tool: `bench-${String(i).padStart(4, "0")}`,
  }));
  return asSet(`set${count}`, fixtures);
}

/** The 40 small programs, and one of 5,000 files, as JavaScript programs have. */
export function manyFilesSet(served: string): FixtureSet {
  const { fixtures } = smallSet(served);
  const body = readFileSync(realpathSync("/bin/true"));
  const top = "many-1.0.0";
  const files = Array.from({ length: 5000 }, (_, i) => ({
    name: `${top}/modules/${i % 250}/${i}.js`,
    body: `export const n = ${i};\n`,
  }));
  const packed = tarGzOf([{ name: `${top}/many`, body, mode: 0o755 }, ...files]);
  const about = { version: "1.0.0", format: "tar.gz", packed, top, unpacked: body.length } as const;
  const many = { tool: "bench-many", ...about, program: "many", test: ["--version"] };
  return asSet("many files", [...fixtures, offer(served, many)]);
}

type Draft = Omit<Fixture, "file" | "sha256" | "size"> & { readonly packed: Buffer };

function offer(served: string, { packed, ...draft }: Draft): Fixture {
  const file = `${draft.tool}-${draft.version}.${draft.format}`;
  writeFileSync(join(served, file), packed);
  const { sha256, size } = describe(packed);
  if (draft.format === "tar.gz") gunzipSync(packed); // whole, before anything is measured with it
  return { ...draft, file, sha256, size };
}

function asSet(name: string, fixtures: readonly Fixture[]): FixtureSet {
  const sum = (of: (one: Fixture) => number): number =>
    fixtures.reduce((total, one) => total + of(one), 0);
  return { name, fixtures, size: sum((one) => one.size), unpacked: sum((one) => one.unpacked) };
}

function entriesOf(tree: string, top: string): ReturnType<typeof asZipEntry>[] {
  return filesIn(tree)
    .map((path) => ({ path, name: path.slice(tree.length + 1) }))
    .filter(({ name }) => name.startsWith(top))
    .map(({ path, name }) =>
      asZipEntry({ name, body: readFileSync(path), mode: lstatSync(path).mode & 0o777 }),
    );
}

function asZipEntry({ name, body = "", mode = 0o644 }: RawEntry) {
  return { name, body, mode: 0o100000 | mode };
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, basename(entry.name)))
    .sort();
}

function sizeOf(dir: string): number {
  return filesIn(dir).reduce((total, path) => total + lstatSync(path).size, 0);
}

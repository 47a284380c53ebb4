import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { declaredSets } from "../../src/core/libraries/skill-sets.ts";
import { readDependencyFiles } from "../../src/io/inputs/dependency-files.ts";

function skill(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), "libraries-"));
  mkdirSync(join(dir, "scripts"));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(dir, path), text);
  return dir;
}

it("reads dependency files beside SKILL.md and in scripts/, and which directories they were in", () => {
  const dir = skill({
    "requirements.txt": "requests\n",
    "scripts/x.py": '# /// script\n# dependencies = ["rich"]\n# ///\n',
    "scripts/plain.py": "import requests\n",
    "notes.txt": "flask\n",
  });
  const read = readDependencyFiles(dir);
  expect([...read.files.keys()]).toEqual(["requirements.txt", "scripts/x.py"]);
  expect(read.directories).toEqual([dir, join(dir, "scripts")]);
});

it("follows no link, waits for no pipe and reads no endless file", () => {
  const dir = skill({ "scripts/requirements.txt": `requests\n${"#".repeat(65_536)}\n` });
  symlinkSync("/etc/hostname", join(dir, "requirements.txt"));
  execFileSync("mkfifo", [join(dir, "package.json"), join(dir, "x.py")]);
  const sets = declaredSets(readDependencyFiles(dir));
  const refused = sets.flatMap((set) => set.refused.map(({ file, reason }) => [file, reason]));
  expect(refused).toEqual([
    ["requirements.txt", "it is a link, not a file"],
    ["scripts/requirements.txt", "it is larger than 65536 bytes"],
    ["package.json", "it is a pipe, not a regular file"],
  ]);
});

it("reads nothing through a linked scripts/, and nothing of a folder that is gone", () => {
  const other = skill({ "requirements.txt": "flask\n" });
  const dir = mkdtempSync(join(tmpdir(), "libraries-"));
  symlinkSync(other, join(dir, "scripts"));
  expect(readDependencyFiles(dir)).toMatchObject({ files: new Map(), directories: [dir] });
  expect(readDependencyFiles(join(dir, "none")).files).toEqual(new Map());
});

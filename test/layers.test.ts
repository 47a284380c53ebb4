import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/**
 * Rooms from the ground up, and the rooms below that each may import from. A name ending in `/` stands for
 * that room and all rooms in it. Arrows point down only, and no two rooms import from each other.
 */
const rooms: [room: string, mayImport: string[]][] = [
  ["core/problems", []],
  ["core", ["core/problems"]],
  ["core/skills", ["core"]],
  ["core/locks", ["core"]],
  ["core/libraries", ["core", "core/locks"]],
  ["core/recipes", ["core", "core/locks"]],
  ["core/plan", ["core", "core/libraries", "core/locks", "core/recipes"]],
  ["io", ["core"]],
  ["io/volume", ["io", "core", "core/plan"]],
  ["io/inputs", ["io", "core/"]],
  ["io/freshness", ["io", "io/volume", "core"]],
  ["report", ["core"]],
  ["usage", ["core", "core/problems"]],
  ["net", ["io", "core", "core/locks"]],
  ["unpack", ["io", "io/volume", "core"]],
  ["sources", ["unpack", "net", "io", "io/volume", "core"]],
  ["sources/bundle", ["unpack", "io", "core"]],
  ["sources/debian", ["sources", "unpack", "net", "io", "core"]],
  ["sources/go", ["sources", "unpack", "net", "io", "io/volume", "core"]],
  ["sources/npm", ["sources", "unpack", "net", "io", "core", "core/locks", "core/libraries"]],
  ["sources/python", ["sources", "unpack", "net", "io", "core", "core/locks"]],
  ["context", ["report", "usage", "net", "core"]],
  ["author", ["context", "sources/", "unpack", "net", "report", "io", "io/volume", "core/"]],
  ["author/signatures", ["author", "sources/", "net", "io", "core/"]],
  ["run/catalogue", ["context", "sources/", "unpack", "net", "report", "io/", "core/"]],
  ["run/inputs", ["run/catalogue", "context", "report", "io/", "core/"]],
  ["run", ["run/catalogue", "author", "sources/", "net", "report", "io/", "core/"]],
  ["commands", ["run/", "author/", "context", "usage", "net", "report", "io/", "core/"]],
  ["main", ["commands", "run", "context", "usage", "net", "report", "io", "core"]],
  ["plugin", ["core"]],
];
/** Files that are a room of their own: the command line and what every command is given. */
const ownRooms: Readonly<Record<string, string>> = {
  "cli.ts": "context",
  "context.ts": "context",
  "machine.ts": "main",
  "main.ts": "main",
  "pieces.ts": "main",
  "policy.ts": "main",
  "policy-full.ts": "main",
  "start.ts": "main",
};
/** The table of kinds knows each kind. */
const aboveItsRoom = new Map([["sources/source.ts", "sources/"]]);
/** What is pure in the platform: no file, network, process or clock. */
const pureModules = new Set(["node:crypto", "node:path"]);

const source = join(import.meta.dirname, "..", "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);
const roomOf = (file: string): string => ownRooms[file] ?? dirname(file);

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

test("there are files to look at", () => {
  expect(files.length).toBeGreaterThan(20);
});

const isWithin = (room: string, allowed: string): boolean =>
  allowed.endsWith("/") ? `${room}/`.startsWith(allowed) : room === allowed;

test.each(files)("%s imports from rooms below only", (file) => {
  const room = roomOf(file);
  const below = rooms.find(([name]) => name === room)?.[1];
  expect(below, `${file} lies in no known room`).toBeDefined();
  const may = [room, ...(below ?? []), aboveItsRoom.get(file) ?? ""];
  for (const imported of importsOf(file)) {
    if (imported.startsWith(".")) {
      const target = relative(source, join(source, dirname(file), imported));
      const isAllowed = may.some((allowed) => isWithin(roomOf(target), allowed));
      expect(isAllowed, `${file} imports ${target}`).toBe(true);
    } else if (room.startsWith("core") && imported.startsWith("node:")) {
      expect(pureModules, `${file} imports ${imported}`).toContain(imported);
    }
  }
});

test("rooms are listed from the ground up", () => {
  const names = rooms.map(([name]) => name);
  for (const [index, [name, below]] of rooms.entries()) {
    const above = names.slice(index + 1).filter((it) => below.some((may) => isWithin(it, may)));
    expect(above, name).toEqual([]);
  }
});

const top = new Set([
  ...["start.ts", "main.ts", "machine.ts", "policy.ts", "policy-full.ts", "plugin/index.ts"],
]);

test.each(files.filter((file) => !top.has(file)))("%s does not name the process", (file) => {
  expect(readFileSync(join(source, file), "utf8")).not.toMatch(/\bprocess\.\w/);
});

/** Tables know them (core/plan/kinds.ts, sources/source.ts, author/pin.ts); elsewhere nothing depends on one. */
const kinds = "archive|npm-package|npm-closure|debian|python|go-module|go-build";

test.each(files)("%s does not tell kinds of sources apart", (file) => {
  const text = readFileSync(join(source, file), "utf8");
  expect(text).not.toMatch(new RegExp(`(\\bkind [!=]==|\\bcase) "(${kinds})"`));
  expect(text).not.toMatch(/switch \((artifact|spec|source)\.kind\)/);
});

test.each(files)("%s lists directories by lstat, not by the types of a listing", (file) => {
  expect(readFileSync(join(source, file), "utf8")).not.toMatch(/\bwithFileTypes: true/);
});

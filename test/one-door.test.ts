/**
 * Errors of the disk keep their meaning: who reads or writes files does it through src/io, whose errors
 * say what was done to which path; nobody takes any error for "not there".
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "..", "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

/**
 * They count calls and have their own words for errors; or begin before anything else is loaded; or run in a
 * gateway, where errors are lines of its log.
 */
const ownDoors = [
  /^io\//,
  /^unpack\//,
  /^net\/sink\.ts$/,
  /^(pieces|machine|policy)\.ts$/,
  /^plugin\//,
];
/** Names of node:fs that touch no disk, or whose errors end in who reads the stream. */
const harmless = /^(constants|createReadStream|createWriteStream|type \w+)$/;

function namesFromFs(text: string): string[] {
  const imports = text.matchAll(/import (type )?\{([^}]*)\} from "node:fs(?:\/promises)?"/g);
  return [...imports].flatMap(([, type, names = ""]) =>
    names.split(",").flatMap((name) => (name.trim() && !type ? [name.trim()] : [])),
  );
}

test("there are files that use the door", () => {
  const users = files.filter((file) => /from "\.\.\/io\/disk\.ts"/.test(read(file)));
  expect(users.length).toBeGreaterThan(10);
});

test.each(files.filter((file) => !ownDoors.some((door) => door.test(file))))(
  "%s reaches the disk through src/io",
  (file) => {
    expect(namesFromFs(read(file)).filter((name) => !harmless.test(name))).toEqual([]);
    expect(read(file)).not.toMatch(/import \* as \w+ from "node:fs/);
  },
);

/** What takes any error for an answer. `orNothing` and `tolerate` are how to say that it is meant. */
const swallowing = [
  /\bexistsSync\(/,
  /\.catch\(\(\) => /,
  /\bcatch \{/,
  /\.then\(\s*\(\) => true,\s*\(\) => false/,
];

test.each(files.filter((file) => /^(io|author|run|sources|commands)\//.test(file)))(
  "%s takes no error for an answer without saying so",
  (file) => {
    const found = swallowing.filter((pattern) => pattern.test(read(file)));
    expect(found).toEqual([]);
  },
);

function read(file: string): string {
  return readFileSync(join(source, file), "utf8");
}

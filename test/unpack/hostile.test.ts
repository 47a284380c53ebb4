import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { extract } from "../../src/unpack/extract.ts";
import { hostileArchives } from "../support/hostile.ts";
import { codeOf, evil, evilPath, type Hostile, tool } from "../support/hostile-entry.ts";

let dir: string;
let tree: string;
/** What lies around the tree and must stay as it is. */
const sentinels = ["above/sentinel", "above/beside/sentinel"];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hostile-"));
  tree = join(dir, "above/tree");
  mkdirSync(tree, { recursive: true });
  mkdirSync(join(dir, "above/beside"));
  for (const path of sentinels) writeFileSync(join(dir, path), path);
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Tells a bomb before it takes its time. */
const limits = { bytes: 50_000_000, entries: 1000 };

/** Gives what was thrown. */
async function unpack({ format, bytes, strip = 0 }: Hostile): Promise<unknown> {
  const file = join(dir, "download");
  writeFileSync(file, bytes());
  const request = { file, format, into: tree, strip, limits, rawPath: tool.name };
  const before = process.umask(0o022); // as the command has it
  try {
    await extract(request);
    return undefined;
  } catch (thrown) {
    return thrown;
  } finally {
    process.umask(before);
  }
}

function expectNothingOutside(): void {
  expect(readdirSync(dir).sort()).toEqual(["above", "download"]);
  expect(readdirSync(join(dir, "above")).sort()).toEqual(["beside", "sentinel", "tree"]);
  expect(readdirSync(join(dir, "above/beside"))).toEqual(["sentinel"]);
  for (const path of sentinels) expect(readFileSync(join(dir, path), "utf8")).toBe(path);
  expect(lstatSync(evilPath, { throwIfNoEntry: false })).toBeUndefined();
  for (let at = dir; at !== "/"; at = join(at, "..")) {
    expect(lstatSync(join(at, "..", evil), { throwIfNoEntry: false })).toBeUndefined();
  }
}

/** What tries to write elsewhere, or has two readings. */
const hostile =
  /leads out of|absolute path|through the link|through other links|replace a link|links out of|drive|overlaps|another name|another compression method/;

/** An attack, a limit of ours and a fault of the file are told apart. */
function expectTrueReason({ kind, problem, message, hint }: UserError): void {
  expect(kind, message).toBe(codeOf(message));
  expect(problem === "E_ARCHIVE_HOSTILE", message).toBe(hostile.test(message));
  expect(hint).toMatch(/^Nothing was installed from it/);
}

/** Every name below a directory, with what it is; and nothing that others could write. */
function describeTree(root: string, at = ""): [string, string][] {
  return readdirSync(join(root, at)).flatMap((name): [string, string][] => {
    const path = at === "" ? name : `${at}/${name}`;
    const stats = lstatSync(join(root, path));
    if (stats.isSymbolicLink()) return [[path, `-> ${readlinkSync(join(root, path))}`]];
    if (stats.isDirectory()) {
      expect(stats.mode & 0o7777, path).toBe(0o755);
      return [[path, "directory"], ...describeTree(root, path)];
    }
    expect(stats.isFile(), path).toBe(true);
    expect(stats.mode & 0o7022, path).toBe(0);
    const text = readFileSync(join(root, path), "latin1");
    return [[path, `${(stats.mode & 0o777).toString(8)} ${text}`]];
  });
}

test("there are many, each with a name of its own", () => {
  expect(new Set(hostileArchives.map(({ name }) => name)).size).toBe(hostileArchives.length);
  expect(hostileArchives.length).toBeGreaterThan(120);
});

describe("hostile and odd archives", { timeout: 60_000 }, () => {
  test.each(hostileArchives.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const thrown = await unpack(one);
    expectNothingOutside();
    if (one.refused !== undefined) {
      expect(thrown).toBeInstanceOf(UserError);
      expectTrueReason(thrown as UserError);
      expect((thrown as UserError).message).toMatch(one.refused);
      describeTree(tree); // for the modes
      return;
    }
    expect(thrown).toBeUndefined();
    if (one.format === "gz") return;
    const program = one.bare ? {} : { bin: "directory", "bin/tool": `755 ${tool.body}` };
    expect(Object.fromEntries(describeTree(tree))).toEqual({ ...program, ...one.tree });
  });
});

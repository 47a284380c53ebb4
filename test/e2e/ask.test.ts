/** What answers questions: info, search, why, and the columns of list. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  offer("zog", {
    description: "Reads zebra files",
    aliases: ["zebra"],
    provenance: "signed by zoe",
  });
  offer("yak", { needs: ["zog"], description: "Shaves" });
  offer("owl");
  place.recipe("musk", {
    description: "Not built for this platform",
    artifacts: {
      "linux-arm64-musl": { url: "https://example.test/a.tgz", sha256: "0".repeat(64) },
    },
  });
  place.skill("mail", { bins: ["owl", "musk"] });
  place.skill("notes", { anyBins: ["zebra", "elk"] }, { os: ["darwin"] });
  expect((await place.run("yak")).status).toBe(0);
  expect((await place.run()).status).toBe(0);
  offer("owl", { version: "2.0.0" });
});
afterAll(() => place.close());

function offer(name: string, more: { version?: string; [field: string]: unknown } = {}): void {
  const { version = "1.0.0" } = more;
  const tree = { [`bin/${name}`]: program(version), "lib/data": "x".repeat(50_000) };
  const source = place.serve(`${name}-${version}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, { version, artifacts: { "linux-x64": source }, ...more });
}

async function json(...args: string[]) {
  const { status, stdout, stderr } = await place.run(...args, "--json");
  expect([status, stderr]).toEqual([0, expect.not.stringContaining("error")]);
  return JSON.parse(stdout);
}

describe("list", () => {
  test("has sizes and who needs each tool", async () => {
    const { stdout } = await place.run("list");
    expect(stdout).toMatch(/^TOOL +VERSION +SIZE +PROGRAMS +NEEDED BY +FROM$/m);
    expect(stdout).toMatch(/^owl +1\.0\.0 +5\d(\.\d)? kB +owl +skill mail +http/m);
    expect(stdout).toMatch(/^yak +1\.0\.0 +5\d(\.\d)? kB +yak +by name +http/m);
    expect(stdout).toMatch(/^zog +1\.0\.0 +5\d(\.\d)? kB +zog +yak +http/m);
  });

  test("--json", async () => {
    const { tools } = await json("list");
    const zog = tools.find(({ tool }: { tool: string }) => tool === "zog");
    expect(zog.neededBy).toEqual({ skills: [], tools: ["yak"], byName: false, held: false });
    expect(zog.bytes).toBeGreaterThan(50_000);
  });
});

describe("info", () => {
  test("by an alias: recipe, version, size, who needs it, license and provenance", async () => {
    const { status, stdout } = await place.run("info", "zebra");
    expect(status).toBe(0);
    expect(stdout.split("\n")[0]).toBe("zog");
    expect(stdout).toMatch(/about +Reads zebra files/);
    expect(stdout).toMatch(/catalogue +1\.0\.0 \(.*zog\.yaml\)/);
    expect(stdout).toMatch(
      /installed +1\.0\.0 \(5\d(\.\d)? kB, 20\d\d-\d\d-\d\d, from http.*zog-1/,
    );
    expect(stdout).toMatch(/license +MIT/);
    expect(stdout).toMatch(/needed by +yak$/m);
    expect(stdout).toMatch(/provenance +signed by zoe/);
    expect(stdout).toMatch(/source +linux-x64 http.*zog-1\.0\.0\.tar\.gz \(\d+ B\)/);
  });

  test("--json: what is installed beside what the catalogue has", async () => {
    const { tools, ...rest } = await json("info", "owl", "musk", "owl");
    expect(rest).toEqual({ schema: 1, prefix: place.prefix, platform: expect.any(String) });
    expect(tools).toEqual([
      {
        name: "owl",
        recipe: {
          version: "2.0.0",
          origin: join(place.recipes, "owl.yaml"),
          description: "The owl program",
          homepage: "https://example.test",
          license: "MIT",
          provenance: "made by a test",
          signed: [],
          bins: ["owl"],
          aliases: [],
          needs: [],
          sources: [
            {
              platform: "linux-x64",
              source: expect.stringMatching(/owl-2/),
              size: expect.any(Number),
            },
          ],
        },
        installed: expect.objectContaining({ version: "1.0.0", bins: ["owl"], license: "MIT" }),
        previous: null,
        neededBy: { skills: ["mail"], tools: [], byName: false, held: false },
      },
      {
        name: "musk",
        recipe: expect.objectContaining({ version: "1.0.0" }),
        installed: null,
        previous: null,
        neededBy: { skills: [], tools: [], byName: false, held: false },
      },
    ]);
    expect(tools[0].installed.bytes).toBeGreaterThan(50_000);
  });

  test("of the bundled catalogue: its provenance is in the package", async () => {
    const { tools } = await json("info", "ripgrep");
    expect(tools[0]).toMatchObject({ name: "rg", recipe: { origin: "bundled" } });
    expect(tools[0].recipe.provenance).toMatch(/sha512 computed/);
  });

  test("a mistyped name is asked back", async () => {
    const { status, stderr } = await place.run("info", "zebar");
    expect(status).toBe(2);
    expect(stderr).toMatch(/"zebar" \[E_UNKNOWN_NAME\]\n {2}hint: Did you mean zebra\?/);
  });
});

describe("search", () => {
  test.each([
    ["zebra", "zog"],
    ["shaves", "yak"],
    ["ripgrep", "rg"],
  ])("%s finds %s", async (word, name) => {
    const { found } = await json("search", word);
    expect(found[0]).toMatchObject({ name });
  });

  test("shows a table with what is installed", async () => {
    const { stdout } = await place.run("search", "zebra");
    expect(stdout).toMatch(/^TOOL +VERSION +INSTALLED +PROGRAMS +DESCRIPTION$/m);
    expect(stdout).toMatch(/^zog +1\.0\.0 +1\.0\.0 +zog +Reads zebra files \(also zebra\)$/m);
  });

  test("--json", async () => {
    const document = await json("search", "owl", "program");
    expect(document).toEqual({
      schema: 1,
      words: ["owl", "program"],
      found: [
        {
          name: "owl",
          version: "2.0.0",
          installed: "1.0.0",
          bins: ["owl"],
          aliases: [],
          description: "The owl program",
          homepage: "https://example.test",
          license: "MIT",
        },
      ],
    });
  });

  test("finds nothing, and says what is near", async () => {
    const { status, stdout } = await place.run("search", "zebar");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/"zebar"; did you mean zebra\?/)]);
  });
});

describe("why", () => {
  test("a program of the volume: who asks, which recipe, where it is", async () => {
    const { status, stdout } = await place.run("why", "owl");
    expect(status).toBe(0);
    expect(stdout).toMatch(/asked by +skill mail: selected \(.*\); .*mail\/SKILL\.md/);
    expect(stdout).toMatch(/recipe +owl 2\.0\.0/);
    expect(stdout).toContain(`${place.prefix}/bin/owl\n`);
  });

  test("--json of one that only an unselected skill asks for, and a tool needs", async () => {
    const { programs } = await json("why", "zebra");
    expect(programs).toEqual([
      {
        program: "zebra",
        skills: [
          {
            name: "notes",
            file: join(place.skills, "notes", "SKILL.md"),
            selected: false,
            reason: "for darwin, not for linux",
            alternatives: ["elk"],
          },
        ],
        mcpServers: [],
        requestedBy: [],
        neededBy: ["yak"],
        recipe: { name: "zog", version: "1.0.0", origin: join(place.recipes, "zog.yaml") },
        state: { state: "present", tool: "zog", path: `${place.prefix}/bin/zog` },
        onPath: null,
      },
    ]);
  });

  test("one that no source here provides: the reason and its code", async () => {
    const { stdout } = await place.run("why", "musk");
    expect(stdout).toMatch(/not found +the recipe musk has nothing for .* \[E_NO_BUILD\]/);
  });

  test("asked for by name; a program that the image has does not count then", async () => {
    const bin = join(place.dir, "image");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "yak"), "#!/bin/sh\n");
    chmodSync(join(bin, "yak"), 0o755);
    const PATH = `${bin}:${place.env.PATH}`;
    const { stdout } = await place.runWith({ PATH }, "why", "yak");
    expect(stdout).toMatch(/asked by +by name: an earlier command line/);
    expect(stdout).toContain(`${place.prefix}/bin/yak\n`);
    expect(stdout).toMatch(/on PATH +.*image\/yak/);
  });

  test("one that nobody asks for could be installed", async () => {
    const { stdout } = await place.run("why", "rg");
    expect(stdout).toMatch(/asked by +nothing/);
    expect(stdout).toMatch(/(found +\/|rg .* is not installed yet; .* rg installs it)/);
  });

  test("changes nothing", async () => {
    const before = place.snapshot();
    for (const args of [["why", "owl"], ["info", "owl"], ["search", "owl"], ["list"]])
      expect((await place.run(...args)).status).toBe(0);
    expect(place.snapshot()).toEqual(before);
  });

  test.each([
    [["why", "olw"], /"olw".*\[E_UNKNOWN_NAME\]\n {2}hint: Did you mean owl\?/],
    [["why", "../sh"], /\[E_USAGE\]/],
    [["why"], /\[E_USAGE\]/],
    [["info"], /\[E_USAGE\]/],
    [["search"], /\[E_USAGE\]/],
    [["why", "imagemagick"], /its programs are/i],
  ])("%j is refused", async (args, message) => {
    const { status, stderr } = await place.run(...args);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

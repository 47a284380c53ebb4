import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stampsOf } from "../../src/io/volume/stamps.ts";
import { archive, program } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
const share = perTest(open, (opened) => {
  place = opened;
});

async function open(): Promise<Workplace> {
  const place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  const tree = { "bin/zog": program("1.0.0"), "lib/data": "x".repeat(1000), "lib/more": "m" };
  place.recipe("zog", {
    artifacts: { "linux-x64": place.serve("zog.tar.gz", archive("tar.gz", tree)) },
  });
  expect((await place.run()).status).toBe(0);
  return place;
}

const inTree = (path: string): string =>
  join(place.prefix, place.manifest().tools.zog?.dir ?? "", path);
const manifestFile = (): string => join(place.prefix, "manifest.json");
const ask = (): string => execFileSync(join(place.prefix, "bin/zog"), { encoding: "utf8" }).trim();

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** As if the disk had changed the byte: no time says so. */
function unseal(): void {
  const text = readFileSync(manifestFile(), "utf8");
  const { fingerprint } = stampsOf(inTree("."));
  writeFileSync(
    manifestFile(),
    text.replace(/("zog": \{[\s\S]*?"sealed": )"\w+"/, `$1"${fingerprint}"`),
  );
}

describe("every change to a published tree is found by the next run", () => {
  const changes: [string, () => void][] = [
    ["a byte of the program", () => flip(inTree("bin/zog"))],
    ["a byte of another file", () => flip(inTree("lib/data"))],
    ["a file gone", () => unlinkSync(inTree("lib/more"))],
    ["a file come", () => writeFileSync(inTree("lib/new"), "")],
    [
      "a file made a link",
      () => {
        unlinkSync(inTree("lib/more"));
        symlinkSync("data", inTree("lib/more"));
      },
    ],
    [
      "two files exchanged",
      () => {
        renameSync(inTree("lib/more"), inTree("lib/x"));
        renameSync(inTree("lib/data"), inTree("lib/more"));
        renameSync(inTree("lib/x"), inTree("lib/data"));
      },
    ],
    ["the list of its files", () => flip(inTree(".openclaw-skill-deps.json"))],
  ];
  describe("after", () => {
    share(async () => {});
    test.each(changes)("%s", async (_, change) => {
      const times = [inTree("lib/data"), inTree("lib/more")];
      change();
      for (const path of times) {
        try {
          utimesSync(path, 1, 1); // an untrusted writer would set the time that can be set
        } catch {
          // it was removed
        }
      }
      const { status, stderr } = await place.run();
      expect(stderr).toMatch(/zog 1\.0\.0: installed zog/);
      expect(status).toBe(0);
      expect(readFileSync(inTree("lib/data"), "utf8")).toBe("x".repeat(1000));
      expect((await place.run()).stderr).toMatch(/nothing to do/);
    });
  });

  test("a tree that was only touched is read, sealed again and kept", async () => {
    utimesSync(inTree("lib/data"), 1, 1);
    const { sealed } = place.manifest().tools.zog as unknown as { sealed: string };
    const { stderr } = await place.run();
    expect(stderr).toMatch(/nothing to do/);
    const after = place.manifest().tools.zog as unknown as { sealed: string };
    expect(after.sealed).not.toBe(sealed);
    expect(after.sealed).toBe(stampsOf(inTree(".")).fingerprint);
    expect(place.server.hits("/zog.tar.gz")).toBe(1);
  });
});

describe("doctor", () => {
  test("all is well", async () => {
    const { status, stdout } = await place.runWith(
      { PATH: `${process.env.PATH}:${place.prefix}/bin` },
      "doctor",
      "--deep",
    );
    expect(stdout).toMatch(/intact: zog 1\.0\.0 \(every file was hashed\)/);
    expect(status).toBe(0);
  });

  test("--deep finds a flipped byte that no time betrays, --repair repairs it", async () => {
    flip(inTree("lib/data"));
    unseal();
    expect((await place.run()).stderr).toMatch(/nothing to do/);
    expect((await place.run("doctor")).status).toBe(0);
    const found = await place.run("doctor", "--deep");
    expect(found.status).toBe(4);
    expect(found.stdout).toMatch(/not as published: lib\/data/);
    expect((await place.run("doctor", "--deep", "--repair")).status).toBe(0);
    expect((await place.run("doctor", "--deep")).status).toBe(0);
    expect(readFileSync(inTree("lib/data"), "utf8")).toBe("x".repeat(1000));
  });

  test("--repair repairs links; what is not ours in bin/ is told and left", async () => {
    unlinkSync(join(place.prefix, "bin/zog"));
    writeFileSync(join(place.prefix, "bin/mine"), "x");
    expect((await place.run("doctor")).stdout).toMatch(/bin\/zog: not our link/);
    const { status, stdout, stderr } = await place.run("doctor", "--repair");
    expect(stderr).toMatch(/zog 1\.0\.0: linked again/);
    expect(stdout).toMatch(/bin\/mine was not created/);
    expect(status).toBe(0);
    expect(ask()).toBe("1.0.0");
    expect(readFileSync(join(place.prefix, "bin/mine"), "utf8")).toBe("x");
    expect(place.server.hits("/zog.tar.gz")).toBe(1);
  });
});

describe("a manifest that cannot be used is kept aside and rebuilt from the trees", () => {
  const aside = (): string[] =>
    readdirSync(place.prefix).filter((name) => name.startsWith("manifest.json.broken-"));

  test.each([
    ["cut short", '{"schema": 1, "plat'],
    ["empty", ""],
    ["something else's", '{"name": "mise"}'],
  ])("%s", async (_, text) => {
    const before = place.manifest();
    writeFileSync(manifestFile(), text);
    const { status, stderr } = await place.run();
    expect(stderr).toMatch(/warning: .*manifest\.json .*; 1 tool .*\[E_MANIFEST_BROKEN\]/);
    expect(status).toBe(0);
    expect(place.manifest().tools.zog).toMatchObject({ dir: before.tools.zog?.dir });
    expect(aside().map((name) => readFileSync(join(place.prefix, name), "utf8"))).toEqual([text]);
    expect(place.server.hits("/zog.tar.gz")).toBe(1);
  });

  test("lost", async () => {
    unlinkSync(manifestFile());
    expect((await place.run()).status).toBe(0);
    expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
    expect(place.server.hits("/zog.tar.gz")).toBe(1);
  });

  test("a tree that is not whole to the last byte proves nothing", async () => {
    flip(inTree("lib/data"));
    writeFileSync(manifestFile(), "");
    const { stderr } = await place.run();
    expect(stderr).toMatch(/0 tools .*\[E_MANIFEST_BROKEN\]/);
    expect(place.server.hits("/zog.tar.gz")).toBe(2);
  });

  test("of a newer schema: left to the newer version, until doctor --repair", async () => {
    writeFileSync(manifestFile(), '{"schema": 99}');
    const before = place.snapshot();
    for (const args of [[], ["-f"], ["update"], ["list"], ["doctor"]]) {
      const { status, stderr } = await place.run(...args);
      expect(stderr).toMatch(/schema 99[\s\S]*hint: /);
      expect(status).toBe(2);
    }
    expect(place.snapshot()).toEqual(before);
    expect((await place.run("doctor", "--repair")).status).toBe(0);
    expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
    expect(aside()).toHaveLength(1);
  });
});

describe("stale files", () => {
  const hour = 3600;
  const age = (path: string, seconds: number): void => {
    const when = Date.now() / 1000 - seconds;
    utimesSync(path, when, when);
  };
  const staging = (name: string): string => join(place.prefix, "lib/.staging", name);

  test("staging without an owner goes after ten minutes, a live one stays", async () => {
    mkdirSync(staging("dead"));
    mkdirSync(staging("live"));
    age(staging("dead"), 0.2 * hour);
    await place.run();
    expect(readdirSync(staging(""))).toEqual(["live"]);
  });

  test("a tree that the manifest does not list goes after an hour; bin/ loses only what is ours", async () => {
    const [old, young] = ["lib/zog/0.1.0-aaaaaaaaaaaa", "lib/zog/0.2.0-aaaaaaaaaaaa"].map((dir) => {
      mkdirSync(join(place.prefix, dir));
      return join(place.prefix, dir);
    }) as [string, string];
    age(old, 2 * hour);
    symlinkSync("../lib/zog/0.1.0-aaaaaaaaaaaa/x", join(place.prefix, "bin/gone"));
    execFileSync("touch", ["-h", "-d", "2 hours ago", join(place.prefix, "bin/gone")]);
    writeFileSync(join(place.prefix, "bin/mine"), "x");
    age(join(place.prefix, "bin/mine"), 2 * hour);
    await place.run();
    const left = Object.keys(place.snapshot());
    expect(left).not.toContain("lib/zog/0.1.0-aaaaaaaaaaaa");
    expect(left).not.toContain("bin/gone");
    expect(left).toContain("lib/zog/0.2.0-aaaaaaaaaaaa");
    expect(left).toContain("bin/mine");
    expect(young).toBeTruthy();
  });

  test("the replaced tree stays for programs that run from it", async () => {
    const former = inTree("");
    await place.run("-f");
    expect(readdirSync(former)).toContain("bin");
    expect(inTree("")).not.toBe(former);
  });
});

test("runs at once: each artifact is downloaded once, the others say what they wait for", async () => {
  rmSync(place.prefix, { recursive: true });
  const bytes = archive("tar.gz", { "bin/zog": program("2.0.0") });
  const source = place.serve("drip.tar.gz", bytes, { fault: "drip" });
  place.recipe("zog", { version: "2.0.0", artifacts: { "linux-x64": source } });
  const runs = await Promise.all(Array.from({ length: 6 }, () => place.run()));
  expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 0));
  expect(place.server.hits("/drip.tar.gz")).toBe(1);
  expect(runs.filter(({ stderr }) => /zog: waiting for another run/.test(stderr)).length).toBe(5);
  expect(ask()).toBe("2.0.0");
  expect(Object.keys(place.manifest().tools)).toEqual(["zog"]);
});

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { archive, npmTarball, program } from "../support/archives.ts";
import { perTest } from "../support/per-test.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
const share = perTest(openWorkplace, (opened) => {
  place = opened;
});

/** A recipe whose archive is served, and a skill that wants it. */
function offer(name: string, version = "1.0.0", format: "tar.gz" | "zip" = "tar.gz"): string {
  const file = `${name}-${version}.${format}`;
  const bytes = archive(format, { [`bin/${name}`]: program(version) }, { top: "top" });
  place.recipe(name, {
    version,
    artifacts: { "linux-x64": { ...place.serve(file, bytes), strip: 1 } },
  });
  return `/${file}`;
}

const ask = (name: string): string =>
  execFileSync(join(place.prefix, "bin", name), ["--version"], { encoding: "utf8" }).trim();

describe("from nothing", () => {
  test("archives of megabytes are unpacked in threads, and found whole by doctor --deep", async () => {
    for (const [i, format] of (["tar.gz", "zip", "tar.gz"] as const).entries()) {
      const name = `zog-${i}`;
      place.skill(name, { bins: [name] });
      const files = { [`bin/${name}`]: program("1.0.0"), "share/data": { body: randomBytes(3e6) } };
      const source = place.serve(`${name}.${format}`, archive(format, files));
      place.recipe(name, { artifacts: { "linux-x64": source } });
    }
    expect((await place.run()).status).toBe(0);
    expect(ask("zog-2")).toBe("1.0.0");
    expect((await place.run("doctor", "--deep")).status).toBe(0);
  });

  test.each([
    ["tar.gz", "a.tar.gz"],
    ["tar.xz", "a.tar.xz"],
    ["tar.bz2", "a.tar.bz2"],
    ["tar.zst", "a.tar.zst"],
    ["tar", "a.tar"],
    ["zip", "a.zip"],
    ["gz", "zog-linux.gz"],
    ["bz2", "zog-linux.bz2"],
    ["raw", "zog-linux"],
  ] as const)(
    "a program packed as %s is there, linked, recorded and runs",
    async (format, file) => {
      place.skill("mail", { bins: ["zog"] });
      const source = place.serve(file, archive(format, { "bin/zog": program("1.0.0") }));
      place.recipe("zog", { artifacts: { "linux-x64": source } });

      const { status, stderr } = await place.run("--json");
      expect(stderr).not.toMatch(/error|warning/);
      expect(status).toBe(0);
      const record = place.manifest().tools.zog;
      expect(record).toMatchObject({
        tool: "zog",
        version: "1.0.0",
        source: {
          kind: "archive",
          from: source.url,
          digest: `sha256:${source.sha256}`,
          size: source.size,
        },
      });
      expect(record?.dir).toMatch(/^lib\/zog\/1\.0\.0-[0-9a-f]{12}$/);
      expect(readlinkSync(join(place.prefix, "bin/zog"))).toBe(`../${record?.dir}/bin/zog`);
      expect(statSync(join(place.prefix, "bin/zog")).mode & 0o7777).toBe(0o755);
      expect(ask("zog")).toBe("1.0.0");
    },
  );

  test("a package of the npm registry is used as an archive", async () => {
    place.skill("search", { bins: ["rg"] });
    const bytes = npmTarball("@scope/rg-linux", "2.0.0", { "bin/rg": program("2.0.0") });
    place.server.publish("@scope/rg-linux", "2.0.0", bytes);
    const { integrity, size } = (await import("../support/archives.ts")).describe(bytes);
    const artifacts = { "linux-x64": { npm: "@scope/rg-linux@2.0.0", integrity, size } };
    place.recipe("rg", { version: "2.0.0", artifacts });
    expect(await place.run("--ignore-system")).toMatchObject({ status: 0 });
    expect(ask("rg")).toBe("2.0.0");
  });

  test("a JavaScript program with its closure is started by the volume's own Node", async () => {
    place.skill("hub", { bins: ["hub"] });
    const { describe: pin } = await import("../support/archives.ts");
    const publish = (name: string, tree: Record<string, string>, more: object = {}) => {
      const bytes = npmTarball(name, "1.0.0", tree, more);
      place.server.publish(name, "1.0.0", bytes);
      return { version: "1.0.0", integrity: pin(bytes).integrity };
    };
    const main = publish(
      "hub",
      {
        "cli.js": `#!/usr/bin/env node\nconsole.log(require("word")(), process.argv.slice(2).join("|"), process.env.NODE_MARK);`,
        "evil.js": "require('fs').writeFileSync('/tmp/should-never-be-there','x')",
      },
      { scripts: { postinstall: "node evil.js" } },
    );
    const word = publish("word", { "index.js": `module.exports = () => "hello";` });
    const darwin = publish("only-darwin", { "index.js": "" }, { os: ["darwin"] });
    place.recipe(
      "hub",
      {
        bins: { hub: "node_modules/hub/cli.js" },
        needs: ["node"],
        test: ["hub"],
        artifacts: { any: { npm: "hub@1.0.0", lock: "hub.lock.json" } },
      },
      {
        lockfileVersion: 3,
        packages: {
          "": { dependencies: { hub: "1.0.0" } },
          "node_modules/hub": main,
          "node_modules/word": word,
          "node_modules/only-darwin": { ...darwin, optional: true, os: ["darwin"] },
        },
      },
    );
    const node = { body: `#!/bin/sh\nNODE_MARK=own exec ${process.execPath} "$@"\n`, mode: 0o755 };
    const source = place.serve("node.tar.gz", archive("tar.gz", { "bin/node": node }));
    place.recipe("node", { artifacts: { "linux-x64": source } });

    const { status, stderr } = await place.run();
    expect(stderr).not.toMatch(/error/);
    expect(status).toBe(0);
    const run = (path: string, cwd = "/") =>
      execFileSync(path, ["a b", "$HOME"], {
        encoding: "utf8",
        cwd,
        env: { PATH: "/usr/bin:/bin" },
      });
    expect(run(join(place.prefix, "bin/hub"))).toBe("hello a b|$HOME own\n");
    expect(run("bin/hub", place.prefix)).toBe("hello a b|$HOME own\n");
    symlinkSync(join(place.prefix, "bin/hub"), join(place.dir, "elsewhere"));
    expect(run(join(place.dir, "elsewhere"))).toBe("hello a b|$HOME own\n");
    expect(existsSync("/tmp/should-never-be-there")).toBe(false);
    expect(place.server.requests.some(({ path }) => path.includes("only-darwin"))).toBe(false);
  });

  test("nothing but what the manifest lists is left", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    await place.run();
    const { dir } = place.manifest().tools.zog ?? { dir: "" };
    const known = "share/openclaw-skill-deps/login-shells.json"; // not where a PATH's directory has just changed
    const files = Object.keys(place.snapshot()).filter((file) => file !== known);
    expect(files.sort()).toEqual(
      [
        ".",
        "bin",
        "bin/zog",
        "etc",
        "etc/openclaw-install-policy",
        "etc/profile.d",
        "etc/profile.d/openclaw-skill-deps.sh",
        "lib",
        "lib/.staging",
        "lib/zog",
        dir,
        `${dir}/.openclaw-skill-deps.json`,
        `${dir}/bin`,
        `${dir}/bin/zog`,
        "manifest.json",
        "share",
        "share/openclaw-skill-deps",
        "share/openclaw-skill-deps/file-system.json",
        "share/openclaw-skill-deps/inode",
        "share/openclaw-skill-deps/last-run.json",
      ].sort(),
    );
  });

  test("whatever the umask, others can read and only the owner can write", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    const { $ } = await import("zx");
    for (const umask of ["077", "000"]) {
      rmSync(place.prefix, { recursive: true, force: true });
      const shell = $({
        quiet: true,
        env: { ...process.env, HOME: place.home, OPENCLAW_SKILL_PROFILE_DIR: "" },
      });
      const { bundle } = await import("../support/workplace.ts");
      const args = [
        "--prefix",
        place.prefix,
        "--skills-dir",
        place.skills,
        "--recipes",
        place.recipes,
      ];
      await shell`umask ${umask}; ${process.execPath} ${bundle} ${args}`;
      for (const [path, entry] of Object.entries(place.snapshot())) {
        if (path.includes(".staging") || entry.startsWith("link")) continue;
        expect(entry, `${path} under umask ${umask}`).toMatch(/^(directory 755|file (644|755))/);
      }
    }
  });
});

describe("with everything present", () => {
  test("a second run asks the network for nothing and changes nothing", async () => {
    place.skill("mail", { bins: ["zog"] });
    const path = offer("zog");
    await place.run();
    const before = place.snapshot();
    const { status, stderr } = await place.run();
    expect(status).toBe(0);
    expect(stderr).toMatch(/nothing to do/);
    expect(place.server.hits(path)).toBe(1);
    expect(place.snapshot()).toEqual(before);
  });

  test("the server may be gone", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    await place.run();
    place.server.serve("/zog-1.0.0.tar.gz", "", { fault: "status", status: 500 });
    expect((await place.run()).status).toBe(0);
  });

  test("a place that sees no skill verifies what an earlier run selected", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    await place.run();
    rmSync(join(place.prefix, "bin/zog"));
    const { status, stderr } = await place.runWith({ OPENCLAW_SKILL_DIRS: "" });
    expect(stderr).toMatch(/zog 1\.0\.0: linked again/);
    expect(status).toBe(0);
    expect(ask("zog")).toBe("1.0.0");
  });
});

function replaceBy(path: string, make: () => void): void {
  unlinkSync(path);
  make();
}

describe("what is broken is repaired", () => {
  const breakages: [string, (program: string, bin: string) => void][] = [
    ["the link is deleted", (_, bin) => unlinkSync(bin)],
    ["the link dangles", (_, bin) => replaceBy(bin, () => symlinkSync("../nowhere", bin))],
    ["another file is in its place", (_, bin) => replaceBy(bin, () => writeFileSync(bin, "x"))],
    ["the program is deleted", (file) => unlinkSync(file)],
    ["the program is emptied", (file) => truncateSync(file)],
    ["the program is cut short", (file) => truncateSync(file, 5)],
    ["the program is not executable", (file) => chmodSync(file, 0o644)],
    ["the tree is gone", (file) => rmSync(join(file, "../.."), { recursive: true })],
  ];
  describe("where", () => {
    share(async () => {
      place.skill("mail", { bins: ["zog"] });
      offer("zog");
      await place.run();
    });
    test.each(breakages)("%s", async (_, breakIt) => {
      const file = join(place.prefix, place.manifest().tools.zog?.bins.zog?.path ?? "");
      breakIt(file, join(place.prefix, "bin/zog"));
      const { status, stderr } = await place.run();
      expect(stderr).not.toMatch(/nothing to do/);
      expect(status).toBe(0);
      expect(ask("zog")).toBe("1.0.0");
      expect((await place.run()).stderr).toMatch(/nothing to do/);
    });
  });

  test("a recipe whose digest changed at the same version is installed again", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    await place.run();
    const rebuilt = archive("tar.gz", { "bin/zog": program("rebuilt") });
    place.recipe("zog", { artifacts: { "linux-x64": place.serve("again.tar.gz", rebuilt) } });
    expect((await place.run()).status).toBe(0);
    expect(ask("zog")).toBe("rebuilt");
  });
});

describe("versions", () => {
  test("a newer recipe waits for update, an older one never replaces", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog", "1.9.0");
    await place.run();
    offer("zog", "1.10.0");
    expect((await place.run()).stderr).toMatch(/nothing to do/);
    expect((await place.run("outdated")).stdout).toMatch(/zog\s+1\.9\.0\s+1\.10\.0/);
    expect((await place.run("update")).status).toBe(0);
    expect(ask("zog")).toBe("1.10.0");
    offer("zog", "1.9.0");
    await place.run("update");
    expect(ask("zog")).toBe("1.10.0");
  });

  test("a program that the new version no longer has leaves no dangling link", async () => {
    place.skill("mail", { bins: ["zog"] });
    const two = archive("tar.gz", { "bin/zog": program("1.0.0"), "bin/zogctl": program("1.0.0") });
    const bins = { zog: "bin/zog", zogctl: "bin/zogctl" };
    place.recipe("zog", { bins, artifacts: { "linux-x64": place.serve("two.tar.gz", two) } });
    await place.run();
    expect(ask("zogctl")).toBe("1.0.0");
    offer("zog", "2.0.0");
    await place.run("update");
    expect(place.snapshot()["bin/zogctl"]).toBeUndefined();
    expect(ask("zog")).toBe("2.0.0");
  });
});

describe("--force-reinstall", () => {
  test("downloads again, and the program is there at every moment", async () => {
    place.skill("mail", { bins: ["zog"] });
    const path = offer("zog");
    await place.run();
    let asked = 0;
    let missed = 0;
    let done = false;
    const watch = (async () => {
      while (!done) {
        try {
          asked += 1;
          if (ask("zog") !== "1.0.0") missed += 1;
        } catch {
          missed += 1;
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let i = 0; i < 3; i += 1) expect((await place.run("--force-reinstall")).status).toBe(0);
    done = true;
    await watch;
    expect(asked).toBeGreaterThan(20);
    expect(missed).toBe(0);
    expect(place.server.hits(path)).toBe(4);
  });

  test("of a NAME leaves the others alone", async () => {
    place.skill("mail", { bins: ["jqq", "zog"] });
    const paths = [offer("zog"), offer("jqq", "1.0.0", "zip")];
    await place.run();
    await place.run("-f", "zog");
    expect(paths.map((path) => place.server.hits(path))).toEqual([2, 1]);
  });

  /** The volume but for what installing the command again writes. */
  function changedBy(): Record<string, string> {
    const written = /^(manifest\.json|share\/openclaw-skill-deps\/(last-run\.json|prune-due))$/;
    return Object.fromEntries(
      Object.entries(place.snapshot()).filter(([path]) => !written.test(path)),
    );
  }

  test("what fails leaves the installed one in use", async () => {
    place.skill("mail", { bins: ["zog"] });
    offer("zog");
    await place.run();
    place.server.serve("/zog-1.0.0.tar.gz", "other bytes");
    const [before, manifest] = [changedBy(), place.manifest()];
    const { status, stderr } = await place.run("-f");
    expect(status).toBe(4);
    expect(stderr).toMatch(/error: zog: .*expected \d+ bytes, .* 11 .*\[E_DIGEST_MISMATCH\]/);
    expect(ask("zog")).toBe("1.0.0");
    expect(changedBy()).toEqual(before);
    expect(place.manifest()).toEqual(manifest);
  });
});

test("one tool's failure leaves the others installed and is told at the end", async () => {
  place.skill("mail", { bins: ["zog", "lost", "jqq"] });
  offer("zog");
  offer("jqq");
  const lost = place.serve("lost.tar.gz", archive("tar.gz", { "bin/lost": program("1") }), {
    fault: "status",
    status: 404,
  });
  place.recipe("lost", { artifacts: { "linux-x64": lost } });
  const { status, stderr } = await place.run();
  expect(status).toBe(5);
  expect(stderr).toMatch(/error: lost: .*404[\s\S]*hint: /);
  expect(Object.keys(place.manifest().tools).sort()).toEqual(["jqq", "zog"]);
  expect(ask("zog") + ask("jqq")).toBe("1.0.01.0.0");
  const lastRun = JSON.parse(
    readFileSync(join(place.prefix, "share/openclaw-skill-deps/last-run.json"), "utf8"),
  );
  expect(lastRun).toMatchObject({
    exitStatus: 5,
    failed: [{ tool: "lost", code: "network", problem: "E_HTTP_NOT_FOUND" }],
  });
  expect((await place.run("doctor")).stdout).toMatch(/lost \(for mail\): .*404/);
});

test("the second source is taken where the first is not available", async () => {
  place.skill("mail", { bins: ["zog"] });
  const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
  const first = place.serve("first.tar.gz", bytes, { fault: "status", status: 404 });
  const second = place.serve("second.tar.gz", bytes);
  place.recipe("zog", { artifacts: { "linux-x64": [first, second] } });
  expect((await place.run()).status).toBe(0);
  expect(place.manifest().tools.zog).toMatchObject({ source: { from: second.url } });
});

test("--mirror asks another server for the same bytes", async () => {
  place.skill("mail", { bins: ["zog"] });
  const { sha256, size } = place.serve(
    "mirror/zog.tar.gz",
    archive("tar.gz", { "bin/zog": program("1.0.0") }),
  );
  const url = "https://releases.invalid/v1/zog.tar.gz";
  place.recipe("zog", { artifacts: { "linux-x64": { url, sha256, size } } });
  const mirror = `https://releases.invalid/v1/=${place.server.origin}/mirror/`;
  expect((await place.run("--mirror", mirror)).status).toBe(0);
  expect(place.server.hits("/mirror/zog.tar.gz")).toBe(1);
});

test("--platform provisions for another machine, and runs nothing", async () => {
  place.skill("mail", { bins: ["zog"] });
  const bytes = archive("tar.gz", { "bin/zog": { body: "not a program here", mode: 0o755 } });
  place.recipe("zog", { artifacts: { "linux-arm64": place.serve("arm.tar.gz", bytes) } });
  expect((await place.run("--platform", "linux-arm64")).status).toBe(0);
  expect(place.manifest()).toMatchObject({ platform: "linux-arm64-glibc" });
  const { status, stderr } = await place.run();
  expect(status).toBe(2);
  expect(stderr).toMatch(/linux-arm64-glibc.*linux-x64.*\[E_VOLUME_PLATFORM\]/);
});

test("a program that does not run here is not published", async () => {
  place.skill("mail", { bins: ["zog"] });
  const bytes = archive("tar.gz", {
    "bin/zog": { body: "#!/bin/sh\necho lacks libfoo.so >&2; exit 127\n", mode: 0o755 },
  });
  place.recipe("zog", { artifacts: { "linux-x64": place.serve("bad.tar.gz", bytes) } });
  const { status, stderr } = await place.run();
  expect(stderr).toMatch(/zog .*exit status 127: lacks libfoo\.so.*\[E_DOES_NOT_RUN\]/);
  expect(status).toBe(0);
  expect((await place.run("--strict")).status).toBe(3);
  expect(place.snapshot()["bin/zog"]).toBeUndefined();
});

test("a signal ends the run without stale files", async () => {
  place.skill("mail", { bins: ["zog"] });
  const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
  place.recipe("zog", {
    artifacts: { "linux-x64": place.serve("slow.tar.gz", bytes, { fault: "hang" }) },
  });
  const { $ } = await import("zx");
  const { bundle } = await import("../support/workplace.ts");
  const child = $({
    quiet: true,
    nothrow: true,
    env: { PATH: process.env.PATH, HOME: place.home, OPENCLAW_SKILL_PROFILE_DIR: "" },
  })`exec ${process.execPath} ${bundle} --prefix ${place.prefix} --skills-dir ${place.skills} --recipes ${place.recipes}`;
  while (place.server.hits("/slow.tar.gz") === 0) await new Promise((go) => setTimeout(go, 20));
  if (child.pid) process.kill(child.pid, "SIGTERM");
  const { exitCode, stderr } = await child;
  expect(exitCode).toBe(143);
  expect(stderr).toMatch(/stopped by SIGTERM/);
  expect(Object.keys(place.snapshot()).filter((path) => path.startsWith("lib/"))).toEqual([
    "lib/.staging",
  ]);
});

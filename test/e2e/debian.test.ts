/** Programs of Debian, from a mirror on the loopback interface: the built command and what it leaves. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { $ } from "zx";
import { link } from "../support/archives.ts";
import { type Debian, openDebian } from "../support/debian-place.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let debian: Debian;

beforeEach(async () => {
  place = await openWorkplace();
  place.skill("shows", { bins: ["show"] });
  debian = openDebian(place);
  debian.publishLibc();
});
afterEach(async () => {
  await place.close();
});

const treeOf = (tool: string): string =>
  join(place.prefix, place.manifest().tools[tool]?.dir ?? "");

async function runBin(name: string, env: Record<string, string> = {}, prefix = place.prefix) {
  const shell = $({ env: { PATH: "/usr/bin:/bin", ...env }, cwd: "/", quiet: true, nothrow: true });
  return await shell`${join(prefix, "bin", name)}`;
}

function publishShow(): void {
  debian.publish("show", {
    "./usr/bin/show": debian.program("env"),
    "./usr/bin/other-name": link("show"),
    "./usr/share/show/data": "data",
    "./etc/show": link("/usr/share/show"),
    "./usr/include/show.h": "header",
    "./usr/share/man/man1/show.1": "manual",
    "./usr/share/doc/show/README": "read me",
  });
  debian.recipe("show", {
    bins: { show: "usr/bin/show", other: "usr/bin/other-name" },
    env: { SHOW_DATA: "{root}/usr/share/show", SHOW_WORD: "it's $HOME" },
  });
}

describe("a program that asks what /proc/self/exe is", () => {
  const key = `linux-${process.arch === "arm64" ? "arm64" : "x64"}-glibc`;

  beforeEach(() => {
    debian.publish("show", {
      "./usr/lib/show/show": debian.program("readlink"),
      "./usr/bin/show": link("../lib/show/show"),
    });
    debian.publish("libx", { "./usr/lib/libx.so.1": debian.program("env") });
  });
  const offer = (over: Readonly<Record<string, unknown>>): void =>
    debian.recipe("show", {
      bins: { show: "usr/bin/show" },
      args: { show: ["-v", "/proc/self/exe"] },
      ...over,
    });

  test("sees the loader, and a bin that is a link has its arguments", async () => {
    offer({});
    await place.runWith(debian.env, "show");
    expect((await runBin("show")).stdout).toContain("/ld-linux-");
  });

  test("sees itself with the system's loader, which gets the tree's libraries except the C library", async () => {
    const source = { deb: "show@1.0+b1-1", lock: "show.lock.json", glibc: "2.17" };
    offer({ loader: "system", artifacts: { [key]: source } });
    const { status, stderr } = await place.runWith(debian.env, "show");
    expect(stderr).toMatch(/show 1\.0\+b1: installed/);
    expect(status).toBe(0);
    const { stdout } = await runBin("show");
    expect(stdout.trim()).toBe(join(treeOf("show"), "usr/lib/show/show.openclaw"));
    const libraries = readdirSync(join(treeOf("show"), "usr/lib/openclaw-libs"));
    expect(libraries).toContain("libx.so.1");
    expect(libraries.filter((name) => /^(libc|ld-linux)/.test(name))).toEqual([]);
    const launcher = readFileSync(join(treeOf("show"), "usr/lib/show/show"), "utf8");
    expect(launcher).toMatch(/LD_LIBRARY_PATH="\$root"'?\/usr\/lib\/openclaw-libs/);
    expect((await place.runWith(debian.env, "show")).stderr).toMatch(/nothing to do/);
  });
});

describe("a program with its closure", () => {
  beforeEach(publishShow);

  test("runs with its own loader and libraries, and gives none of that to its children", async () => {
    const { status, stderr } = await place.runWith(debian.env, "show");
    expect(stderr).toMatch(/show 1\.0\+b1: installed/);
    expect(status).toBe(0);
    const { stdout } = await runBin("show");
    expect(stdout).toContain(`SHOW_DATA=${treeOf("show")}/usr/share/show\n`);
    expect(stdout).toContain("SHOW_WORD=it's $HOME\n");
    expect(stdout).not.toMatch(/^LD_/m);
    expect((await runBin("other")).exitCode).toBe(0);
    const launcher = readFileSync(join(treeOf("show"), "usr/bin/show"), "utf8");
    expect(launcher).toMatch(/ld-linux-.*--library-path .*openclaw-libs/);
  });

  test("a variable of the user's wins, also an empty one", async () => {
    await place.runWith(debian.env, "show");
    const { stdout } = await runBin("show", { SHOW_DATA: "mine", SHOW_WORD: "" });
    expect(stdout).toContain("SHOW_DATA=mine\n");
    expect(stdout).toContain("SHOW_WORD=\n");
  });

  test("works from another place, by a link, and where its name has blanks and quotes", async () => {
    await place.runWith(debian.env, "show");
    const moved = join(place.dir, "it's $(false) `x`");
    cpSync(place.prefix, moved, { recursive: true, verbatimSymlinks: true });
    const { stdout } = await runBin("show", {}, moved);
    expect(stdout).toContain(`SHOW_DATA=${moved}/lib/show/`);
    symlinkSync(moved, join(place.dir, "link"));
    expect((await runBin("show", {}, join(place.dir, "link"))).exitCode).toBe(0);
    const inside = $({ cwd: join(moved, "bin"), quiet: true });
    expect((await inside`sh -c ${"./show; PATH=.:/usr/bin show"}`).exitCode).toBe(0);
  });

  test("leaves out documentation, keeps licences, and its links stay in the tree", async () => {
    await place.runWith(debian.env, "show");
    const tree = treeOf("show");
    expect(readdirSync(join(tree, "usr/share/doc/show"))).toEqual(["copyright"]);
    expect(existsSync(join(tree, "usr/share/man"))).toBe(false);
    expect(existsSync(join(tree, "usr/include/show.h"))).toBe(true);
    expect(readlinkSync(join(tree, "etc/show"))).toBe("../usr/share/show");
    for (const name of readdirSync(join(tree, "usr/lib/openclaw-libs"))) {
      expect(readlinkSync(join(tree, "usr/lib/openclaw-libs", name))).toMatch(
        /^\.\.\/\.\.\/\.\.\/lib\//,
      );
    }
  });

  test("has libraries with Debian's version in their names", async () => {
    const library = "libx-9.18.49-1~deb12u3-Debian.so";
    debian.publish("libx", { [`./usr/lib/${library}`]: debian.program("env") });
    debian.recipe("show", { bins: { show: "usr/bin/show" } });
    await place.runWith(debian.env, "show");
    expect(readlinkSync(join(treeOf("show"), "usr/lib/openclaw-libs", library))).toBe(
      `../${library}`,
    );
  });

  test("is present in the next run, and repaired where its program is emptied", async () => {
    await place.runWith(debian.env, "show");
    expect((await place.runWith(debian.env, "show")).stderr).toMatch(/nothing to do/);
    const program = join(treeOf("show"), "usr/lib/openclaw-programs/usr/bin/show");
    copyFileSync("/dev/null", program);
    const { status, stderr } = await place.runWith(debian.env, "show");
    expect(stderr).toMatch(/show 1\.0\+b1: installed/);
    expect(status).toBe(0);
    expect((await runBin("show")).exitCode).toBe(0);
  });
});

test("modules of a Python that only starts other programs are compiled, so that it writes none", async () => {
  // Beside each module that it is to compile it leaves a file.
  const noting =
    'case "$*" in *compileall*) for path; do [ ! -f "$path" ] || : >"$path.noted"; done ;; esac';
  debian.publish("python3.11-minimal", {
    "./usr/bin/python3.11": { body: `#!/bin/sh\n${noting}\n`, mode: 0o755 },
    "./usr/lib/python3.11/word.py": { body: "word = 1\n", mode: 0o644 },
  });
  debian.publish("show", { "./usr/bin/show": debian.program("env") });
  debian.recipe("show", { bins: { show: "usr/bin/show" }, data: ["python3.11-minimal"] });
  expect((await place.runWith(debian.env, "show")).status).toBe(0);
  expect(existsSync(join(treeOf("show"), "usr/lib/python3.11/word.py.noted"))).toBe(true);
});

test("a Python script is started by the Python of its tree", async () => {
  debian.publish("python3.11-minimal", { "./usr/bin/python3.11": debian.program("cat") });
  debian.publish("pyscript", {
    "./usr/bin/pyscript": { body: "#!/usr/bin/python3\nthe script\n", mode: 0o755 },
    "./usr/lib/python3.11/webbrowser.py": { body: "#!/usr/bin/env python3\n", mode: 0o755 },
  });
  debian.recipe("pyscript", { bins: { pyscript: "usr/bin/pyscript" } });
  const { stderr } = await place.runWith(debian.env, "pyscript");
  expect(stderr).toMatch(/pyscript 1\.0\+b1: installed/);
  expect((await runBin("pyscript")).stdout).toBe("#!/usr/bin/python3\nthe script\n");
  const module = join(treeOf("pyscript"), "usr/lib/python3.11/webbrowser.py");
  expect(readFileSync(module, "utf8")).toBe("#!/usr/bin/env python3\n"); // it is loaded, not started
});

test("a script runs with the closure's own interpreter", async () => {
  debian.publish("perl-base", { "./usr/bin/perl": debian.program("cat") });
  debian.publish("perlscript", {
    "./usr/bin/perlscript": { body: "#!/usr/bin/perl -w\nthe script\n", mode: 0o755 },
  });
  debian.recipe("perlscript", { bins: { perlscript: "usr/bin/perlscript" } });
  const { stderr } = await place.runWith(debian.env, "perlscript");
  expect(stderr).toMatch(/perlscript 1\.0\+b1: installed/);
  expect((await runBin("perlscript")).stdout).toBe("#!/usr/bin/perl -w\nthe script\n");
});

describe("arguments and setup", () => {
  beforeEach(() => {
    debian.publish("tool", {
      "./usr/bin/say": debian.program("echo"),
      "./usr/bin/fail": debian.program("false"),
    });
  });
  const bins = { say: "usr/bin/say", fail: "usr/bin/fail" };

  test("go before the user's own", async () => {
    debian.recipe("tool", {
      bins,
      test: ["say"],
      args: { say: ["-n", "{root}/x"] },
      setup: ["say"],
    });
    expect((await place.runWith(debian.env, "say")).status).toBe(0);
    expect((await runBin("say")).stdout).toBe(`${treeOf("tool")}/x`);
  });

  test("a setup that fails installs nothing", async () => {
    debian.recipe("tool", { bins, test: ["say"], setup: ["fail"] });
    const { status, stderr } = await place.runWith(debian.env, "--strict", "say");
    expect(stderr).toMatch(/fail fails with exit status 1/);
    expect(status).toBe(3);
    expect(existsSync(join(place.prefix, "bin/say"))).toBe(false);
  });
});

describe("where packages come from", () => {
  const snapshot = () =>
    `--mirror=https://snapshot.debian.org/archive=${place.server.origin}/snapshot`;

  test("security updates from their own archive, old versions from the archive of all", async () => {
    debian.publish("new", { "./usr/share/new": "new" }, { archive: "debian-security" });
    debian.publish("show", { "./usr/bin/show": debian.program("env") }, { isOld: true });
    debian.recipe("show", { bins: { show: "usr/bin/show" } });
    const { status, stderr } = await place.runWith(debian.env, snapshot(), "show");
    expect(stderr).toMatch(/installed/);
    expect(status).toBe(0);
    const paths = place.server.requests.map(({ path }) => path);
    expect(paths.some((path) => path.startsWith("/debian-security/pool/main/n/new/"))).toBe(true);
    expect(paths.some((path) => path.startsWith("/debian/pool/main/s/show/"))).toBe(true);
    expect(paths.some((path) => path.startsWith("/snapshot/debian/20260912T000000Z/pool/"))).toBe(
      true,
    );
  });

  test("other bytes are refused, whoever has them", async () => {
    const served = Buffer.from("something else");
    debian.publish("show", { "./usr/bin/show": debian.program("env") }, { served });
    debian.recipe("show", { bins: { show: "usr/bin/show" } });
    const { status, stderr } = await place.runWith(debian.env, snapshot(), "show");
    expect(stderr).toMatch(/show.*(expected|bytes)/);
    expect(status).toBe(4);
    expect(existsSync(join(place.prefix, "bin/show"))).toBe(false);
  });
});

describe("is refused:", () => {
  test("a hostile package", async () => {
    debian.publish("show", { "./usr/bin/show": debian.program("env"), "./x": link("../../../x") });
    debian.recipe("show", { bins: { show: "usr/bin/show" } });
    const { status, stderr } = await place.runWith(debian.env, "show");
    expect(stderr).toMatch(/show 1\.0\+b1-1: .*"\.\/x".*\[E_ARCHIVE_HOSTILE\]/);
    expect(status).toBe(4);
  });

  test("a lock without the C library", async () => {
    const other = openDebian(place);
    other.publish("show", {
      "./usr/bin/show": other.program("env"),
      "./lib/loader/ld-linux.so.2": "no loader",
    });
    other.recipe("show", { bins: { show: "usr/bin/show" } });
    const { status, stderr } = await place.runWith(other.env, "show");
    expect(stderr).toMatch(/loader.*\[E_LOCK\]/);
    expect(status).toBe(2);
  });

  test("a recipe lock of an index that is not signed", async () => {
    publishShow();
    place.server.serve("/debian/dists/bookworm/InRelease", "Codename: bookworm\n");
    const { status, stderr } = await place.runWith(
      debian.env,
      "recipe",
      "lock",
      join(place.recipes, "show.yaml"),
    );
    expect(stderr).toMatch(/E_DEBIAN_RELEASE/);
    expect(status).toBe(4);
  });

  test("a new recipe of another release whose index is not signed", async () => {
    place.server.serve("/debian/dists/trixie/InRelease", "Codename: trixie\n");
    const { status, stderr } = await place.runWith(debian.env, "recipe", "new", "deb:show/trixie");
    expect(stderr).toMatch(/E_DEBIAN_RELEASE/);
    expect(status).toBe(4);
    expect(place.server.requests.map(({ path }) => path)).not.toContain(
      "/debian/dists/bookworm/InRelease",
    );
  });
});

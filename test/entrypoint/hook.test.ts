import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { absolute, hasShell, makePlace, type Place, shells, write } from "./place.ts";

let place: Place;
afterEach(() => place.remove());

const named = (it: Place): string[] => ["--skills-dir", it.skillsDir];
const show = ["sh", "-c", 'printf "%s|" "$0" "$@"; cat', "zero", "a b", "", "--strict"];

for (const shell of shells) {
  describe.skipIf(!hasShell(shell))(shell[0], () => {
    describe("-- CMD", () => {
      test("becomes CMD, with its words and its standard input", async () => {
        place = makePlace(shell);
        await place.record(named(place));
        const { node, stdout } = place.run([...named(place), "--", ...show], { stdin: "in" });
        expect(node).toBeUndefined();
        expect(stdout).toBe("zero|a b||--strict|in");
      });

      test("runs Node first, without CMD's standard input and words", () => {
        place = makePlace(shell);
        const { node, stdout } = place.run(["install", "-v", "--", ...show], { stdin: "in" });
        expect(node?.args).toEqual(["install", "-v"]);
        expect(node?.stdin).toBe("");
        expect(stdout).toBe("zero|a b||--strict|in");
      });

      test("CMD gets the exit status to itself, and the volume's programs on PATH", () => {
        place = makePlace(shell);
        const { status, stdout } = place.run(["--", "sh", "-c", "gog; exit 7"]);
        expect(stdout).toBe("gog\n");
        expect(status).toBe(7);
        const PATH = `${place.prefix}/bin:${place.env.PATH}`;
        const again = place.run(["--", "sh", "-c", 'echo "$PATH"'], { env: { PATH } });
        expect(again.stdout).toBe(`${PATH}\n`);
      });

      test("starts CMD although the run failed, and says so", () => {
        place = makePlace(shell);
        const failing = { env: { PROBE_STATUS: "5" } };
        const { status, stdout, stderr } = place.run(["--", "echo", "up"], failing);
        expect([status, stdout]).toEqual([0, "up\n"]);
        expect(stderr).toContain("the run failed (status 5); starting echo anyway");
        const strict = place.run(["--strict", "--", "echo", "up"], failing);
        expect([strict.status, strict.stdout]).toEqual([5, ""]);
      });

      test("needs a CMD", () => {
        place = makePlace(shell);
        const { status, stderr, node } = place.run(["--"]);
        expect(status).toBe(2);
        expect(stderr).toContain("no command after --");
        expect(node).toBeUndefined();
      });

      test("leaves no shell behind: CMD has its process and its signals", async () => {
        place = makePlace(shell);
        const child = place.start(["--", "sh", "-c", "echo $$; exec sleep 30"]);
        const pid = await new Promise((done) =>
          child.stdout?.once("data", (text) => done(Number(text))),
        );
        expect(pid).toBe(child.pid);
        child.kill("SIGTERM");
        expect(await new Promise((done) => child.once("exit", (_, signal) => done(signal)))).toBe(
          "SIGTERM",
        );
      });

      test.each([
        ["SIGTERM", 143],
        ["SIGINT", 130],
        ["SIGHUP", 129],
      ] as const)(
        "%s during the run ends Node in order, and CMD is not started",
        async (signal, expected) => {
          place = makePlace(shell);
          const log = join(place.dir, "node-calls");
          const child = place.start(["--", "echo", "up"], { env: { PROBE_SLEEP: "100" } });
          while (!existsSync(join(log, "ready"))) await new Promise((done) => setTimeout(done, 20));
          let output = "";
          child.stdout?.on("data", (text) => (output += text));
          child.kill(signal);
          expect(await new Promise((done) => child.once("close", done))).toBe(expected);
          expect(existsSync(join(log, "stopped"))).toBe(true);
          expect(output).toBe("");
        },
      );

      test.each([
        ["SIGTERM", 143],
        ["SIGINT", 130],
        ["SIGHUP", 129],
      ] as const)(
        "%s during the check is no other failure, and CMD is not started",
        async (signal, expected) => {
          place = makePlace(shell);
          await place.record(named(place));
          const ready = join(place.dir, "ready");
          const script = `#!/bin/sh\n: >${ready}\nsleep 1\nexec ${absolute("find")} "$@"\n`;
          write(join(place.dir, "slow/find"), script, 0o755);
          const env = { PATH: `${place.dir}/slow:${place.env.PATH}` };
          const child = place.start([...named(place), "--", "echo", "up"], { env });
          let output = "";
          for (const stream of [child.stdout, child.stderr])
            stream?.on("data", (text) => (output += text));
          while (!existsSync(ready)) await new Promise((done) => setTimeout(done, 20));
          child.kill(signal);
          expect(await new Promise((done) => child.once("close", done))).toBe(expected);
          expect(output).toBe("");
        },
      );
    });

    describe("--no-wait -- CMD", () => {
      const pidOfNode = async (it: Place): Promise<number> => {
        const ready = join(it.dir, "node-calls", "ready");
        while (!existsSync(ready)) await new Promise((done) => setTimeout(done, 20));
        return Number(readFileSync(join(it.dir, "node-calls", "pid"), "utf8"));
      };

      test("becomes CMD while Node is at work; a signal is CMD's, and Node goes on", async () => {
        place = makePlace(shell);
        const words = ["sh", "-c", "echo $$; exec sleep 30"];
        const child = place.start(["--no-wait", "--", ...words], { env: { PROBE_SLEEP: "300" } });
        const pid = new Promise((done) => child.stdout?.once("data", (text) => done(Number(text))));
        expect(await pid).toBe(child.pid);
        const node = await pidOfNode(place);
        child.kill("SIGTERM");
        expect(await new Promise((done) => child.once("exit", (_, signal) => done(signal)))).toBe(
          "SIGTERM",
        );
        process.kill(node, 0); // throws where it has ended
        expect(existsSync(join(place.dir, "node-calls", "stopped"))).toBe(false);
        process.kill(node, "SIGTERM");
        await new Promise((done) => child.once("close", done));
        expect(existsSync(join(place.dir, "node-calls", "stopped"))).toBe(true);
      });

      test("CMD has its input, its output, its status and the volume's programs to itself", () => {
        place = makePlace(shell);
        const node = write(
          join(place.dir, "node"),
          "#!/bin/sh\ncat\necho from node\nexit 205\n",
          0o755,
        );
        rmSync(join(place.prefix, "bin"), { recursive: true });
        const command = ["sh", "-c", 'cat; echo ":$PATH"; exit 7'];
        const { status, stdout, stderr } = place.run(["-v", "--no-wait", "--", ...command], {
          stdin: "in",
          env: { OPENCLAW_SKILL_DEPS_NODE: node },
        });
        expect([status, stdout]).toEqual([7, `in:${place.env.PATH}:${place.prefix}/bin\n`]);
        expect(stderr).toContain("from node\n");
        expect(stderr).toContain("the background run failed (status 5)");
      });

      test("Node gets the words up to --, and draws no bars", () => {
        place = makePlace(shell);
        const { node } = place.run(["gog", "-v", "--no-wait", "--", "true", "-q"]);
        expect(node?.args).toEqual(["--no-progress", "gog", "-v", "--no-wait"]);
      });

      test("with everything present, nothing but CMD is started", async () => {
        place = makePlace(shell);
        await place.record(named(place));
        const { node, stdout } = place.run([...named(place), "--no-wait", "--", "echo", "up"]);
        expect([node, stdout]).toEqual([undefined, "up\n"]);
      });

      test.each([[["--no-wait"]], [["--no-wait", "--strict", "--", "echo", "up"]]])(
        "%s is refused: there is nothing to wait for, or somebody who waits",
        (args) => {
          place = makePlace(shell);
          const { status, stdout, stderr, node } = place.run(args);
          expect([status, stdout, node]).toEqual([2, "", undefined]);
          expect(stderr).toContain("--no-wait needs -- CMD");
        },
      );
    });

    describe("which Node", () => {
      const script = (it: Place, path: string, text: string): string =>
        write(join(it.dir, path), `#!/bin/sh\n${text}\n`, 0o755);
      const isNode = (name: string): string => `echo ${name}; exit 204`;
      const tooOld = "exit 86";
      const tools = (it: Place): string => {
        for (const name of ["sh", "cat", "mkdir", "touch"]) {
          mkdirSync(join(it.dir, "tools"), { recursive: true });
          symlinkSync(`/bin/${name}`, join(it.dir, "tools", name));
        }
        return join(it.dir, "tools");
      };

      test("in order; one that is too old or does not start is passed over", () => {
        place = makePlace(shell);
        const PATH = tools(place);
        const env = (node: string) => ({ env: { PATH, OPENCLAW_SKILL_DEPS_NODE: node } });
        script(place, "volume/bin/node", isNode("volume"));
        expect(place.run([], env("")).stdout).toBe("volume\n");
        script(place, "tools/node", isNode("path"));
        expect(place.run([], env("")).stdout).toBe("path\n");
        script(place, "package/node/bin/node", isNode("private"));
        expect(place.run([], env("")).stdout).toBe("private\n");
        const own = script(place, "own-node", isNode("own"));
        const { stdout, status } = place.run([], env(own));
        expect([stdout, status]).toEqual(["own\n", 4]);
        script(place, "own-node", tooOld);
        expect(place.run([], env(own)).stdout).toBe("private\n");
        chmodSync(join(place.dir, "package/node/bin/node"), 0o644);
        expect(place.run([], env(own)).stdout).toBe("path\n");
        script(place, "tools/node", "exec /nowhere/ld.so");
        expect(place.run([], env(own)).stdout).toBe("volume\n");
      });

      // Each is called node and is none: what it ends with says nothing of our run.
      test.each<[string, string, RegExp]>([
        ["a version manager without a version", "echo none is set >&2; exit 1", /status 1 before/],
        ["one that ends as if all were done", "exit 0", /status 0 before/],
        ["one whose status is one of ours", "exit 5", /status 5 before/],
        ["one that crashes", "kill -SEGV $$", /crashed \(signal 11\)/],
        ["one that cannot be started", "exec /nowhere/ld.so", /does not start here/],
      ])("every node on PATH is tried: %s", (_what, text, why) => {
        place = makePlace(shell);
        const base = tools(place);
        script(place, "shims/node", text);
        mkdirSync(join(place.dir, "directory/node"), { recursive: true });
        write(join(place.dir, "text/node"), "no program\n");
        write(join(place.dir, "other/node"), "\x7fELF\x02\x01\x01", 0o755);
        const shims = ["directory", "text", "shims", "other"].map((name) => join(place.dir, name));
        const env = { PATH: [...shims, base].join(":"), OPENCLAW_SKILL_DEPS_NODE: "" };
        const none = place.run(["gog"], { env });
        expect(none.stderr).toMatch(why);
        expect(none.stderr).toContain(`${shims[2]}/node `);
        expect(none.stderr).toContain(`${shims[3]}/node `);
        expect(none.status).toBe(why.source.startsWith("crashed") ? 5 : 2);
        script(place, "tools/node", isNode("path"));
        const { status, stdout } = place.run(["gog"], { env });
        expect([status, stdout]).toEqual([4, "path\n"]);
      });

      // Node 22 cannot have WebAssembly otherwise; older ones end with 9 for an option that they lack.
      test("few addresses: Node is told so, and not the one that does not know the word", () => {
        place = makePlace(shell);
        const PATH = tools(place);
        const option = "--disable-wasm-trap-handler";
        const isTold = `echo "$2"; exit 204`;
        const own = script(place, "own-node", isTold);
        const env = { PATH, OPENCLAW_SKILL_DEPS_NODE: own };
        const behind = ["sh", "-c", 'ulimit -v 4194304; exec "$@"', "sh"];
        expect(place.run([], { env, behind }).stdout).toBe(`${option}\n`);
        expect(place.run([], { env }).stdout).not.toContain(option);
        script(place, "own-node", `[ "$2" != ${option} ] || exit 9\n${isTold}`);
        const { status, stdout } = place.run([], { env, behind });
        expect([status, stdout]).toEqual([4, expect.not.stringContaining(option)]);
      });

      test("one that is killed for want of memory is told as that, and no other one is tried", () => {
        place = makePlace(shell);
        const own = script(place, "own-node", "kill -KILL $$");
        script(place, "tools/node", isNode("path"));
        const PATH = tools(place);
        const { status, stderr, stdout } = place.run([], {
          env: { PATH, OPENCLAW_SKILL_DEPS_NODE: own },
        });
        expect([status, stdout]).toEqual([5, ""]);
        expect(stderr).toContain("was killed (SIGKILL), probably out of memory");
      });

      const without = (it: Place, PATH: string, args: string[], old?: string) =>
        it.run(args, { env: { PATH, OPENCLAW_SKILL_DEPS_NODE: old ?? "" } });

      test("none: says what is missing and how to get it", () => {
        place = makePlace(shell);
        const PATH = tools(place);
        const { status, stderr } = without(place, PATH, []);
        expect(status).toBe(0);
        expect(stderr).toMatch(/warning: not verified: .* has no record of a finished run/);
        expect(stderr).toContain("there is no Node 22 or newer here");
        expect(stderr).toContain("hint: fill the volume from a container that has Node");
        expect(without(place, PATH, ["--strict"]).status).toBe(3);
        expect(without(place, PATH, ["gog"]).status).toBe(2);
        expect(without(place, PATH, ["list"]).status).toBe(2);
        expect(without(place, PATH, ["-f"]).status).toBe(2);
        const old = script(place, "own-node", tooOld);
        expect(without(place, PATH, [], old).stderr).toContain(`${old} is not Node 22 or newer.`);
      });

      test("none: names the programs that are missing or damaged, and CMD is started", async () => {
        place = makePlace(shell);
        await place.record(named(place));
        truncateSync(join(place.prefix, "bin/gog"));
        rmSync(join(place.prefix, "bin/program-1"));
        const PATH = tools(place);
        for (const name of ["stat", "cmp", "head", "awk", "find", "sha256sum"]) {
          const path = absolute(name);
          if (path !== name) symlinkSync(path, join(PATH, name));
        }
        rmSync(join(place.dir, "probe"));
        const { status, stderr, stdout } = without(place, PATH, [
          ...named(place),
          "--",
          "/bin/echo",
          "up",
        ]);
        expect([status, stdout]).toEqual([0, "up\n"]);
        expect(stderr).toContain("not verified: programs in the volume are missing or damaged");
        expect(stderr).toMatch(
          /missing or damaged in .*volume: bin\/gog bin\/program-1 *\[E_NOT_VERIFIED\]\n/,
        );
      });

      test("a part of the script is missing: it says so, and CMD is started", () => {
        place = makePlace(shell);
        rmSync(join(place.dir, "package/entrypoint/start-node.sh"));
        const alone = place.run(["--strict"]);
        expect([alone.status, alone.node]).toEqual([2, undefined]);
        expect(alone.stderr).toMatch(
          /start-node.sh is missing: install openclaw-install-skill-deps/,
        );
        const { status, stdout } = place.run(["--", "echo", "up"]);
        expect([status, stdout]).toEqual([0, "up\n"]);
        rmSync(join(place.dir, "package/entrypoint/compare-contents.sh"));
        expect(place.run([]).stderr).toContain("start-node.sh is missing");
      });

      test("a package that is not built", () => {
        place = makePlace(shell);
        rmSync(join(place.dir, "package/dist/openclaw-install-skill-deps.cjs"));
        const { node, stderr } = place.run([]);
        expect(node).toBeUndefined();
        expect(stderr).toMatch(/openclaw-install-skill-deps\.cjs is missing \[E_PACKAGE_DAMAGED\]/);
        expect(stderr).toContain("npm run build creates it");
        expect(stderr).not.toContain("E_NO_NODE");
      });
    });

    describe("--help and --version", () => {
      const built = (): Place => {
        const it = makePlace(shell);
        write(join(it.dir, "package/dist/help.txt"), "the help\n");
        write(join(it.dir, "package/dist/version.txt"), "1.2.3\n");
        return it;
      };

      test.each([
        [["--help"], "the help\n"],
        [["-h"], "the help\n"],
        [["help"], "the help\n"],
        [["--version"], "1.2.3\n"],
        [["version"], "1.2.3\n"],
        [["--version", "--", "echo", "up"], "1.2.3\nup\n"],
      ])("%j is answered without Node", (words, text) => {
        place = built();
        const { status, stdout, stderr, node } = place.run(words);
        expect({ status, stdout, stderr, node }).toEqual({ status: 0, stdout: text, stderr: "" });
      });

      test.each([[["gc", "--dry-run", "--help"]], [["help", "install"]], [["-v", "--version"]]])(
        "%j: Node knows what is asked for",
        (words) => {
          place = built();
          const { stdout, node } = place.run(words);
          expect([stdout, node?.args]).toEqual(["", words]);
        },
      );

      test("where the package has no such text, Node is asked", async () => {
        place = makePlace(shell);
        await place.record(named(place));
        const { node, stdout } = place.run([...named(place), "--help"]);
        expect([node?.args.at(-1), stdout]).toEqual(["--help", ""]);
      });

      test("an install of a tool of that name is no question", () => {
        place = built();
        expect(place.run(["gog", "help"]).node?.args).toEqual(["gog", "help"]);
      });
    });

    test.each([
      ["a link in bin beside lib", "usr/bin", "usr/lib/openclaw-install-skill-deps"],
      ["npm's global link", "usr/bin", "usr/lib/node_modules/openclaw-install-skill-deps"],
      ["npm's local link", "node_modules/.bin", "node_modules/openclaw-install-skill-deps"],
      ["any other link", "elsewhere", "opt/somewhere"],
    ])("finds its package by %s", (_what, bin, at) => {
      place = makePlace(shell);
      const [link, target] = [join(place.dir, bin, "command"), join(place.dir, at)];
      cpSync(join(place.dir, "package"), target, { recursive: true });
      rmSync(join(place.dir, "package"), { recursive: true });
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(target, "entrypoint/openclaw-install-skill-deps"), link);
      place.words.splice(-1, 1, link);
      expect(place.run([]).node).toBeDefined();
    });
  });
}

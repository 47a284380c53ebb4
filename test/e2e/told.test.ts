/** What a run tells people: each cause once, only what changed, and names in the last line. */
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive, program } from "../support/archives.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let dead: string;
beforeEach(async () => {
  place = await openWorkplace();
  dead = await closedAddress();
  place.skill("notes", {});
});
afterEach(() => place.close());

/** An address at which nobody listens. */
async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return `127.0.0.1:${port}`;
}

const pinned = { sha256: "0".repeat(64) };
const at = (host: string, name: string) => ({ url: `http://${host}/${name}.tar.gz`, ...pinned });
const names = Array.from({ length: 17 }, (_, i) => `tool-${String(i).padStart(2, "0")}`);

/** Every tool of these, at an address. */
function offerAt(host: string, ...tools: string[]): void {
  for (const name of tools) place.recipe(name, { artifacts: { "linux-x64": at(host, name) } });
}

function offer(name: string, bins: readonly string[] = [name]): void {
  const tree = Object.fromEntries(bins.map((bin) => [`bin/${bin}`, program("1.0.0")]));
  const source = place.serve(`${name}.tar.gz`, archive("tar.gz", tree));
  place.recipe(name, {
    bins: Object.fromEntries(bins.map((bin) => [bin, `bin/${bin}`])),
    test: [bins[0], "--version"],
    artifacts: { "linux-x64": source },
  });
}

const errorsIn = (stderr: string): string[] => stderr.match(/^(error|warning): .*$/gm) ?? [];
const lastLine = (stderr: string): string | undefined => stderr.trimEnd().split("\n").at(-1);

describe("one cause, several tools", () => {
  test("a host that is down is one message with its name, the reason and the tools", async () => {
    offerAt(dead, ...names);
    offer("zog");
    place.skill("all", { bins: [...names, "zog"] });
    const { status, stderr } = await place.run();
    expect(status).toBe(5);
    expect(errorsIn(stderr)).toEqual([
      `error: ${names.join(", ")}: ${dead} refused the connection [E_UNREACHABLE]`,
    ]);
    expect(stderr.match(/hint:/g)).toHaveLength(1);
    expect(lastLine(stderr)).toBe(`1 of 18 installed; failed: ${names.join(", ")}`);
  });

  test("a host that answers each with the same refusal", async () => {
    for (const name of ["zog", "yak"]) {
      const source = place.serve(`${name}.tar.gz`, Buffer.from("x"), {
        fault: "status",
        status: 403,
      });
      place.recipe(name, { artifacts: { "linux-x64": source } });
    }
    const { stderr } = await place.run("zog", "yak");
    expect(errorsIn(stderr)).toEqual([
      expect.stringMatching(
        /^error: yak, zog: 127\.0\.0\.1:\d+ responded with 403 \(access is denied\) \[E_HTTP_FORBIDDEN\]$/,
      ),
    ]);
  });

  test("two hosts are two messages; what is wrong with one file is its own", async () => {
    const other = await closedAddress();
    offerAt(dead, "zog", "yak");
    offerAt(other, "owl", "elk");
    offerAt(new URL(place.server.registry).host, "gnu");
    const { stderr } = await place.run("zog", "yak", "owl", "elk", "gnu");
    expect(errorsIn(stderr).sort()).toEqual([
      `error: elk, owl: ${other} refused the connection [E_UNREACHABLE]`,
      expect.stringMatching(
        /^error: gnu: http.*gnu\.tar\.gz responded with 404.* \[E_HTTP_NOT_FOUND\]$/,
      ),
      `error: yak, zog: ${dead} refused the connection [E_UNREACHABLE]`,
    ]);
    expect(lastLine(stderr)).toBe("0 of 5 installed; failed: elk, gnu, owl, yak, zog");
  });

  test("other sources that failed too are told with them", async () => {
    const other = await closedAddress();
    for (const name of ["zog", "yak"]) {
      place.recipe(name, { artifacts: { "linux-x64": [at(dead, name), at(other, name)] } });
    }
    expect(errorsIn((await place.run("zog", "yak")).stderr)).toEqual([
      `error: yak, zog: ${dead} refused the connection; other sources failed too: ${other} refused the connection [E_UNREACHABLE]`,
    ]);
  });

  test("the same error of all sources is told once", async () => {
    place.recipe("zog", { artifacts: { "linux-x64": [at(dead, "zog"), at(dead, "other")] } });
    const { stderr } = await place.runWith({ OPENCLAW_SKILL_TIMEOUT: "long" }, "zog");
    expect(errorsIn(stderr)).toEqual([
      "error: zog: OPENCLAW_SKILL_TIMEOUT=long is not a time [E_SETTING]",
    ]);
  });

  test("offline", async () => {
    offerAt(dead, ...names);
    const { status, stderr } = await place.run("--offline", ...names);
    expect(status).toBe(0);
    expect(errorsIn(stderr)).toEqual([
      `warning: ${names.join(", ")}: this run is offline [E_OFFLINE]`,
    ]);
  });

  test("what needs a tool that failed", async () => {
    offerAt(dead, "base");
    for (const name of ["zog", "yak"]) {
      offer(name);
      const source = place.serve(
        `${name}.tar.gz`,
        archive("tar.gz", { [`bin/${name}`]: program("1.0.0") }),
      );
      place.recipe(name, { needs: ["base"], artifacts: { "linux-x64": source } });
    }
    expect(errorsIn((await place.run("zog", "yak")).stderr)).toEqual([
      expect.stringMatching(
        /^error: base: cannot download .* refused the connection \[E_UNREACHABLE\]$/,
      ),
      "error: yak, zog: base could not be installed [E_NEED]",
    ]);
  });

  test("what no recipe provides", async () => {
    place.skill("mail", { bins: ["zog", "yak"] });
    place.skill("chat", { bins: ["yak"] });
    const { status, stderr } = await place.run();
    expect(status).toBe(0);
    expect(errorsIn(stderr)).toEqual([
      "warning: yak (for chat, mail), zog (for mail) are unmet: no recipe provides it [E_NO_RECIPE]",
    ]);
    expect(lastLine(stderr)).toMatch(/^nothing to do; 0 in .*; unmet: yak, zog$/);
  });

  test("--json keeps what is to be known of each", async () => {
    offerAt(dead, "zog", "yak");
    const { failed } = JSON.parse((await place.run("zog", "yak", "--json")).stdout);
    expect(failed.map(({ tool }: { tool: string }) => tool).sort()).toEqual(["yak", "zog"]);
    for (const { tool, message, shared, code, problem } of failed) {
      expect([code, problem]).toEqual(["network", "E_UNREACHABLE"]);
      expect(shared.key).toBe(`host ${dead}`);
      expect(message).toContain(`http://${dead}/${tool}.tar.gz`);
    }
  });
});

describe("what changed", () => {
  test("the table has the tools of this run only", async () => {
    offer("zog");
    offer("yak");
    await place.run("zog");
    const { stderr } = await place.run("yak");
    expect(stderr).toMatch(/^yak +1\.0\.0 .*bin\/yak$/m);
    expect(stderr).not.toMatch(/bin\/zog/);
    expect(lastLine(stderr)).toBe(`1 installed; 2 in ${place.prefix}`);
  });

  test("a long list of programs is cut short", async () => {
    const bins = Array.from({ length: 40 }, (_, i) => `prog-${i}`);
    offer("box", bins);
    const { stderr } = await place.run("box");
    expect(stderr).toMatch(/box 1\.0\.0: installed prog-0, .* and 35 more \(/);
    expect(stderr).toMatch(/bin\/prog-2 and 37 more$/m);
  });

  test("more failures than can be read are counted", async () => {
    const many = Array.from({ length: 30 }, (_, i) => `t${i}`);
    offerAt(dead, ...many);
    expect(lastLine((await place.run(...many)).stderr)).toMatch(/failed: t0, .* and 10 more$/);
  });
});

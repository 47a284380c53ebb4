/** Private recipes: four keys are enough, and their downloads take credentials of netrc and npm. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { archive, describe as describeBytes, npmTarball, program } from "../support/archives.ts";
import { type Loopback, startLoopback } from "../support/loopback.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let other: Loopback;
beforeEach(async () => {
  place = await openWorkplace();
  other = await startLoopback();
});
afterEach(async () => {
  await place.close();
  await other.close();
});

const bytes = archive("tar.gz", { "bin/zog": program("1.0.0") });
const { sha256, size } = describeBytes(bytes);
const [password, token] = ["s3cret-of-zoe", "t0ken-of-npm"];
const basic = `Basic ${Buffer.from(`zoe:${password}`).toString("base64")}`;

/** A recipe of the four keys that a private one must have. */
function fourKeys(source: object, name = "zog", more: object = {}): void {
  const document = {
    name,
    version: "1.0.0",
    bins: { [name]: `bin/${name}` },
    artifacts: { "linux-x64": source },
    ...more,
  };
  writeFileSync(join(place.recipes, `${name}.yaml`), stringify(document));
}

/** Written into the home directory, readable for its owner alone. */
function write(file: string, text: string): void {
  writeFileSync(join(place.home, file), text);
  chmodSync(join(place.home, file), 0o600);
}

const netrc = (host = "127.0.0.1") =>
  write(".netrc", `machine ${host} login zoe password ${password}\n`);
const seen = (server: Loopback, path: string): (string | undefined)[] =>
  server.requests.filter((it) => it.path === path).map(({ headers }) => headers.authorization);

/** Nothing that is printed or written names a secret. */
async function run(...args: string[]) {
  const { status, stdout, stderr } = await place.run(...args, "-v");
  const record = JSON.stringify(place.snapshot()) + stdout + stderr;
  for (const secret of [password, token, basic.slice(6)]) expect(record).not.toContain(secret);
  return { status, stdout, stderr };
}

describe("a recipe of four keys", () => {
  test("installs without a smoke test, and is valid for recipe check", async () => {
    fourKeys({ url: place.server.serve("/zog.tgz", bytes), sha256 });
    expect((await run("zog")).status).toBe(0);
    expect(execFileSync(join(place.prefix, "bin/zog"), { encoding: "utf8" }).trim()).toBe("1.0.0");
    const { status, stdout } = await place.run("recipe", "check", join(place.recipes, "zog.yaml"));
    expect([status, stdout]).toEqual([0, "1 of 1 right\n"]);
    expect((await place.run("info", "zog")).stdout).toMatch(/license +unknown/);
    expect((await place.run("search", "zog")).stdout).toMatch(/^zog +1\.0\.0/m);
  });

  test.each(["name", "version", "bins", "artifacts"])("lacks nothing but %s", async (key) => {
    fourKeys({ url: place.server.serve("/zog.tgz", bytes), sha256 }, "zog", { [key]: undefined });
    const { status, stdout } = await place.run("recipe", "check", join(place.recipes, "zog.yaml"));
    expect([status, stdout]).toEqual([2, expect.stringMatching(`zog.yaml:1: ${key} is missing`)]);
  });
});

describe("netrc", () => {
  test("its login is sent for a private recipe's URL", async () => {
    netrc();
    fourKeys({ url: place.server.serve("/zog.tgz", bytes), sha256, size });
    expect((await run("zog")).status).toBe(0);
    expect(seen(place.server, "/zog.tgz")).toEqual([basic]);
  });

  test("another file by NETRC; another host's login and `default` are not sent", async () => {
    netrc("example.test");
    write("other", `default login zoe password ${password}\n`);
    fourKeys({ url: place.server.serve("/zog.tgz", bytes), sha256, size });
    const { status } = await place.runWith({ NETRC: join(place.home, "other") }, "zog");
    expect(status).toBe(0);
    expect((await run("-f", "zog")).status).toBe(0);
    expect(seen(place.server, "/zog.tgz")).toEqual([undefined, undefined]);
  });

  test("the address's own name and password go first", async () => {
    netrc();
    const url = new URL(place.server.serve("/zog.tgz", bytes));
    [url.username, url.password] = ["own", "word"];
    fourKeys({ url: "https://zog.test/zog.tgz", sha256, size });
    const mirror = `https://zog.test/=${url.origin.replace("//", "//own:word@")}/`;
    expect((await run("zog", "--mirror", mirror)).status).toBe(0);
    const own = `Basic ${Buffer.from("own:word").toString("base64")}`;
    expect(seen(place.server, "/zog.tgz")).toEqual([own]);
  });

  test("nothing goes to the host that a redirect leads to", async () => {
    netrc();
    const to = other.serve("/real.tgz", bytes);
    fourKeys({ url: place.server.serve("/zog.tgz", "", { fault: "redirect", to }), sha256, size });
    expect((await run("zog")).status).toBe(0);
    expect([seen(place.server, "/zog.tgz"), seen(other, "/real.tgz")]).toEqual([
      [basic],
      [undefined],
    ]);
  });

  test("a mirror of the bundled catalogue's URLs gets it", async () => {
    netrc();
    const mirror = `https://github.com/=${place.server.origin}/hub/`;
    const { stderr } = await run("jq", "--mirror", mirror);
    const asked = place.server.requests.filter(({ path }) => path.startsWith("/hub/jqlang/"));
    expect(
      asked.map(({ headers }) => headers.authorization),
      stderr,
    ).toContain(basic);
  });

  test("what a skill declares does not", async () => {
    netrc();
    const url = place.server.serve("/zog.tgz", bytes);
    const install = [{ kind: "download", url, bins: ["zog"], sha256 }];
    place.skill("mail", { bins: ["zog"] }, { install });
    expect((await run("--allow-declared")).status).toBe(0);
    expect((await run("--allow-declared", "-f")).status).toBe(0);
    expect(new Set(seen(place.server, "/zog.tgz"))).toEqual(new Set([undefined]));
  });

  test("authors' verbs send it, too", async () => {
    netrc();
    const url = place.server.serve(
      "/o/zog/releases/download/v1.0.0/zog_1.0.0_linux_amd64.tar.gz",
      bytes,
    );
    expect((await run("recipe", "new", url)).status).toBe(0);
    fourKeys({ url, sha256: "0".repeat(64) });
    expect((await run("recipe", "pin", join(place.recipes, "zog.yaml"))).status).toBe(0);
    expect((await run("recipe", "check", "--fetch", join(place.recipes, "zog.yaml"))).status).toBe(
      0,
    );
    expect(seen(place.server, new URL(url).pathname)).toEqual([basic, basic, basic]);
  });

  test("a refusal says where credentials are read from", async () => {
    fourKeys({ url: place.server.serve("/zog.tgz", "", { fault: "status", status: 401 }), sha256 });
    const { status, stderr } = await run("zog");
    expect([status, stderr]).toEqual([
      5,
      expect.stringMatching(/\[E_HTTP_FORBIDDEN\][\s\S]*netrc/),
    ]);
  });
});

describe("npm's token", () => {
  const npmrc = (path: string) =>
    write(".npmrc", `//${new URL(place.server.origin).host}${path}:_authToken=${token}\n`);

  test("is sent for a private recipe's URL below its path, and for no other", async () => {
    npmrc("/files/");
    fourKeys({ url: place.server.serve("/files/zog.tgz", bytes), sha256, size });
    fourKeys({ url: place.server.serve("/public/yak.tgz", yak), ...describeYak }, "yak");
    expect((await run("zog", "yak")).status).toBe(0);
    expect(seen(place.server, "/files/zog.tgz")).toEqual([`Bearer ${token}`]);
    expect(seen(place.server, "/public/yak.tgz")).toEqual([undefined]);
  });

  test("is sent to its registry for a package, and not where that redirects to", async () => {
    npmrc("/registry/");
    const tarball = npmTarball("@corp/zog", "1.0.0", { "bin/zog": program("1.0.0") });
    place.server.publish("@corp/zog", "1.0.0", tarball);
    const path = "/registry/@corp/zog/-/zog-1.0.0.tgz";
    place.server.serve(path, "", { fault: "redirect", to: other.serve("/real.tgz", tarball) });
    fourKeys({ npm: "@corp/zog@1.0.0", integrity: describeBytes(tarball).integrity });
    expect((await run("zog")).status).toBe(0);
    expect(seen(place.server, path)).toEqual([`Bearer ${token}`]);
    expect(seen(other, "/real.tgz")).toEqual([undefined]);
  });
});

const yak = archive("tar.gz", { "bin/yak": program("1.0.0") });
const describeYak = { sha256: describeBytes(yak).sha256 };

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { readNpmConfig } from "../../src/net/npm-config.ts";

let home: string;
/** No npm of this machine: its global file is none of a test's. */
let alone: Record<string, string>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "npm-config-"));
  alone = { npm_config_globalconfig: join(home, "none") };
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function npmrc(file: string, ...lines: string[]): void {
  mkdirSync(join(home, file, ".."), { recursive: true });
  writeFileSync(join(home, file), `${lines.join("\n")}\n`);
}

test("without any configuration it is the public registry", async () => {
  const config = await readNpmConfig(alone, home);
  expect(config.registryFor("left-pad")).toBe(config.defaultRegistry);
  expect(config.registryFor("@scope/name")).toBe(config.defaultRegistry);
  expect(config.defaultRegistry).toMatch(/^https:\/\/registry\..*\/$/);
  expect(config.headersFor(config.defaultRegistry)).toEqual({});
  expect(config.network).toEqual({});
});

test("the user's file: registries, scopes, quotes, comments", async () => {
  npmrc(
    ".npmrc",
    "; a comment",
    'registry = "https://mirror.example/npm"',
    "@corp:registry=https://corp.example/  # ours",
    "[section]",
    "cafile=~/ca.pem",
    "https-proxy=http://proxy.example:3128",
    "proxy=null",
    "noproxy=localhost,.corp.example",
  );
  const config = await readNpmConfig(alone, home);
  expect(config.registryFor("left-pad")).toBe("https://mirror.example/npm/");
  expect(config.registryFor("@corp/tool")).toBe("https://corp.example/");
  expect(config.registryFor("@other/tool")).toBe("https://mirror.example/npm/");
  expect(config.network).toMatchObject({
    caFiles: [{ name: "npm's cafile", value: join(home, "ca.pem") }],
    httpsProxy: "http://proxy.example:3128",
    noProxy: "localhost,.corp.example",
  });
  expect(config.network.proxy).toBeUndefined();
});

test("tokens go to their server and path alone", async () => {
  npmrc(
    ".npmrc",
    "//mirror.example/npm/:_authToken=t0ken",
    "//corp.example/:_auth=bWU6cHc=",
    `//basic.example:8443/:username=me`,
    `//basic.example:8443/:_password=${Buffer.from("pw").toString("base64")}`,
    "_auth=bGVha3k6cHc=",
    "_authToken=leaky",
  );
  const { headersFor } = await readNpmConfig(alone, home);
  expect(headersFor("https://mirror.example/npm/a/-/a-1.0.0.tgz")).toEqual({
    authorization: "Bearer t0ken",
  });
  expect(headersFor("https://mirror.example/other/a.tgz")).toEqual({});
  expect(headersFor("https://corp.example/a")).toEqual({ authorization: "Basic bWU6cHc=" });
  expect(headersFor("https://basic.example:8443/a")).toEqual({ authorization: "Basic bWU6cHc=" });
  expect(headersFor("https://basic.example/a")).toEqual({});
  expect(headersFor("https://elsewhere.example/a")).toEqual({});
});

test("a registry's credentials serve other paths of its host, and no other host or protocol", async () => {
  npmrc(".npmrc", "//reg.example/npm/:_authToken=reg", "//files.example/:_authToken=files");
  const { headersFor } = await readNpmConfig(alone, home);
  const registry = "https://reg.example/npm/";
  const tokenFor = (url: string) => headersFor(url, registry).authorization;
  expect(tokenFor("https://reg.example/npm/a.tgz")).toBe("Bearer reg");
  expect(tokenFor("https://reg.example/files/a.tgz")).toBe("Bearer reg");
  expect(tokenFor("https://files.example/a.tgz")).toBe("Bearer files");
  expect(tokenFor("http://files.example/a.tgz")).toBe("Bearer files");
  for (const url of [
    "http://reg.example/npm/a.tgz", // the registry has https
    "https://reg.example:8443/npm/a.tgz",
    "https://sub.reg.example/npm/a.tgz",
    "https://reg.example.evil.example/npm/a.tgz",
    "https://elsewhere.example/npm/a.tgz",
  ]) {
    expect(tokenFor(url)).toBeUndefined();
  }
});

test("names of the environment in values; one that is not set costs only its own line", async () => {
  npmrc(
    ".npmrc",
    `registry=https://\${WHERE}/npm/`,
    `//mirror.example/npm/:_authToken=\${NOT_SET}`,
    `//other.example/:_authToken=\${TOKEN}`,
    `noproxy=\${ALSO_NOT_SET?}x`,
  );
  const env = { ...alone, WHERE: "mirror.example", TOKEN: "fr0m-env" };
  const config = await readNpmConfig(env, home);
  expect(config.registryFor("a")).toBe("https://mirror.example/npm/");
  expect(config.headersFor("https://mirror.example/npm/a")).toEqual({});
  expect(config.headersFor("https://other.example/a")).toEqual({
    authorization: "Bearer fr0m-env",
  });
  expect(config.network.noProxy).toBe("x");
});

test("the environment goes before the user's file, and that before the global one", async () => {
  npmrc(
    "etc/npmrc",
    "registry=https://global.example/",
    "noproxy=global",
    "@g:registry=https://g.example",
  );
  npmrc(".npmrc", "registry=https://user.example/", "noproxy=user");
  const env = { NPM_CONFIG_GLOBALCONFIG: join(home, "etc/npmrc") };
  const files = await readNpmConfig(env, home);
  expect(files.registryFor("a")).toBe("https://user.example/");
  expect(files.registryFor("@g/a")).toBe("https://g.example/");
  const over = {
    ...env,
    NPM_CONFIG_REGISTRY: "https://env.example",
    "npm_config_@g:registry": "https://env-g.example",
    "npm_config_//env.example/:_authToken": "t",
    npm_config_https_proxy: "http://p:1",
  };
  const config = await readNpmConfig(over, home);
  expect(config.registryFor("a")).toBe("https://env.example/");
  expect(config.registryFor("@g/a")).toBe("https://env-g.example/");
  expect(config.headersFor("https://env.example/a")).toEqual({ authorization: "Bearer t" });
  expect(config.network.httpsProxy).toBe("http://p:1");
  expect(config.network.noProxy).toBe("user");
});

test("another user file, and the global file beside the npm on PATH", async () => {
  npmrc("my.npmrc", "@a:registry=https://a.example/");
  npmrc("usr/etc/npmrc", "registry=https://image.example/");
  mkdirSync(join(home, "usr/bin"), { recursive: true });
  writeFileSync(join(home, "usr/bin/npm"), "#!/bin/sh\n");
  chmodSync(join(home, "usr/bin/npm"), 0o755);
  const env = {
    PATH: `relative:${join(home, "usr/bin")}`,
    npm_config_userconfig: join(home, "my.npmrc"),
  };
  const config = await readNpmConfig(env, home);
  expect(config.registryFor("x")).toBe("https://image.example/");
  expect(config.registryFor("@a/x")).toBe("https://a.example/");
});

test("a project's .npmrc in the working directory is not read", async () => {
  const before = process.cwd();
  const project = join(home, "project");
  npmrc("project/.npmrc", "registry=https://evil.example/");
  npmrc("project/package.json", "{}");
  mkdirSync(join(home, "home"));
  process.chdir(project);
  try {
    const config = await readNpmConfig(alone, join(home, "home"));
    expect(config.registryFor("a")).toBe(config.defaultRegistry);
  } finally {
    process.chdir(before);
  }
});

test("certificates and waiting; a list has a line for each", async () => {
  npmrc(
    ".npmrc",
    'ca="-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----"',
    "fetch-timeout=300000",
    "fetch-retries=5",
    "noproxy[]=a.example",
    "noproxy[]=b.example",
    "no value",
    "= no name",
    "[",
  );
  const { network } = await readNpmConfig(alone, home);
  expect(network).toEqual({
    caTexts: ["-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"],
    waits: [{ name: "npm's fetch-timeout", value: "300000", unit: 1 }],
    retries: "5",
    noProxy: "a.example\nb.example",
  });
});

test("what is no URL is refused by name, without its password", async () => {
  const env = { ...alone, npm_config_registry: "me:secret@x", "npm_config_@a:registry": "ftp://y" };
  const config = await readNpmConfig(env, home);
  expect(() => config.registryFor("a")).toThrow(UserError);
  expect(() => config.registryFor("a")).toThrow("npm's registry=...@x is not an http or https URL");
  expect(() => config.registryFor("@a/b")).toThrow("npm's @a:registry=ftp://y is not");
});

test("a configuration that is a directory says nothing", async () => {
  mkdirSync(join(home, ".npmrc"));
  const config = await readNpmConfig(alone, home);
  expect(config.registryFor("a")).toBe(config.defaultRegistry);
});

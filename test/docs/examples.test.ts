/** The examples below entrypoint/examples: whether what they name is there. test/containers runs their commands. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { composeFile } from "../../src/core/topology-compose.ts";
import { options, variables } from "../../src/usage/options.ts";
import { documentsOf, exampleFiles, railway, readExample, unraid } from "../support/examples.ts";
import { repository } from "../support/workplace.ts";
import { page } from "./pages.ts";

const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const site = { packageDir: "/p", source: "/v", state: "/s", npmPackage: "x" };
const stock = composeFile("stock", site)?.services["openclaw-gateway"] as { image: string };
const image = /:-(.*)\}$/.exec(stock.image)?.[1] ?? "";

const named = [
  ...Object.values(options).flatMap((option) =>
    "env" in option ? [option.env.replace(/[ =].*$/, "")] : [],
  ),
  ...Object.keys(variables),
  // OpenClaw's own.
  ...["OPENCLAW_STATE_DIR", "OPENCLAW_WORKSPACE_DIR"],
  ...["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PORT"],
];

describe.each(exampleFiles)("%s", (file) => {
  const text = readExample(file);

  test("is on the page, or in a folder that is", () => {
    const links = page("entrypoint/README.md").links.filter((link) => link.startsWith("examples/"));
    const folders = links.map((link) => link.slice("examples/".length).split("/")[0]);
    expect(folders).toContain(file.split("/")[0]);
  });

  test("says what was tried, where it runs our command", () => {
    if (!/npx -y|ExecStart=/.test(text)) return expect(text).not.toMatch(/Tried/);
    expect(text).toMatch(/\bTried\b/);
    if (!file.startsWith("systemd/")) expect(text).toMatch(/Not\s+(# )?tried: /);
  });

  test("names this version, options and variables that are there", () => {
    const versions = text.match(/(?<=openclaw-install-skill-deps@)\d[\d.]*\d/g) ?? [];
    expect([...new Set(versions)].filter((one) => one !== version)).toEqual([]);
    const words = text.match(/openclaw-install-skill-deps(?:@\S+)?"?((?: --[a-z-]+)+)/g) ?? [];
    const used = words.flatMap((word) => word.match(/(?<= --)[a-z-]+/g) ?? []);
    expect(used.filter((name) => !(name in options))).toEqual([]);
    const set = text.match(/\bOPENCLAW_[A-Z_]+\b/g) ?? [];
    expect(set.filter((name) => !named.includes(name))).toEqual([]);
  });

  test("has OpenClaw's stock image, and a PATH with the volume at its end", () => {
    const images = text.match(/(?<=^ +(- )?image: |<Repository>)[a-z][^\s<]*/gm) ?? [];
    expect(images.filter((one) => one !== image)).toEqual([]);
    const paths = text.match(/(?:\/usr\/local\/s?bin:|\$\{PATH\}:)[^\s"]+/g) ?? [];
    const ends = paths.map((path) => path.split(":").at(-1));
    expect(
      ends.filter(
        (end) =>
          !/^(\/opt\/openclaw|\/data\/openclaw-tools|%h\/\.local\/share\/openclaw)\/bin$/.test(
            end ?? "",
          ),
      ),
    ).toEqual([]);
  });
});

test("every YAML file can be parsed", () => {
  const files = exampleFiles.filter((file) => file.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) expect(documentsOf(file)[0]).toEqual(expect.any(Object));
});

test("nothing mounts OpenClaw's state read-only: a run would warn that it cannot write the status skill", () => {
  const more = ["compose.example.yaml", "kubernetes.example.yaml"].map((file) => `../${file}`);
  const texts = [...exampleFiles.filter((file) => file.endsWith(".yaml")), ...more].map(
    readExample,
  );
  const mounts = texts.flatMap(
    (text) => text.match(/^.*\/\.openclaw\b.*(\n +readOnly: .*)?$/gm) ?? [],
  );
  expect(mounts.length).toBeGreaterThan(8);
  expect(mounts.filter((mount) => /\.openclaw:ro\b|readOnly: true/.test(mount))).toEqual([]);
});

test("the forms for variables: the volume is the one that PATH has", () => {
  expect(railway().env.PATH).toMatch(`:${railway().env.OPENCLAW_SKILL_PREFIX}/bin`);
  expect(railway().command[2]).toMatch(/^sh -c 'npx -y /);
  expect(unraid().repository).toBe(image);
  expect(unraid().command[2]).toMatch(/^sh -c 'npx -y /);
});

test("the devcontainer feature is as its schema wants it", () => {
  const feature = JSON.parse(readExample("devcontainer-feature/devcontainer-feature.json"));
  const known = [
    "id",
    "version",
    "name",
    "description",
    "options",
    "containerEnv",
    "installsAfter",
  ];
  expect(Object.keys(feature)).toEqual(known);
  expect(feature.version).toBe(version);
  const script = readExample("devcontainer-feature/install.sh");
  for (const [name, option] of Object.entries<{ type: string; default: string }>(feature.options)) {
    expect(option).toMatchObject({ type: "string", default: expect.any(String) });
    expect(script).toContain(`\${${name.toUpperCase()}:-${option.default}}`);
  }
});

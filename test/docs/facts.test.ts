/** What the READMEs say, beside what is there: links, options, variables, messages, lines of other files. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import JSON5 from "json5";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exitStatus } from "../../src/core/errors.ts";
import { type Host, openclawFragment } from "../../src/core/topology.ts";
import { composeFile } from "../../src/core/topology-compose.ts";
import { options, variables } from "../../src/usage/options.ts";
import { repository } from "../support/workplace.ts";
import { type Page, pages, rowsBelow } from "./pages.ts";

const read = (file: string): string => readFileSync(join(repository, file), "utf8");
const [front, entrypoint, recipes] = pages as [Page, Page, Page];

/** Everything that is compiled or run, as text. */
const program = ["src", "entrypoint"]
  .flatMap((dir) =>
    readdirSync(join(repository, dir), { recursive: true, encoding: "utf8" }).map((name) =>
      join(dir, name),
    ),
  )
  .filter((name) => /\.ts$|openclaw-install-skill-deps|\.sh$/.test(name))
  .map(read)
  .join("\n");

/** Words that have a plainer one. */
const unplain =
  /\b(mend(s|ed|ing)?|brought|taken (up|away)|anew|neighbours?|strangers?|gifts?|litter|in order that|be had|demand(s|ed)?)\b/gi;

const unique = (found: readonly string[]): string[] => [...new Set(found)].sort();
const matches = (text: string, what: RegExp): string[] => unique(text.match(what) ?? []);

test("the front page is short", () => {
  expect(front.text.split("\n").length).toBeLessThanOrEqual(251);
});

test("its row of the benchmark is one of the last run's", () => {
  const all = rowsBelow(pages[3] as Page, "Speed");
  const shown = rowsBelow(front, "Speed");
  expect(shown).toHaveLength(1);
  expect(all).toContainEqual(shown[0]);
});

describe.each(pages)("$file", ({ file, links, spans, text }) => {
  const from = dirname(join(repository, file));

  test("leads to files and headings that are there", () => {
    const local = links.filter((link) => !/^https?:/.test(link));
    expect(local).not.toEqual([]);
    const isBroken = (link: string): boolean => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? join(repository, file) : join(from, path);
      if (!existsSync(target)) return true;
      const other = pages.find((one) => join(repository, one.file) === target);
      return anchor !== undefined && !other?.anchors.has(anchor);
    };
    expect(local.filter(isBroken)).toEqual([]);
  });

  test("names no file that is not there", () => {
    const named = spans.filter((span) => /^(src|test|entrypoint|recipes)\/[\w./-]+$/.test(span));
    if (file === "src/README.md") expect(named.length).toBeGreaterThan(20);
    const made = ["recipes/biome.yaml"]; // by the page's own commands
    const missing = named.filter((name) => !existsSync(join(repository, name)));
    expect(missing.filter((name) => !made.includes(name))).toEqual([]);
  });

  test("says it in plain words", () => {
    expect(text.match(unplain) ?? []).toEqual([]);
  });
});

test("the source says it in plain words", () => {
  expect(matches(program, unplain)).toEqual([]);
});

test("every folder of tests is on the list of suites", () => {
  const listed = pages[3]?.links ?? [];
  const inner = ["fixtures", "support"]; // of no suite's own
  const folders = readdirSync(join(repository, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !inner.includes(entry.name))
    .map(({ name }) => name);
  expect(folders.length).toBeGreaterThan(5);
  expect(folders.filter((name) => !listed.includes(name))).toEqual([]);
});

describe("the command", () => {
  test("has the options of the table, and no other", () => {
    const table = rowsBelow(entrypoint, "Options").map(([cell = ""]) => cell);
    const listed = matches(table.join(" "), /--[a-z][a-z\d-]+/g);
    expect(listed).toEqual(
      Object.keys(options)
        .map((name) => `--${name}`)
        .sort(),
    );
    const short = rowsBelow(front, "Options").map(([cell = ""]) => cell.match(/--[a-z-]+/)?.[0]);
    expect(short.length).toBe(6);
    expect(short.filter((name = "") => !listed.includes(name))).toEqual([]);
  });

  test("reads the variables of the table, and no other of its own", () => {
    const own = /\b(NO_COLOR|OPENCLAW_SKILL(S|_[A-Z_]*[A-Z]))\b/g;
    const cells = rowsBelow(entrypoint, "Options").map(([, cell = ""]) => cell);
    const listed = matches(cells.join(" "), own);
    const inner = ["OPENCLAW_SKILL_DEPS_VIEW", "OPENCLAW_SKILL_DEPS_REASON"]; // from the sh script to Node
    expect([...listed, ...inner].sort()).toEqual(matches(program, own));
    expect(Object.keys(variables).filter((name) => !listed.includes(name))).toEqual([]);
  });

  test("ends with the statuses of the table", () => {
    const table = entrypoint.tables.find(({ head }) => head[0] === "exit status");
    expect(table?.rows.map(([status]) => Number(status))).toEqual(Object.values(exitStatus).sort());
  });

  test.each([front, entrypoint])("says the messages of $file", (one) => {
    const said = rowsBelow(one, "Troubleshooting").flatMap(
      ([cell = ""]) => cell.match(/(?<=`)[^`]+(?=`)/g) ?? [],
    );
    const fixed = said
      .filter((message) => !["gog: not found", "Text file busy"].includes(message)) // the system's
      .flatMap((message) =>
        message.split(
          /…|: |this file system|\b[A-Z]{4,}\b|from readme|\(.*\)|linux-|jq 1\.6|1\.8\.2/,
        ),
      )
      .map((piece) => piece.replace(/^[ :.;,)]+|[ :.;,(]+$/g, ""))
      .filter((piece) => piece.length > 7);
    expect(fixed.length).toBeGreaterThan(2);
    expect(fixed.filter((piece) => !program.includes(piece))).toEqual([]);
  });
});

describe("what is to be written into other files", () => {
  const site: Host = {
    source: "/srv/openclaw-volume",
    state: "/home/u/.openclaw",
    isExternal: true,
    hasProfile: true,
    hasLibraries: false,
    isHost: true,
    packageDir: "/p",
    npmPackage: "openclaw-install-skill-deps@0.1.0",
    isPacked: false,
    agent: { uid: 1000, gid: 1000 },
  };
  const shown = ({ blocks }: Page, heading: string): unknown =>
    JSON5.parse(blocks.find((one) => one.lang === "json5" && one.heading === heading)?.text ?? "");

  test("the quickstart's openclaw.json is what config prints", () => {
    expect(shown(front, "Quickstart")).toEqual(openclawFragment("stock", site));
  });

  test("its services are part of what config prints", () => {
    const yaml = front.blocks.find(({ lang }) => lang === "yaml")?.text ?? "";
    const packed = "./openclaw-install-skill-deps-0.1.0.tgz";
    const state = "/srv/openclaw-state";
    const printed = composeFile("stock", { ...site, state, npmPackage: `/${packed}` });
    const { services } = parse(yaml.replace(packed, `/${packed}`));
    const { volumes, ...gateway } = services["openclaw-gateway"];
    expect(printed).toMatchObject({ services: { ...services, "openclaw-gateway": gateway } });
    expect(printed?.services["openclaw-gateway"]).toMatchObject({
      volumes: expect.arrayContaining(volumes),
    });
  });

  test("the version that the front page names is this one", () => {
    const { version } = JSON.parse(read("package.json"));
    const named = front.text.match(/(?<=openclaw-install-skill-deps[@-])\d+\.\d+\.\d+/g) ?? [];
    expect(named.length).toBeGreaterThan(1);
    expect(unique(named)).toEqual([version]);
  });

  test("that of topology A is what config prints", () => {
    const printed = openclawFragment("sandbox", site);
    expect(shown(entrypoint, "A. A sandbox that installs for itself")).toEqual(printed);
  });

  test("lines of a Dockerfile are those of the example", () => {
    const lines = entrypoint.blocks.filter(({ lang }) => lang === "dockerfile");
    expect(lines.length).toBeGreaterThan(0);
    const example = read("Dockerfile.example").split("\n");
    expect(lines.flatMap(({ text }) => text.split("\n"))).toSatisfy((shown: string[]) =>
      shown.every((line) => example.includes(line)),
    );
  });

  test("parts of recipes are those of the catalogue", () => {
    const parts = recipes.blocks.filter(
      ({ lang, text }) => lang === "yaml" && !/^name:/m.test(text),
    );
    const [signed, smoke, second, python, go] = parts.map(({ text }) => parse(text));
    expect(parse(read("recipes/jq.yaml"))).toMatchObject(smoke);
    // The day is that of the last check.
    const [debian] = signed.artifacts["linux-x64"].signed;
    debian.checked = expect.stringMatching(/^\d{4}-\d\d-\d\d$/);
    expect(parse(read("recipes/tmux.yaml"))).toMatchObject(signed);
    const [first, , last] = parse(read("recipes/node.yaml")).artifacts["linux-x64-glibc"];
    const [ours, theirs] = second.artifacts["linux-x64-glibc"];
    expect(first).toMatchObject(ours);
    expect(last).toMatchObject(theirs);
    expect(parse(read("recipes/nano-pdf.yaml"))).toMatchObject(python);
    expect(parse(read("recipes/gog.yaml"))).toMatchObject({
      artifacts: {
        "linux-x64": expect.arrayContaining([expect.objectContaining(go.artifacts["linux-x64"])]),
      },
    });
  });

  test("the catalogue has as many tools as the page says", () => {
    const count = readdirSync(join(repository, "recipes")).filter((name) => name.endsWith(".yaml"));
    expect(recipes.text).toContain(`${count.length} tools: `);
  });
});

import { describe, expect, test } from "vitest";
import { parseOptions } from "../../src/cli.ts";

const parse = (args: string[], env: Record<string, string> = {}) => parseOptions(args, env, 2);

describe("words", () => {
  test("install is the verb where none is named", () => {
    expect(parse([]).verb).toBe("install");
    expect(parse(["gog"])).toMatchObject({ verb: "install", names: ["gog"] });
    expect(parse(["install", "gog", "jq"])).toMatchObject({
      verb: "install",
      names: ["gog", "jq"],
    });
    expect(parse(["recipe", "check", "x.yaml"])).toMatchObject({
      verb: "recipe",
      names: ["check", "x.yaml"],
    });
  });
  test("what takes away and carries over is a verb", () => {
    expect(parse(["remove", "gog"])).toMatchObject({ verb: "remove", names: ["gog"] });
    expect(parse(["gc", "--dry-run"])).toMatchObject({ verb: "gc", dryRun: true });
    const sha256 = "ab".repeat(32);
    for (const text of [sha256, sha256.toUpperCase(), `sha256:${sha256}`]) {
      expect(parse(["bundle", "import", "x.tgz", "--sha256", text])).toMatchObject({
        verb: "bundle",
        names: ["import", "x.tgz"],
        sha256,
      });
    }
  });
  test("options and the environment; options win", () => {
    const env = {
      OPENCLAW_SKILL_PREFIX: "/env",
      OPENCLAW_SKILL_DIRS: "/a:/b",
      OPENCLAW_SKILL_RECIPES: "/r",
      OPENCLAW_SKILLS: "x, y,",
      OPENCLAW_SKILL_MIRRORS: "https://a/=http://b/",
    };
    expect(parse([], env)).toMatchObject({
      prefix: "/env",
      skillsDirs: ["/a", "/b"],
      recipeDirs: ["/r"],
      skills: ["x", "y"],
    });
    expect(parse([], env).mirrors()).toEqual([{ from: "https://a/", to: "http://b/" }]);
    const args = ["--prefix", "/opt", "--skills-dir", "/c", "--skill", "z", "-f", "--json", "-q"];
    expect(parse(args, env)).toMatchObject({
      prefix: "/opt",
      skillsDirs: ["/c"],
      skills: ["z"],
      force: true,
      json: "document",
      quiet: true,
    });
  });
  test.each(["skills-dir", "recipes", "skill"])(
    "--%s '' is refused: a variable was not set",
    (name) => {
      for (const words of [[`--${name}`, ""], [`--${name}=`], [`--${name}`, "/a", `--${name}`, ""]])
        expect(() => parse(words)).toThrow(`--${name} has an empty value`);
      expect(parse(["--seed", ""]).seed).toBe(""); // none
    },
  );
  test("a mirror of the environment that is none is told when it is needed, without its password", () => {
    const { mirrors } = parse([], { OPENCLAW_SKILL_MIRRORS: "github.com=https://me:s3cret@m" });
    expect(mirrors).toThrow(/^OPENCLAW_SKILL_MIRRORS=.*@m is not FROM=TO$/);
    expect(mirrors).not.toThrow(/s3cret/);
    expect(() => parse(["--mirror", "x=https://me:s3cret@m"])).not.toThrow(/s3cret/);
  });
  test("--json does not swallow the word behind it", () => {
    expect(parse(["--json", "gog"])).toMatchObject({ json: "document", names: ["gog"] });
    expect(parse(["--json=events"]).json).toBe("events");
  });
  test("a switch in the environment is on by the words that people write", () => {
    for (const word of ["1", "true", "TRUE", "yes", "on"])
      expect(parse([], { OPENCLAW_SKILL_ALLOW_DECLARED: word }).allowDeclared).toBe(true);
    for (const word of ["", "0", "false", "no", "off", "never"])
      expect(parse([], { OPENCLAW_SKILL_ALLOW_DECLARED: word }).allowDeclared).toBe(false);
  });
  test("jobs: as many as cores, twelve at least, sixteen at most", () => {
    expect(parseOptions([], {}, 1).jobs).toBe(12);
    expect(parseOptions([], {}, 14).jobs).toBe(14);
    expect(parseOptions([], {}, 64).jobs).toBe(16);
  });
  test.each([
    [["--nope"], /--nope/],
    [["--prefix"], /--prefix/],
    [["--json=xml"], /--json=xml/],
    [["--jobs", "0"], /--jobs 0/],
    [["--jobs", "many"], /--jobs many/],
    [["--mirror", "https://a"], /--mirror/],
    [["--mirror", "ftp://a=http://b"], /--mirror/],
    [["bundle", "import", "x.tgz", "--sha256", "abc"], /--sha256 abc/],
    [["gog", "--sha256", "0".repeat(64)], /bundle import/],
    [["gc", "gog"], /gc takes no name: gog/],
    [["list", "gog"], /list takes no name: gog/],
    [["doctor", "--repair", "gog"], /doctor takes no name: gog/],
    [["hold", "gog", "--dry-run"], /hold has no --dry-run/],
    [["unhold", "gog", "--dry-run"], /unhold has no --dry-run/],
    [["recipe", "pin", "gog.yaml", "--dry-run"], /recipe has no --dry-run/],
  ])("%j is refused", (args, message) => {
    expect(() => parse(args)).toThrow(message);
  });
});

import * as z from "zod";
import type { PlatformKey } from "../platform.ts";
import { archiveFormats } from "../recipe.ts";
import * as rules from "./rules.ts";
import { signedSchema } from "./signed.ts";
import { text } from "./text-field.ts";

/*
 * The schema of a recipe file. Validation, editor completion (recipe.schema.json) and the examples
 * in messages come from here. Checks between fields are in checks.ts.
 */

const bins = z
  .record(text(rules.binNameRule, "Program name"), text(rules.pathRule, "Path in the tree"))
  .refine((value) => Object.keys(value).length > 0, "is empty")
  .meta({
    description:
      "Program name to its path in the unpacked tree, after `strip`. A plain program is stored under this path.",
    examples: [{ gh: "bin/gh" }],
  });

const needs = z
  .array(text(rules.toolNameRule, "A recipe's name"))
  .meta({
    description: "Recipes whose programs this one needs at run time.",
    examples: [["node"]],
  })
  .optional();

const npmSource = text(
  rules.npmRule,
  "NAME@VERSION of an npm package: with `integrity` its tarball is used as an archive, with `lock` it is a JavaScript program.",
  "@vscode/ripgrep-linux-x64@1.18.0",
);

const testRun = z
  .array(z.string())
  .min(1)
  .meta({
    description: "One of bins and its arguments; exit status 0 is right.",
    examples: [["gh", "--version"]],
  });

/** A smoke test that works on files, or of which the output is known. */
export const testSchema = z
  .strictObject({
    run: testRun,
    files: z
      .record(text(rules.fileNameRule, "File name"), z.string())
      .meta({
        description: "Files of the directory in which it is run: path to text.",
        examples: [{ "in.json": '{"a": [1, 2]}' }],
      })
      .optional(),
    output: text(rules.outputRule, "Text that its stdout must contain.", "hello").optional(),
  })
  .meta({ id: "test" });

/** The origins of a source; a source has exactly one. */
export const origins = ["url", "npm", "deb", "pypi", "go"] as const;

export const sourceSchema = z
  .strictObject({
    url: text(
      rules.urlRule,
      "Literal https address of an archive or of a plain program.",
      "https://github.com/cli/cli/releases/download/v2.97.0/gh_2.97.0_linux_amd64.tar.gz",
    ).optional(),
    npm: npmSource.optional(),
    deb: text(
      rules.debRule,
      "NAME@VERSION of a Debian package, unpacked with the dependencies that `lock` lists.",
      "tmux@3.3a-3",
    ).optional(),
    pypi: text(
      rules.pypiRule,
      "NAME@VERSION of a Python program; `lock` pins its wheels and those of its dependencies. With `wheel` and `sha256` that wheel is used as an archive.",
      "nano-pdf@0.2.1",
    ).optional(),
    wheel: text(
      rules.wheelRule,
      "The wheel of `pypi` that has the program, which needs no Python.",
      "uv-0.12.5-py3-none-musllinux_1_1_x86_64.whl",
    ).optional(),
    lock: text(
      rules.lockNameRule,
      "The file beside the recipe that pins every package: of `npm` a package-lock (version 3), of `deb` and `pypi` what `recipe lock` writes.",
      "clawhub.lock.json",
    ).optional(),
    go: text(
      rules.goRule,
      "MODULE@VERSION of the Go proxy: with `sum` a program is built from it, with `sha256` its zip is used as an archive.",
      "github.com/steipete/gogcli@v0.37.0",
    ).optional(),
    package: text(
      rules.goPackageRule,
      "Directory of the program's package in the module of `go`; default its root.",
      "cmd/gog",
    ).optional(),
    sum: text(
      rules.goSumRule,
      "The module's checksum as the checksum database has it; its go.sum pins everything else.",
      "h1:dPLHVskS5y0mTFJwtebLNkBCJbpdhh5Ao2iP/m2cO/c=",
    ).optional(),
    toolchain: text(rules.goVersionRule, "Smallest Go that builds it.", "1.25").optional(),
    sha256: text(
      rules.sha256Rule,
      "sha256 of the download, 64 hexadecimal digits.",
      "a2c9b8497e1f85b1ad0dfcb78b5a622e098801b8e461e459e88e1ee12f018112",
    ).optional(),
    sha512: text(rules.sha512Rule, "sha512 of the download, 128 hexadecimal digits.").optional(),
    integrity: text(
      rules.integrityRule,
      "sha512 of the download as a registry gives it: sha512-BASE64.",
      "sha512-mQ3bVrUpnD2vs7QT0vX90Lt0cnUq467uFtEktIdsJJmW296RoSULRGqWgzG1AKxyBpNDD6l4ZO4qKf6SgyC23Q==",
    ).optional(),
    size: z
      .int()
      .min(1)
      .meta({ description: "Bytes of the download.", examples: [2095071] })
      .optional(),
    format: z
      .enum(archiveFormats)
      .meta({ description: "Needed if the URL's ending does not say it.", examples: ["tar.gz"] })
      .optional(),
    strip: z
      .int()
      .min(0)
      .max(20)
      .meta({
        description: "Leading path components to drop. Default 0; 1 for npm.",
        examples: [1],
      })
      .optional(),
    glibc: text(
      rules.glibcRule,
      "Smallest glibc that the programs start with; for a -glibc platform.",
      "2.34",
    ).optional(),
    bins: bins.optional().describe("Needed if the paths differ from the recipe's own bins."),
    version: text(
      rules.versionRule,
      "Its version, if it is older than the recipe's; `recipe bump` leaves such a source as it is.",
      "1.9",
    ).optional(),
    needs: needs.describe("What this source needs in place of the recipe's own `needs`."),
    bytecode: text(
      rules.pathRule,
      "Directory of Python modules that this tree's own python3 compiles at install.",
      "lib/python3.12",
    ).optional(),
    without: z
      .array(text(rules.pathRule, "Path in the tree"))
      .min(1)
      .meta({
        description:
          "For `npm` with `lock`: files that are left out, such as the mark of a package that completes itself at its first start.",
        examples: [["node_modules/openclaw/.openclaw-lifecycle-pending"]],
      })
      .optional(),
    signed: signedSchema.optional(),
  })
  .meta({
    id: "source",
    description: `One source: one of ${origins.map((key) => `\`${key}\``).join(", ")}, and what its bytes must be.`,
    oneOf: origins.map((key) => ({ required: [key] })),
  });

const startWord = text(rules.startWordRule, "Text; {root} is the tree's absolute path.");

const sources = z.union([
  sourceSchema,
  z.array(sourceSchema).min(1).describe("Sources of the same program, tried in order."),
]);

const platformSources = (what: string) => sources.optional().describe(what);

const artifacts = z
  .strictObject({
    "linux-x64": platformSources("x86-64, any libc: a static program."),
    "linux-x64-glibc": platformSources("x86-64 with glibc."),
    "linux-x64-musl": platformSources("x86-64 with musl."),
    "linux-arm64": platformSources("arm64, any libc: a static program."),
    "linux-arm64-glibc": platformSources("arm64 with glibc."),
    "linux-arm64-musl": platformSources("arm64 with musl."),
    any: platformSources("Wherever what the recipe `needs` runs."),
  } satisfies Record<PlatformKey, unknown>)
  .refine((value) => Object.values(value).some(Boolean), "names no platform")
  .meta({ description: "Per platform, where the program comes from." });

export const recipeSchema = z
  .strictObject({
    name: text(rules.toolNameRule, "The tool; the file is NAME.yaml.", "gh"),
    description: text(
      rules.lineRule,
      "What it is, in one line.",
      "GitHub command-line tool",
    ).optional(),
    homepage: text(
      rules.homepageRule,
      "The project's website.",
      "https://cli.github.com",
    ).optional(),
    license: text(
      rules.lineRule,
      "SPDX expression; LicenseRef-NAME where none fits.",
      "MIT",
    ).optional(),
    version: text(rules.versionRule, "The program's version, quoted.", "1.10"),
    hold: text(
      rules.rangeRule,
      "Versions that `recipe bump` does not follow, as a semver range.",
      ">=25",
    ).optional(),
    versions: text(
      rules.versionsRule,
      "Where versions are listed, if its sources do not say it: the tags of a repository (git+https://...), or a page.",
      "git+https://github.com/helm/helm",
    ).optional(),
    release: text(
      rules.debReleaseRule,
      "For `deb`: Debian's name of the release, if it is not that of the machines that make locks.",
      "trixie",
    ).optional(),
    provenance: text(
      rules.lineRule,
      "Where the digests come from, in one line.",
      "checksums.txt of the release",
    ).optional(),
    bins,
    aliases: z
      .array(text(rules.binNameRule, "A name"))
      .min(1)
      .meta({
        description:
          "Other names of the tool: if one is requested, the program is linked under it, too.",
        examples: [["ripgrep"]],
      })
      .optional(),
    test: z
      .union([testRun, testSchema])
      .meta({
        description:
          "Smoke test: one of bins and its arguments, if need be with files and what it must print. Without it nothing is run.",
        examples: [["gh", "--version"]],
      })
      .optional(),
    needs,
    data: z
      .array(text(rules.debNameRule, "A package's name"))
      .meta({
        description:
          "For `deb`: packages to include although no program is linked with them; `recipe lock` reads it.",
        examples: [["tesseract-ocr-eng"]],
      })
      .optional(),
    env: z
      .record(text(rules.envNameRule, "Variable"), startWord)
      .meta({
        description:
          "For `deb`: variables for its programs, unless the user has set them. {root} is the tree.",
        examples: [{ MAGIC: "{root}/usr/lib/file/magic.mgc" }],
      })
      .optional(),
    args: z
      .record(text(rules.binNameRule, "Program name"), z.array(startWord).min(1))
      .meta({
        description: "For `deb`: arguments before the user's own, per program. {root} is the tree.",
        examples: [{ scp: ["-S", "{root}/usr/bin/ssh"] }],
      })
      .optional(),
    setup: z
      .array(z.string())
      .min(1)
      .meta({
        description: "For `deb`: one of bins and its arguments, run once before it is published.",
        examples: [["dot", "-c"]],
      })
      .optional(),
    loader: z
      .enum(["system"])
      .meta({
        description:
          "For `deb`: start its programs with the image's own loader and glibc, because they start themselves by /proc/self/exe. Its platforms are then -glibc, with `glibc`.",
      })
      .optional(),
    artifacts,
  })
  .meta({ title: "Recipe of openclaw-install-skill-deps" });

export type RecipeDocument = z.infer<typeof recipeSchema>;
export type RecipeSource = z.infer<typeof sourceSchema>;

/** A document's smoke test in its long form; `run` is empty if there is none. */
export function testOf(written: RecipeDocument["test"] = []): z.infer<typeof testSchema> {
  return "run" in written ? written : { run: written };
}

/** The text of recipes/recipe.schema.json, for editors. */
export function recipeJsonSchema(): string {
  const schema = z.toJSONSchema(recipeSchema, { target: "draft-2020-12", io: "input" });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

import * as z from "zod";
import { isDebVersion } from "../deb-version.ts";
import { debPackageShape } from "../locks/deb-lock.ts";
import { npmPackageShape } from "../locks/npm-lock.ts";
import { isRelativePath, isVersion } from "../names.ts";
import { archiveFormats } from "../recipe.ts";
import { isRecipeKind, type RecipeKind } from "./artifacts.ts";
import { finding } from "./findings.ts";
import * as rules from "./rules.ts";
import { ruled } from "./text-field.ts";

/*
 * The recipes of a compiled catalogue that somebody else made. It was compiled from checked recipes, or says so:
 * what an installation reads of it has the same rules again. Other fields may be those of a later version.
 */

const path = z.string().refine(isRelativePath, "is not a path in its tree");
const version = z.string().refine(isVersion, "is not a version");
const names = z.array(ruled(rules.toolNameRule));
/** Not a record of zod, which passes over the name __proto__. */
const bins = z.custom<Readonly<Record<string, string>>>(
  isBins,
  "has a name or path that is not allowed",
);
const texts = z.array(z.string());

const base = {
  bins: bins.optional(),
  glibc: ruled(rules.glibcRule).optional(),
  bytecode: path.optional(),
  programVersion: version.optional(),
  needs: names.optional(),
};
const digest = z.looseObject({ hex: z.string() }); // parsed when it is read
const file = { ...base, digest, size: z.int().min(1).optional(), strip: z.int().min(0).max(20) };
const packageName = z.string().min(1);
const module = { module: z.string(), version: z.string() };
const isModule = (it: { module: string; version: string }) =>
  rules.goRule(`${it.module}@${it.version}`) === undefined;
const wheel = { name: packageName, version, file: ruled(rules.wheelRule) };

const kinds: Readonly<Record<RecipeKind, z.ZodType>> = {
  archive: z.looseObject({ ...file, url: ruled(rules.urlRule), format: z.enum(archiveFormats) }),
  "npm-package": z
    .looseObject({ ...file, name: packageName, version })
    .refine((it) => rules.npmRule(`${it.name}@${it.version}`) === undefined, "has no npm package"),
  "npm-closure": z.looseObject({
    ...base,
    name: packageName,
    version,
    packages: z.array(npmPackageShape),
    without: z.array(path).optional(),
  }),
  debian: z.looseObject({
    ...base,
    name: packageName,
    version: z.string().refine(isDebVersion, "is not a version of Debian"),
    snapshot: z.string().regex(/^\d{8}T\d{6}Z$/, "is not a time"),
    packages: z.array(debPackageShape),
    start: z.looseObject({
      env: z.record(ruled(rules.envNameRule), ruled(rules.startWordRule)),
      args: z.record(ruled(rules.binNameRule), z.array(ruled(rules.startWordRule))),
      setup: texts.optional(),
      loader: z.enum(["system"]).optional(),
    }),
  }),
  python: z.looseObject({
    ...base,
    name: packageName,
    version,
    wheels: z.array(z.looseObject({ ...wheel, size: z.int().min(1), only: texts.optional() })),
  }),
  wheel: z.looseObject({ ...file, ...wheel }),
  "go-module": z.looseObject({ ...file, ...module }).refine(isModule, "has no Go module"),
  "go-build": z
    .looseObject({
      ...base,
      ...module,
      package: ruled((text) => (text === "." ? undefined : rules.goPackageRule(text))),
      sum: ruled(rules.goSumRule),
      toolchain: ruled(rules.goVersionRule),
    })
    .refine(isModule, "has no Go module"),
};

const source = z.looseObject({ kind: z.string() }).superRefine((value, context) => {
  const { kind } = value;
  if (!isRecipeKind(kind)) {
    context.addIssue({ code: "custom", message: `has the unknown kind ${JSON.stringify(kind)}` });
    return;
  }
  for (const { path, message } of kinds[kind].safeParse(value).error?.issues ?? []) {
    context.addIssue({ code: "custom", path, message });
  }
});

const compiledRecipe = z.looseObject({
  name: ruled(rules.toolNameRule),
  description: z.string(),
  homepage: z.string(),
  license: z.string(),
  version,
  bins,
  aliases: z.array(ruled(rules.binNameRule)).optional(),
  test: texts,
  testFiles: z.record(ruled(rules.fileNameRule), z.string()).optional(),
  testOutput: z.string().optional(),
  needs: names,
  artifacts: z.record(z.string(), z.array(source)),
});

function isBins(value: unknown): boolean {
  const isPlace = ([name, at]: [string, unknown]) =>
    rules.binNameRule(name) === undefined && typeof at === "string" && isRelativePath(at);
  return typeof value === "object" && value !== null && Object.entries(value).every(isPlace);
}

/** The first thing that is wrong with a recipe of a compiled catalogue: `zog: artifacts.any[0].url must ...`. */
export function compiledProblem(recipe: { readonly name: string }): string | undefined {
  const [issue] = compiledRecipe.safeParse(recipe).error?.issues ?? [];
  if (issue === undefined) return undefined;
  const { message } = finding(issue.path as (string | number)[], issue.message);
  return `${JSON.stringify(recipe.name)}: ${message}`;
}

/** The workflows: GitHub's own schema, pinned actions, and who may write what. */
import { readdirSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { repository } from "../support/workplace.ts";

// The parser imports its schemas without saying that they are JSON, which Node asks for.
const hooks = registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});
const { NoOperationTraceWriter, parseWorkflow } = await import("@actions/workflow-parser");
hooks.deregister();

type Permissions = Record<string, string>;
interface Step {
  uses?: string;
  run?: string;
  env?: Record<string, string>;
}
interface Job {
  if?: string;
  needs?: string | string[];
  permissions?: Permissions;
  uses?: string;
  steps?: Step[];
}
interface Workflow {
  permissions?: Permissions;
  jobs: Record<string, Job>;
}

const directory = join(repository, ".github/workflows");
const names = readdirSync(directory);
const textOf = (name: string): string => readFileSync(join(directory, name), "utf8");
const read = (name: string): Workflow => parse(textOf(name));
const steps = (workflow: Workflow): Step[] =>
  Object.values(workflow.jobs).flatMap((job) => job.steps ?? []);

describe.each(names)("%s", (name) => {
  test("is what GitHub takes for a workflow", () => {
    const errorsOf = (content: string): string[] =>
      parseWorkflow({ name, content }, new NoOperationTraceWriter())
        .context.errors.getErrors()
        .map(String);
    expect(errorsOf(textOf(name))).toEqual([]);
    expect(errorsOf(textOf(name).replace("runs-on:", "runs-at:"))).not.toEqual([]);
  });

  test("takes no text of others into a script", () => {
    for (const { run } of steps(read(name))) expect(run ?? "").not.toContain("${{");
  });
});

test("an action is named by its commit, with its version, and by the same in all workflows", () => {
  const commits = new Map<string, Set<string>>();
  for (const line of names.flatMap((name) => textOf(name).split("\n"))) {
    const [, used] = /^\s*(?:- )?uses: (.*)$/.exec(line) ?? [];
    if (used === undefined || used.startsWith("./")) continue;
    expect(used).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const [action = "", commit = ""] = used.split("@");
    commits.set(action, (commits.get(action) ?? new Set()).add(commit));
  }
  expect(commits.size).toBeGreaterThan(5);
  for (const [action, found] of commits) expect([action, found.size]).toEqual([action, 1]);
});

test("CI runs .ci/run", () => {
  expect(steps(read("ci.yml")).map(({ run }) => run)).toContainEqual(
    expect.stringMatching(/ \.ci\/run$/),
  );
});

describe("rights", () => {
  const release = read("release.yml");
  const beyondReading = Object.entries(release.jobs).filter(([, { permissions = {} }]) =>
    Object.values(permissions).includes("write"),
  );

  test("are to read, but for the jobs that publish", () => {
    for (const name of ["ci.yml", "release.yml", "recipes.yml"])
      expect(read(name).permissions).toEqual({ contents: "read" });
    for (const name of ["ci.yml", "image.yml"])
      for (const job of Object.values(read(name).jobs)) expect(job.permissions).toBeUndefined();
    expect(Object.fromEntries(beyondReading.map(([id, job]) => [id, job.permissions]))).toEqual({
      image: { contents: "read", packages: "write" },
      npm: { "id-token": "write" },
      "image-index": { packages: "write", "id-token": "write", attestations: "write" },
      "github-release": { contents: "write" },
    });
  });

  test("of the job that runs what it has downloaded are to read; the one that writes runs nothing of it", () => {
    const { permissions, jobs } = read("recipes.yml");
    const { bump, "pull-requests": pullRequests, ...more } = jobs;
    expect([permissions, bump?.permissions, more]).toEqual([{ contents: "read" }, undefined, {}]);
    expect(pullRequests?.permissions).toEqual({ contents: "write", "pull-requests": "write" });
    const scripts = (job?: Job) => (job?.steps ?? []).map(({ run }) => run ?? "").join("\n");
    expect(scripts(bump)).toMatch(/bump-recipes\.ts try/);
    const { steps = [], ...rest } = bump ?? {};
    const tried = steps.filter(({ run }) => run?.includes("bump-recipes.ts try"));
    expect(tried.map(({ env }) => env)).toEqual([{ GITHUB_TOKEN: "${{ github.token }}" }]);
    const others = steps.filter((step) => !tried.includes(step));
    expect(JSON.stringify([rest, others])).not.toMatch(/token/i);
    expect(JSON.stringify(bump)).not.toMatch(/secrets/);
    expect(scripts(pullRequests)).not.toMatch(/npm |bump-recipes\.ts try|openclaw-install/);
    for (const job of [bump, pullRequests])
      expect(job?.steps?.[0]).toMatchObject({ with: { "persist-credentials": false } });
  });

  test("to write come after the tests, which a pull request skips", () => {
    const needs = (id: string): string[] => [release.jobs[id]?.needs ?? []].flat();
    const allNeeds = (id: string): string[] => needs(id).flatMap((it) => [it, ...allNeeds(it)]);
    expect(release.jobs.tests?.if).toBe("github.event_name == 'push'");
    for (const [id] of beyondReading) expect(allNeeds(id), id).toContain("tests");
  });
});

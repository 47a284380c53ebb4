/** What is granted to agents, what is refused, and what has to wait. */
import { describe, expect, test } from "vitest";
import { emptyManifest, type Manifest, type VerifiedRecord } from "../../src/core/manifest.ts";
import { answersOf, renderAnswer } from "../../src/core/plan/agent-answers.ts";
import {
  type AgentLog,
  emptyAgentLog,
  parseAgentLog,
  renderAgentLog,
} from "../../src/core/plan/agent-log.ts";
import {
  agentLimits,
  chooseRequests,
  judgeRequests,
  type Verdict,
} from "../../src/core/plan/agent-requests.ts";
import type { Plan, Requirement } from "../../src/core/plan/plan.ts";
import type { Catalogue, Recipe } from "../../src/core/recipe.ts";

const minute = 60_000;
const now = Date.UTC(2026, 0, 2);

function recipe(name: string, aliases: string[] = []): Recipe {
  return {
    name,
    description: name,
    homepage: "https://example.test",
    license: "MIT",
    version: "1.0.0",
    bins: { [name]: `bin/${name}` },
    aliases,
    test: [],
    needs: [],
    artifacts: {},
    origin: "bundled",
  };
}

const many = Array.from({ length: 80 }, (_, i) => `tool-${String(i).padStart(2, "0")}`);
const all = [
  recipe("rg", ["ripgrep"]),
  recipe("jq"),
  recipe("arm-only"),
  ...many.map((it) => recipe(it)),
];
const catalogue: Catalogue = {
  recipes: new Map(all.map((one) => [one.name, one])),
  providers: new Map([...all.map(({ name }) => [name, name] as const), ["ripgrep", "rg"]]),
};

function record(tool: string, size = 1): VerifiedRecord {
  const dir = `lib/${tool}/1.0.0-0123456789ab`;
  return {
    tool,
    version: "1.0.0",
    key: "0123456789ab",
    dir,
    source: { kind: "archive", from: "https://example.test", digest: "sha256:00", size },
    bins: { [tool]: { path: `${dir}/${tool}`, size: 1 } },
    needs: [],
    license: "MIT",
    recipe: "bundled",
    installedAt: "2026-01-01T00:00:00.000Z",
    contents: "ab".repeat(32),
    sealed: "0",
  };
}

function volume(tools: readonly VerifiedRecord[], requested: readonly string[]): Manifest {
  const byName = Object.fromEntries(tools.map((one) => [one.tool, one]));
  return { ...emptyManifest("linux-x64-glibc"), tools: byName, requested: [...requested] };
}

/** Each tool is a download of 100 MB; arm-only has nothing for this platform. */
function planOf(requirements: readonly Requirement[]): Plan {
  const bins = requirements.flatMap((it) => it.bins);
  const unmet = bins.includes("arm-only")
    ? [
        {
          bin: "arm-only",
          for: [],
          reason: "it has nothing for this",
          problem: "E_NO_BUILD" as const,
        },
      ]
    : [];
  const steps = [...new Set(requirements.map((it) => it.for))].map((tool) => ({
    action: "install" as const,
    tool,
    version: "1.0.0",
    reason: "missing" as const,
    size: 100_000_000,
    bins,
    needs: [],
    for: [],
    artifacts: [],
  }));
  return { platform: "linux-x64-glibc", steps, unmet, bins: {} };
}

interface Given {
  readonly odd?: ReadonlyMap<string, string>;
  readonly manifest?: Manifest;
  readonly log?: Partial<AgentLog>;
}

function judged(names: readonly string[], given: Given = {}): Verdict[] {
  const { odd = new Map<string, string>(), manifest = volume([], []) } = given;
  const log = { ...emptyAgentLog, ...given.log };
  return judgeRequests({ names, odd, manifest, catalogue, log, now, planOf });
}

const states = (verdicts: readonly Verdict[]) => verdicts.map(({ state }) => state);
const attempts = (count: number, ago: number) =>
  many.slice(0, count).map((tool) => ({ tool, at: now - ago }));

describe("a name of the catalogue", () => {
  test("is granted, also by an alias", () => {
    expect(judged(["jq", "ripgrep"])).toMatchObject([
      { state: "granted", tool: "jq", isNew: true, requirement: { bins: ["jq"], inVolume: true } },
      { state: "granted", tool: "rg", isNew: true, requirement: { bins: ["rg", "ripgrep"] } },
    ]);
  });

  test("two names of one tool count once", () => {
    expect(judged(["rg", "ripgrep"])).toMatchObject([
      { state: "granted", isNew: true },
      { state: "granted", isNew: false },
    ]);
  });

  test("what is there by name already does not count", () => {
    const manifest = volume([record("jq")], ["jq"]);
    const log = { attempts: attempts(30, 30 * minute) };
    expect(judged(["jq"], { manifest, log })).toMatchObject([{ state: "granted", isNew: false }]);
  });
});

describe("refused", () => {
  test.each([
    ["an unknown name", ["ripgrap"], {}, "E_UNKNOWN_NAME", "Did you mean ripgrep?"],
    ["one that is like nothing", ["quux-quux"], {}, "E_UNKNOWN_NAME", undefined],
    ["not for this platform", ["arm-only"], {}, "E_NO_BUILD", undefined],
    ["a link", ["jq"], { odd: new Map([["jq", "a link"]]) }, "E_REQUEST_REFUSED", undefined],
    [
      "removed by the operator",
      ["jq"],
      { log: { granted: ["jq"] } },
      "E_REQUEST_REFUSED",
      undefined,
    ],
  ])("%s", (_, names, given, problem, hint) => {
    const [verdict] = judged(names, given);
    expect(verdict).toMatchObject({ state: "refused", problem });
    expect(verdict && "hint" in verdict ? verdict.hint : undefined).toBe(hint);
  });

  test("more tools than the volume may have by requests", () => {
    const tools = many.slice(0, agentLimits.tools);
    const manifest = volume(
      tools.map((it) => record(it)),
      tools,
    );
    expect(judged(["jq"], { manifest, log: { granted: tools } })).toMatchObject([
      { state: "refused", problem: "E_REQUEST_LIMIT" },
    ]);
    const removed = volume(
      tools.slice(1).map((it) => record(it)),
      tools.slice(1),
    );
    expect(states(judged(["jq"], { manifest: removed, log: { granted: tools } }))).toEqual([
      "granted",
    ]);
  });

  test("more bytes than they may have", () => {
    const manifest = volume([record("rg", agentLimits.bytes - 150_000_000)], ["rg"]);
    const verdicts = judged(["jq", "tool-00"], { manifest, log: { granted: ["rg"] } });
    expect(states(verdicts)).toEqual(["granted", "refused"]);
  });
});

describe("waiting", () => {
  test("beyond the limit of a run", () => {
    const verdicts = judged(many.slice(0, agentLimits.perRun + 2));
    expect(states(verdicts)).toEqual([
      ...Array(agentLimits.perRun).fill("granted"),
      "waiting",
      "waiting",
    ]);
  });

  test.each([
    ["an hour", 10, 30 * minute, 61 * minute],
    ["a day", 30, 23 * 60 * minute, 25 * 60 * minute],
    ["an hour, by a clock that is ahead", 10, -30 * minute, -61 * minute],
  ])("beyond the limit of %s", (_, count, within, later) => {
    const [verdict] = judged(["jq"], { log: { attempts: attempts(count, within) } });
    expect(verdict).toMatchObject({ state: "waiting", problem: "E_REQUEST_LIMIT" });
    expect(states(judged(["jq"], { log: { attempts: attempts(count - 1, within) } }))).toEqual([
      "granted",
    ]);
    expect(states(judged(["jq"], { log: { attempts: attempts(count, later) } }))).toEqual([
      "granted",
    ]);
  });

  test.each([
    ["with its problem", "E_HTTP_FORBIDDEN", "E_HTTP_FORBIDDEN"],
    ["a run that was killed", undefined, "E_STOPPED"],
    ["a problem that this version does not know", "E_SOMETHING_NEW", "E_STOPPED"],
  ])("what failed minutes ago: %s", (_, problem, said) => {
    const attempt = (at: number) => [{ tool: "jq", at, ...(problem && { problem }) }];
    const log = { attempts: attempt(now - 9 * minute) };
    expect(judged(["jq"], { log })).toMatchObject([{ state: "waiting", problem: said }]);
    const before = { attempts: attempt(now - 11 * minute) };
    expect(states(judged(["jq"], { log: before }))).toEqual(["granted"]);
  });
});

test("of very many names those of the catalogue are answered", () => {
  const noise = Array.from({ length: 1000 }, (_, i) => `0-${i}`);
  const chosen = chooseRequests([...noise, "rg", "jq"], catalogue);
  expect(chosen).toHaveLength(agentLimits.answered);
  expect(chosen.slice(0, 3)).toEqual(["jq", "rg", "0-0"]);
});

describe("the log", () => {
  test("keeps a day, each tool once", () => {
    const log: AgentLog = {
      schema: 1,
      attempts: [...attempts(1, 25 * 60 * minute), { tool: "jq", at: now }],
      granted: ["rg", "jq", "rg"],
    };
    expect(parseAgentLog(renderAgentLog(log, now))).toEqual({
      schema: 1,
      attempts: [{ tool: "jq", at: now }],
      granted: ["jq", "rg"],
    });
  });

  test("counts also with what a later version adds", () => {
    const later = {
      schema: 1,
      attempts: [{ tool: "jq", at: now, later: 1 }],
      granted: ["jq"],
      later: 1,
    };
    expect(parseAgentLog(JSON.stringify(later))).toEqual(later);
  });

  test.each([
    "",
    "{",
    "[]",
    '{"schema":2,"attempts":[],"granted":[]}',
    '{"schema":1,"granted":["../x"]}',
  ])("%j is none", (text) => expect(parseAgentLog(text)).toEqual(emptyAgentLog));
});

describe("answers", () => {
  const texts = (verdicts: readonly Verdict[], manifest: Manifest, problems = new Map()) =>
    answersOf(verdicts, manifest, problems).map((it) => renderAnswer(it, "/opt/openclaw"));

  test("granted: the version, the programs and how to call them", () => {
    const [text] = texts(judged(["jq"]), volume([record("jq")], ["jq"]));
    expect(text).toBe(
      "granted: jq 1.0.0\nprograms: jq\nTo call one: sh -lc 'jq --help', or /opt/openclaw/bin/jq --help\n",
    );
  });

  test("an installation that failed: its cause, without the message", () => {
    const [text] = texts(judged(["jq"]), volume([], []), new Map([["jq", "E_HTTP_FORBIDDEN"]]));
    expect(text).toMatch(
      /^waiting: the server requires credentials .*\[E_HTTP_FORBIDDEN\]\n.*by itself/,
    );
  });

  test("refused", () => {
    const [text] = texts(judged(["ripgrap"]), volume([], []));
    expect(text).toMatch(
      /^refused: no tool .*\[E_UNKNOWN_NAME\]\nDid you mean ripgrep\?\nOnly the operator/,
    );
  });
});

/** Which words of the READMEs are commands, and who runs those that `npm test` cannot run. */
import type { Block, Page } from "./pages.ts";

/** Languages of code blocks whose lines are commands, or have some behind `$ `. */
const shells = ["sh", "console"];
/** Languages that a block may have; the others hold no command. */
export const languages = [...shells, "json5", "yaml", "dockerfile", "text"];

/** The programs that a code span begins with if it is a command. */
const programs =
  /^([A-Z_]+=\S+ )*(npm|npx|docker|podman|openclaw|openclaw-install-skill-deps|sudo|sh|man|apt-get) |^\.ci\/run$/;

/** What `recipe new` prints for a console block, and the like. */
interface Typed {
  readonly line: string;
  /** What the page says that it prints; undefined where it does not say. */
  readonly output?: string;
}

/** The commands of a block. */
export function typedIn({ lang, text }: Block): Typed[] {
  if (lang === "console")
    return text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [line = "", ...output] = part.trimEnd().split("\n");
        return { line, output: output.join("\n") };
      });
  if (lang !== "sh") return [];
  const lines = text.split("\n").map((line) => line.replace(/\s+#.*$/, ""));
  return lines.filter((line) => line !== "").map((line) => ({ line }));
}

/** All commands of a page: those of its blocks in their order, then those that its text names. */
export function commandsOf({ blocks, spans }: Page): Typed[] {
  const named = spans.filter((span) => programs.test(span));
  return [...blocks.flatMap(typedIn), ...[...new Set(named)].map((line) => ({ line }))];
}

interface Elsewhere {
  /** The whole command. */
  readonly command: RegExp;
  /** The file of the suite that runs it. */
  readonly suite: string;
  /** How that file says it; `$1` is the first group of `command`. */
  readonly as: string;
}

/** Commands that need a network, a container engine or OpenClaw, or that run tests: who runs each. */
export const elsewhere: readonly Elsewhere[] = [
  { command: /^npm ci && npm start$/, suite: "test/live/registry.test.ts", as: "`npm start`" },
  {
    command: /^echo '\{\}' >~\/\.openclaw\/skill-deps\.json$/,
    suite: "test/openclaw/notify.test.ts",
    as: '".openclaw/skill-deps.json"), "{}")',
  },
  { command: /^npm start$/, suite: "test/live/registry.test.ts", as: "`npm start`" },
  { command: /^npm ci$/, suite: ".ci/run", as: "npm ci" },
  {
    command: /^npm run build$/,
    suite: "package.json",
    as: '"test": "npm run --silent build &&',
  },
  { command: /^npm test$/, suite: ".ci/run", as: "npm test" },
  {
    command: /^OPENCLAW_SKILL_CORPUS=FILE npm test$/,
    suite: ".ci/run",
    as: "export OPENCLAW_SKILL_CORPUS",
  },
  {
    command:
      /^npm run (lint|types|test:commands|test:live|test:reliability|test:containers|test:openclaw)$/,
    suite: ".ci/run",
    as: "npm run --silent $1",
  },
  {
    command: /^npm run test:reliability -- "(file systems)"$/,
    suite: "test/reliability/filesystems.cases.ts",
    as: "$1",
  },
  {
    command: /^docker build -f Dockerfile\.example --target (\w+) .*$/,
    suite: "test/containers/images.sh",
    as: "$1",
  },
  {
    command: /^install -d -o 1000 -g 1000 \/srv\/openclaw-volume$/,
    suite: "test/containers/from-nothing.test.ts",
    as: 'type("once,")',
  },
  {
    command: /^openclaw doctor --fix$/,
    suite: "test/openclaw/doctor.test.ts",
    as: '"doctor", "--fix"',
  },
  {
    command: /^openclaw sandbox recreate --all --force$/,
    suite: "test/openclaw/turns.test.ts",
    as: '"sandbox", "recreate", "--all", "--force"',
  },
  {
    command: /^openclaw gateway install$/,
    suite: "test/openclaw/readme.test.ts",
    as: "$&` makes it",
  },
  {
    command: /^docker compose up -d$/,
    suite: "test/containers/from-nothing.test.ts",
    as: 'type("then,")',
  },
  {
    command: /^openclaw-install-skill-deps (watch|health|--watch -- CMD)$/,
    suite: "test/e2e/watch.test.ts",
    as: '"watch", "--interval"',
  },
  {
    command: /^man openclaw-install-skill-deps$/,
    suite: "test/e2e/package.test.ts",
    as: "share/man/man1/openclaw-install-skill-deps.1",
  },
  {
    command: /^openclaw skill-deps doctor$/,
    suite: "test/openclaw/plugin.test.ts",
    as: '["skill-deps", "doctor"]',
  },
  {
    command: /^openclaw gateway call skilldeps\.status$/,
    suite: "test/openclaw/plugin.test.ts",
    as: 'call("skilldeps.status")',
  },
  { command: /^sh -lc gog$/, suite: "test/openclaw/settings.test.ts", as: 'turn("gog")' },
  { command: /^sh -c true$/, suite: "test/bench/steady.ts", as: "sh -c true" },
];

/** Scripts of package.json that a person runs for what they measure or do: they are suites themselves. */
export const byHand =
  /^npm run (bench|test:arm64|test:gvisor|test:recipes|test:reliability|test:second|test:skills|test:soak)( -- --\w+)?$|^\.ci\/run$/;

/**
 * Configurations of OpenClaw by files and variables, and the skills outside its own that it then sees. Our
 * command and the real OpenClaw are both tried on them.
 */
const config = ".openclaw/openclaw.json";
const byVariable = "skills: { load: { extraDirs: ['$" + "{DIR}'] } }";
const byHome = "skills: { load: { extraDirs: ['$" + "{HOME}/one'] } }";
const extra = (...dirs: string[]) =>
  `{ skills: { load: { extraDirs: ${JSON.stringify(dirs.map((dir) => `~/${dir}`))} } } }`;
const skill = (name: string) =>
  `---\nname: ${name}\ndescription: d\nmetadata: {"openclaw":{"requires":{"bins":["zog"]}}}\n---\n`;

type Texts = Readonly<Record<string, string>>;

/** Below the home. */
export const configSkills: Texts = {
  "one/one/SKILL.md": skill("one"),
  "two/two/SKILL.md": skill("two"),
  "w/skills/in-workspace/SKILL.md": skill("in-workspace"),
};
/** What it is, files below the home (`{home}` in them is its path), the skills, variables. */
export const configCases: [what: string, files: Texts, skills: string[], env?: Texts][] = [
  [
    "$include",
    { [config]: "{ $include: './more.json5' }", ".openclaw/more.json5": extra("one") },
    ["one"],
  ],
  [
    "$include in a section, and in what it includes",
    {
      [config]: "{ skills: { load: { $include: 'sub/a.json5' } } }",
      ".openclaw/sub/a.json5": "{ $include: './b.json5' }",
      ".openclaw/sub/b.json5": "{ extraDirs: ['~/one'] }",
    },
    ["one"],
  ],
  [
    "$include of several files: lists are joined",
    {
      [config]: "{ $include: ['a.json5', 'b.json5'], skills: { load: { watch: true } } }",
      ".openclaw/a.json5": extra("one"),
      ".openclaw/b.json5": extra("two"),
    },
    ["one", "two"],
  ],
  [
    "$include of a list",
    {
      [config]: "{ skills: { load: { extraDirs: { $include: 'a.json' } } } }",
      ".openclaw/a.json": '["~/one"]',
    },
    ["one"],
  ],
  [
    "env is included, too",
    {
      [config]: `{ env: { $include: 'a.json5' }, ${byVariable} }`,
      ".openclaw/a.json5": "{ vars: { DIR: '~/one' } }",
    },
    ["one"],
  ],
  [
    "a variable in a variable is not replaced",
    { [config]: `{ env: { vars: { A: '~/one', DIR: '$\{A}' } }, ${byVariable} }` },
    [],
  ],
  ["env.vars sets no home", { [config]: `{ env: { vars: { HOME: '/x' } }, ${byHome} }` }, ["one"]],
  [
    "a process's empty variable is none to env.vars",
    { [config]: `{ env: { vars: { DIR: '~/one' } }, ${byVariable} }` },
    ["one"],
    { DIR: "" },
  ],
  [
    "… but is one to .env",
    { [config]: `{ ${byVariable} }`, ".openclaw/.env": "DIR=~/one\n" },
    [],
    { DIR: "" },
  ],
  ["env.vars", { [config]: `{ env: { vars: { DIR: '~/one' } }, ${byVariable} }` }, ["one"]],
  [
    ".env of the state",
    { [config]: `{ ${byVariable} }`, ".openclaw/.env": "export DIR='~/one' # it\n" },
    ["one"],
  ],
  [
    "… which counts more than env.vars",
    {
      [config]: `{ env: { vars: { DIR: '~/two' } }, ${byVariable} }`,
      ".openclaw/.env": "DIR=~/one\n",
    },
    ["one"],
  ],
  [
    "… and less than the process",
    { [config]: `{ ${byVariable} }`, ".openclaw/.env": "DIR=~/two\n" },
    ["one"],
    { DIR: "~/one" },
  ],
  [
    ".env where it is started comes first",
    { [config]: `{ ${byVariable} }`, ".env": "DIR=~/one\n", ".openclaw/.env": "DIR=~/two\n" },
    ["one"],
  ],
  [
    "gateway.env comes last",
    { [config]: `{ ${byVariable} }`, ".config/openclaw/gateway.env": "DIR=~/one\n" },
    ["one"],
  ],
  [
    "another state directory has its own, and no gateway.env",
    {
      "s/openclaw.json": `{ ${byVariable} }`,
      ".openclaw/.env": "DIR=~/two\n",
      ".config/openclaw/gateway.env": "DIR=~/two\n",
    },
    [],
    { OPENCLAW_STATE_DIR: "~/s" },
  ],
  [
    ".env beside another openclaw.json",
    { "c/o.json": `{ ${byVariable} }`, "c/.env": "DIR=~/one\n" },
    ["one"],
    { OPENCLAW_CONFIG_PATH: "~/c/o.json" },
  ],
  [
    ".env names openclaw.json",
    {
      [config]: extra("two"),
      "c/o.json": extra("one"),
      ".openclaw/.env": "OPENCLAW_CONFIG_PATH=~/c/o.json\n",
    },
    ["one"],
  ],
  [
    ".env names the workspace",
    { [config]: "{}", ".openclaw/.env": "OPENCLAW_WORKSPACE_DIR={home}/w\n" },
    ["in-workspace"],
  ],
  [
    "OPENCLAW_INCLUDE_ROOTS",
    { [config]: "{ $include: '../i/more.json5' }", "i/more.json5": extra("one") },
    ["one"],
    { OPENCLAW_INCLUDE_ROOTS: "~/i" },
  ],
];

import { sha256Hex } from "./digest.ts";
import type { ErrorCode } from "./errors.ts";
import { commandName } from "./layout.ts";
import { plural } from "./wording.ts";

/**
 * The status skill: a SKILL.md in OpenClaw's state directory that tells which programs of the skills are
 * there. A gateway offers its sessions a skill whose program has appeared only after some SKILL.md has
 * changed, and this is one that may change. It is kept out of prompts.
 */
export const statusSkill = {
  /** Its directory's name, and its own. */
  name: "skill-deps-status",
  /** Far more than it ever has (bytes). */
  maxBytes: 64 * 1024,
} as const;

/** What identifies it: the same bytes at the start of each one that was ever written. */
export const statusHead = `---
name: ${statusSkill.name}
description: Which programs of the skills are there, which are missing and why, and how to get them. Written by ${commandName}.
disable-model-invocation: true
user-invocable: false
---
`;

/** True for the text of a status skill. It requires nothing, so ignoring one hides no requirement. */
export function isStatusSkill(text: string): boolean {
  return text.startsWith(statusHead);
}

/** The state of a program that a skill requires. */
export type ProgramStatus = { readonly name: string } & (
  | { readonly state: "installed"; readonly version: string }
  /** Outside the volume, on the PATH of the host that wrote this. */
  | { readonly state: "on PATH" }
  | {
      readonly state: "missing";
      readonly reason: string;
      /** The reason's code; `failed` for any failure that is tried again. */
      readonly problem: ErrorCode | "failed";
    }
);

/** A skill that requires programs. */
export interface SkillStatus {
  readonly skill: string;
  readonly programs: readonly ProgramStatus[];
}

/** What a status skill tells. */
export interface StatusFacts {
  readonly prefix: string;
  /** Where agents may ask for tools: `--requests`, absolute. */
  readonly requests?: string | undefined;
  readonly skills: readonly SkillStatus[];
}

/**
 * Identifies the availability that a text tells: the same for the same programs, versions and codes,
 * whatever the words. 16 hex digits.
 */
export function keyOfStatus({ prefix, requests = "", skills }: StatusFacts): string {
  const told = skills.map(({ skill, programs }) => [
    skill,
    programs.map((it) => [it.name, it.state, toldOf(it)]).sort(),
  ]);
  return sha256Hex(JSON.stringify([prefix, requests, told.sort()])).slice(0, 16);
}

function toldOf(status: ProgramStatus): string {
  if (status.state === "installed") return status.version;
  return status.state === "missing" ? status.problem : "";
}

/** The key in a status skill's text; undefined if it has none, as in one that was cut short. */
export function keyInStatus(text: string): string | undefined {
  return /\n<!-- availability ([0-9a-f]{16}) -->\n$/.exec(text)?.[1];
}

/** Bytes of the list that is written; the rest of the text is far smaller than what remains. */
const maxList = 54 * 1024;

/** The whole SKILL.md. What is missing comes first, and is cut last. */
export function renderStatusSkill(facts: StatusFacts): string {
  const { prefix, requests, skills } = facts;
  const inOrder = [...skills].sort((a, b) => (a.skill < b.skill ? -1 : 1));
  const isMissing = ({ programs }: SkillStatus) => programs.some((it) => it.state === "missing");
  const lacking = inOrder.filter(isMissing);
  const whole = inOrder.filter((it) => !isMissing(it));
  const missing = limited(lacking.map(renderSkill), maxList);
  const room = maxList - Buffer.byteLength(missing.join("\n"));
  const there = limited(whole.map(renderSkill), room);
  const sections = [
    `# Programs of the skills\n\nSkills and MCP servers with all programs that they require: ${whole.length} of ${skills.length}. The programs are in ${plainText(`${prefix}/bin`, 300)}.`,
    ...(missing.length > 0
      ? [`## Missing\n\n${missing.join("\n")}`, howToGet(lacking, prefix)]
      : []),
    ...(requests === undefined ? [] : [howToAsk(requests)]),
    ...(there.length > 0 ? [`## Available\n\n${there.join("\n")}`] : []),
    `${commandName} writes this file when a program became available or unavailable, so that running sessions see it. Changes to it are lost.`,
    `<!-- availability ${keyOfStatus(facts)} -->`,
  ];
  return `${statusHead}\n${sections.join("\n\n")}\n`;
}

/** The first lines that fit, and how many there are more. */
function limited(lines: readonly string[], most: number): string[] {
  let bytes = 0;
  const kept = lines.filter((line) => {
    const size = Buffer.byteLength(line) + 1;
    const fits = bytes + size <= most;
    if (fits) bytes += size;
    return fits;
  });
  const more = lines.length - kept.length;
  return more === 0
    ? kept
    : [...kept, `- and ${plural(more, "more skill")}: run \`${commandName} requirements\``];
}

/** As many programs as any real skill has. */
const maxPrograms = 40;

function renderSkill({ skill, programs }: SkillStatus): string {
  const missingFirst = [...programs].sort(
    (a, b) => Number(b.state === "missing") - Number(a.state === "missing"),
  );
  const shown = missingFirst.slice(0, maxPrograms).map(renderProgram);
  const more = programs.length - shown.length;
  return `- **${plainText(skill, 64)}**: ${[...shown, ...(more > 0 ? [`${more} more`] : [])].join("; ")}`;
}

function renderProgram(status: ProgramStatus): string {
  const name = plainText(status.name, 100);
  switch (status.state) {
    case "installed":
      return `${name} ${plainText(status.version, 100)}`;
    case "on PATH":
      return `${name} (outside the volume)`;
    default: {
      const { problem } = status;
      const code = problem === "failed" ? "" : ` (${plainText(problem, 50)})`;
      return `${name} is missing: ${plainText(withoutHomes(status.reason), 300)}${code}`;
    }
  }
}

function howToGet([first]: readonly SkillStatus[], prefix: string): string {
  const program = first?.programs.find(({ state }) => state === "missing")?.name ?? "";
  const [bin, skill] = [plainText(program, 100), plainText(first?.skill ?? "", 64)];
  const volume = plainText(prefix, 300);
  return `## How to get what is missing

- **The operator** runs \`${commandName} doctor\` where ${volume} can be written: it says why a program is missing, and what to do. \`${commandName}\` installs what can be installed.
- **An agent** cannot install programs by itself, and need not try. Tell your user what is missing and who can add it, such as: "${skill} needs the program ${bin}, which is not installed. The operator of this gateway can run ${commandName} doctor, which says why."`;
}

function howToAsk(requests: string): string {
  const dir = plainText(requests, 300);
  return `## How an agent can ask for a tool

Create an empty file in the directory of requests, named after a tool of the catalogue, such as jq. After a few seconds, jq.answer beside it tells what came of it. The directory is ${dir} for the operator; a sandbox may have it at another path.`;
}

/**
 * A text by somebody else as plain text of one line: no markup, no control, no invisible character. It is cut
 * after `most` characters.
 */
export function plainText(text: string, most: number): string {
  const line = withoutSecrets(text)
    .normalize("NFC")
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  const letters = [...line];
  const cut = letters.length > most ? [...letters.slice(0, most - 3), "..."] : letters;
  return cut.join("").replaceAll(/[\\`*_{}[\]<>#|!&~$]/g, "\\$&");
}

/** Addresses without user, password and query. */
function withoutSecrets(text: string): string {
  return text.replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/@]*@)?([^\s?#]*)[?#]?\S*/gi, "$1$2");
}

/** Of no use to readers on other machines, and nobody else's business. */
function withoutHomes(text: string): string {
  return text.replaceAll(/\/(?:home|root|Users)\b[^\s,;:)"']*/g, "(a path)");
}

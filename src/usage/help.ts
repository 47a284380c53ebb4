/**
 * The output of `help`, `help COMMAND` and `--help`, generated from the tables of commands and
 * options.
 */

import { UserError } from "../core/errors.ts";
import { didYouMean, nearest } from "../core/wording.ts";
import { type Command, commands, commandWords, exitStatuses, program } from "./commands.ts";
import { type Option, type OptionName, options, optionWords, variables } from "./options.ts";

const width = 100;
const purpose = "Keeps the programs that OpenClaw skills need in a persistent volume.";

/** All commands, options and variables. */
export function renderHelp(): string {
  const rows = commands.map((command) => [commandWords(command), command.summary] as const);
  const names = Object.keys(options) as OptionName[];
  return [
    `${purpose}\n`,
    `usage: ${program} [COMMAND] [OPTION...]\n`,
    section("commands", rows),
    section("options", optionRows(names)),
    section("environment", Object.entries(variables)),
    section(
      "exit status",
      exitStatuses.map((text, status) => [`${status}`, text] as const),
    ),
    `${program} help COMMAND shows details.\n`,
  ].join("\n");
}

/**
 * One command, or all of a verb: `["bundle"]`, `["bundle", "export"]`. Throws a UserError (`usage`)
 * if there is none.
 */
export function renderTopic(words: readonly string[]): string {
  const found = commandsCalled(words);
  if (found.length === 0) {
    const known = commands.map(({ verb }) => verb);
    const near = nearest(words[0] ?? "", known);
    throw new UserError("E_USAGE", `help ${words.join(" ")}: no such command`, {
      hint: didYouMean(near && `help ${near}`, `Run ${program} help.`),
    });
  }
  return found.map(renderCommand).join("\n");
}

/** Commands with this verb, or verb and second word; further words are ignored. */
function commandsCalled([verb, sub]: readonly string[]): readonly Command[] {
  const ofVerb = commands.filter((command) => command.verb === verb);
  const exact = ofVerb.filter((command) => command.sub !== undefined && command.sub === sub);
  return exact.length > 0 ? exact : ofVerb;
}

function renderCommand(command: Command): string {
  const { summary, details, options: names } = command;
  const parts = [`usage: ${program} ${commandWords(command)}\n\n${wrapped(sentence(summary), 0)}`];
  if (details !== undefined) parts.push(wrapped(details, 0));
  if (names.length > 0) parts.push(section("options", optionRows(names)));
  return parts.join("\n");
}

export function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function optionRows(names: readonly OptionName[]): (readonly [string, string])[] {
  return names.map((name) => {
    const { text, env }: Option = options[name];
    return [optionWords(name), env === undefined ? text : `${text} [${env}]`];
  });
}

/** A heading and rows of two columns; a first column that is too wide gets its own line. */
function section(heading: string, rows: readonly (readonly [string, string])[]): string {
  const column = Math.min(30, Math.max(...rows.map(([left]) => left.length)) + 4);
  const lines = rows.map(([left, right]) => {
    const text = wrapped(right, column);
    const head = `  ${left}`;
    return head.length + 2 <= column ? head + text.slice(head.length) : `${head}\n${text}`;
  });
  return `${heading}:\n${lines.join("")}`;
}

/** Lines of at most `width` characters, each indented. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (indent + line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => `${" ".repeat(indent)}${line}\n`).join("");
}

/**
 * The man page (section 1), generated from the tables of commands and options when the package is
 * built.
 */
import { type Command, commands, exitStatuses, program } from "./commands.ts";
import { sentence } from "./help.ts";
import { type Option, type OptionName, options, optionWords, variables } from "./options.ts";

export const manPageFile = `${program}.1`;

/** In man(7) format, which every `man` reads. It has no date, so that builds are reproducible. */
export function renderManPage(version: string): string {
  const names = Object.keys(options) as OptionName[];
  return [
    `.TH ${escaped(program.toUpperCase())} 1 "" "${escaped(`${program} ${version}`)}" "User Commands"`,
    ".nh", // a line break must not add a hyphen to an option
    ".SH NAME",
    `${escaped(program)} \\- keep the programs that OpenClaw skills need in a persistent volume`,
    ".SH SYNOPSIS",
    `.B ${escaped(program)}`,
    `[${italic("COMMAND")}] [${italic("OPTION")}...] [\\fB\\-\\-\\fR ${italic("CMD")}]`,
    ".SH COMMANDS",
    ...commands.flatMap(renderCommand),
    ".SH OPTIONS",
    ...names.flatMap((name) => {
      const { text, env }: Option = options[name];
      const also = env === undefined ? "" : ` Also in the environment: ${env}.`;
      return tagged(bold(optionWords(name)), `${sentence(text)}${also}`);
    }),
    ".SH ENVIRONMENT",
    ...Object.entries(variables).flatMap(([name, text]) => tagged(bold(name), sentence(text))),
    ".SH EXIT STATUS",
    ...exitStatuses.flatMap((text, status) => tagged(bold(`${status}`), sentence(text))),
    ".SH FILES",
    ...tagged(italic("/opt/openclaw"), "The default volume."),
    ...tagged(
      italic("manifest.json"),
      "In the volume: the installed tools with their sources and digests.",
    ),
    "",
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function renderCommand({
  verb,
  sub,
  operands,
  summary,
  details,
  options: names,
}: Command): string[] {
  const words = bold([verb, sub].filter((word) => word !== undefined).join(" "));
  const tag = operands === undefined ? words : `${words} ${italic(operands)}`;
  const taken = names.map((name) => `--${name}`).join(", ");
  const text = [sentence(summary), details, taken && `Options: ${taken}.`]
    .filter(Boolean)
    .join(" ");
  return tagged(tag, text);
}

function tagged(tag: string, text: string): string[] {
  return [".TP", tag, escaped(text)];
}

const bold = (text: string): string => `\\fB${escaped(text)}\\fR`;
const italic = (text: string): string => `\\fI${escaped(text)}\\fR`;

/** A hyphen becomes a minus that can be copied; a line must not begin with a roff request. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/, "\\&");
}

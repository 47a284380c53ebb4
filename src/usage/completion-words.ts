/** The parts that the completion scripts of all shells share. */
import { type Command, commands, program, verbs } from "./commands.ts";
import { type Option, type OptionName, options } from "./options.ts";

/** The prefix of all shell functions. */
export const own = `_${program.replaceAll("-", "_")}`;
export const optionNames = Object.keys(options) as OptionName[];
export const optionOf = (name: OptionName): Option => options[name];
/** Options of every command. */
const everywhere: readonly OptionName[] = ["help"];
export const optionsOf = (command: Command): readonly OptionName[] => [
  ...command.options,
  ...everywhere,
];
/** The default command. */
export const install = commands.find(({ verb }) => verb === "install") as Command;

/** Options whose value is the next word. */
export const withValue = optionNames.filter((name) => {
  const { value, needsValue = true } = optionOf(name);
  return value !== undefined && needsValue;
});

export function secondWords(verb: string): string[] {
  return commands.flatMap((it) => (it.verb === verb && it.sub !== undefined ? [it.sub] : []));
}

export const verbsWithSub = verbs.filter((verb) => secondWords(verb).length > 0);

/** `--force-reinstall` and `-f`. */
export function spelled(name: OptionName): string[] {
  const { short } = optionOf(name);
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

/** The words that complete operands; none if these are files. */
export function operandWords({ completes }: Command, tools: readonly string[]): readonly string[] {
  if (completes === undefined || completes === "file") return [];
  return completes === "tool" ? tools : completes;
}

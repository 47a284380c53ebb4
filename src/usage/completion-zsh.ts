import { type Command, commands, program, verbs } from "./commands.ts";
import {
  install,
  operandWords,
  optionNames,
  optionOf,
  optionsOf,
  own,
  secondWords,
  verbsWithSub,
} from "./completion-words.ts";
import type { OptionName } from "./options.ts";

/** The script for zsh; see completions.ts. */
export function renderZsh(tools: readonly string[]): string {
  const functions = commands.map((command) => {
    const { completes } = command;
    const words = operandWords(command, tools);
    const action =
      completes === "file" ? "_files" : words.length > 0 ? `(${words.join(" ")})` : undefined;
    const operand =
      action === undefined ? [] : [zshQuoted(`*:${zshPlain(command.operands ?? "")}:${action}`)];
    const specs = [...optionsOf(command).flatMap(zshSpecs), ...operand];
    return `${zshName(command)}() {\n  _arguments -s -S \\\n    ${specs.join(" \\\n    ")}\n}`;
  });
  const subFunctions = verbsWithSub.map((verb) => {
    const subs = commands.filter((it) => it.verb === verb);
    const rows = subs.map(({ sub, summary }) => zshQuoted(`${sub}:${summary}`));
    return `${own}_${verb}() {
  local -a found
  found=(${rows.join(" ")})
  ${own}_dispatch ${own}_${verb}_ found
}`;
  });
  const first = verbs.map((verb) => {
    const [command] = commands.filter((it) => it.verb === verb) as [Command];
    const summary = command.sub === undefined ? command.summary : secondWords(verb).join(", ");
    return zshQuoted(`${verb}:${summary}`);
  });
  const any = [...new Set([...optionsOf(install), "version" as const, ...optionNames])];
  return `#compdef ${program}
# zsh completion for ${program}
${functions.join("\n")}
# Completes the first word from the array that $2 names, the others by the function $1WORD.
${own}_dispatch() {
  local context curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S \\
    ${any.flatMap(zshSpecs).join(" \\\n    ")} \\
    '1: :->first' '*:: :->rest'
  case $state in
    first) _describe -t commands command $2 ;;
    rest)
      if (( $+functions[$1$words[1]] )); then
        $1$words[1]
      elif [[ $1 == ${own}_ ]]; then
        ${own}_install
      fi
      ;;
  esac
}
${subFunctions.join("\n")}
${own}() {
  local end=\${words[(i)--]}
  if (( end < CURRENT )); then
    shift $end words
    (( CURRENT -= end ))
    _normal
    return
  fi
  local -a found
  found=(${first.join(" ")})
  ${own}_dispatch ${own}_ found
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then ${own} "$@"; else compdef ${own} ${program}; fi
`;
}

function zshName({ verb, sub }: Command): string {
  return sub === undefined ? `${own}_${verb}` : `${own}_${verb}_${sub}`;
}

function zshSpecs(name: OptionName): string[] {
  const { short, multiple, value, needsValue = true, completes, text } = optionOf(name);
  const shown = `[${zshPlain(text)}]`;
  const repeat = multiple ? "*" : "";
  if (value === undefined) {
    return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((it) =>
      zshQuoted(`${repeat}${it}${shown}`),
    );
  }
  const action =
    completes === undefined
      ? " "
      : typeof completes === "string"
        ? completes === "file"
          ? "_files"
          : "_directories"
        : `(${completes.join(" ")})`;
  const sign = needsValue ? "=" : "=-";
  return [
    zshQuoted(
      `${repeat}--${name}${sign}${shown}${needsValue ? "" : ":"}:${zshPlain(value)}:${action}`,
    ),
  ];
}

/** Brackets and colons have a meaning in specs. */
function zshPlain(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

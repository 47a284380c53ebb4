/**
 * Completion scripts for bash, zsh and fish, made of the tables of commands and options when the package
 * is built: a TAB starts no Node. Libraries that make such scripts offer `--no-…` for each option, and each
 * option only once.
 */
import { type Command, commands, program, verbs } from "./commands.ts";
import type { Shell } from "./completion-files.ts";
import { type Option, type OptionName, options } from "./options.ts";

/** The script for a shell. `tools`: what NAME is completed with, names without blanks or quotes. */
export function renderCompletion(shell: Shell, tools: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](tools);
}

const own = `_${program.replaceAll("-", "_")}`;
const names = Object.keys(options) as OptionName[];
const optionOf = (name: OptionName): Option => options[name];
/** What each command takes besides its own. */
const everywhere: readonly OptionName[] = ["help"];
const optionsOf = (command: Command): readonly OptionName[] => [...command.options, ...everywhere];
const install = commands.find(({ verb }) => verb === "install") as Command;

/** Options whose value is the word behind them. */
const withValue = names.filter((name) => {
  const { value, needsValue = true } = optionOf(name);
  return value !== undefined && needsValue;
});

function secondWords(verb: string): string[] {
  return commands.flatMap((it) => (it.verb === verb && it.sub !== undefined ? [it.sub] : []));
}

const verbsWithSub = verbs.filter((verb) => secondWords(verb).length > 0);

function spelled(name: OptionName): string[] {
  const { short } = optionOf(name);
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

function operandWords({ completes }: Command, tools: readonly string[]): readonly string[] {
  if (completes === undefined || completes === "file") return [];
  return completes === "tool" ? tools : completes;
}

// ------------------------------------------------------------------------------ bash

function renderBash(tools: readonly string[]): string {
  const values = names.flatMap((name) => {
    const { value, completes } = optionOf(name);
    if (value === undefined) return [];
    const action =
      completes === undefined
        ? "return"
        : typeof completes === "string"
          ? `${own}_paths ${completes === "file" ? "-f" : "-d"} && return`
          : `${own}_words "${completes.join(" ")}" && return`;
    return [`    --${name}) ${action} ;;`];
  });
  const cases = commands.map((command) => {
    const { verb, sub, completes } = command;
    const words = operandWords(command, tools).join(" ");
    const set = `options='${optionsOf(command).flatMap(spelled).join(" ")}' operands='${words}'`;
    const key = sub === undefined ? `${verb}\\ *` : `'${verb} ${sub}'`;
    return `    ${key}) ${set}${completes === "file" ? " kind=file" : ""} ;;`;
  });
  const subs = verbsWithSub.map(
    (verb) => `    '${verb} ') operands='${secondWords(verb).join(" ")}' ;;`,
  );
  return `# bash completion for ${program}
${own}_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
${own}_paths() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
${own}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb='' sub='' i=1
  local options='--help --version' operands='' kind='' value=''
  COMPREPLY=()
  # bash splits --option=value into three words.
  if [[ $cur == = ]]; then
    cur='' value=$before
  elif [[ $before == = ]]; then
    value=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $before != --json ]]; then
    value=$before
  fi
  while ((i < COMP_CWORD)); do
    case \${COMP_WORDS[i]} in
      --)
        if ((i + 1 == COMP_CWORD)); then mapfile -t COMPREPLY < <(compgen -c -- "$cur"); else ${own}_paths -f; fi
        return
        ;;
      ${withValue.map((name) => `--${name}`).join(" | ")}) ((i++)); [[ \${COMP_WORDS[i]} != = ]] || ((i++)) ;;
      -* | =) ;;
      *)
        if [[ -z $verb ]]; then verb=\${COMP_WORDS[i]}; elif [[ -z $sub ]]; then sub=\${COMP_WORDS[i]}; fi
        ;;
    esac
    ((i++))
  done
  case $value in
${values.join("\n")}
  esac
  if [[ -z $verb ]]; then
    options+=' ${optionsOf(install).flatMap(spelled).join(" ")}' operands='${verbs.join(" ")}'
  fi
  case "$verb $sub" in
    ' ') ;;
${subs.join("\n")}
${cases.join("\n")}
    *) options='${optionsOf(install).flatMap(spelled).join(" ")}' operands='${tools.join(" ")}' ;;
  esac
  if [[ $cur == -* ]]; then
    ${own}_words "$options"
  elif [[ $kind == file ]]; then
    ${own}_paths -f
  else
    ${own}_words "$operands"
  fi
}
complete -F ${own} ${program}
`;
}

// ------------------------------------------------------------------------------ zsh

function renderZsh(tools: readonly string[]): string {
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
  const any = [...new Set([...optionsOf(install), "version" as const, ...names])];
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

/** In specs, brackets and colons have a meaning. */
function zshPlain(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// ------------------------------------------------------------------------------ fish

function renderFish(tools: readonly string[]): string {
  const lines = commands.flatMap((command) => {
    const { verb, sub = "", completes } = command;
    const at = `-n '${own}_at ${[verb, sub].join(" ").trim()}'`;
    // Without a verb, verbs are offered; not the operands of install as well.
    const behind = `-n 'not ${own}_first; and ${own}_at ${[verb, sub].join(" ").trim()}'`;
    const words = operandWords(command, tools);
    return [
      ...optionsOf(command).map((name) => `complete -c ${program} ${at} ${fishOption(name)}`),
      ...(words.length > 0 ? [`complete -c ${program} ${behind} -a '${words.join(" ")}'`] : []),
      ...(completes === "file" ? [`complete -c ${program} ${at} -F`] : []),
    ];
  });
  const verbLines = verbs.map((verb) => {
    const [command] = commands.filter((it) => it.verb === verb) as [Command];
    const text = command.sub === undefined ? command.summary : secondWords(verb).join(", ");
    return `complete -c ${program} -n ${own}_first -a ${verb} -d ${fishQuoted(text)}`;
  });
  const subLines = commands.flatMap(({ verb, sub, summary }) =>
    sub === undefined
      ? []
      : [`complete -c ${program} -n '${own}_at ${verb} -' -a ${sub} -d ${fishQuoted(summary)}`],
  );
  return `# fish completion for ${program}
# The words that are neither an option nor the value of one.
function ${own}_given
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case ${withValue.map((name) => `--${name}`).join(" ")}
                set skip yes
            case '-*'
            case '*'
                echo $word
        end
    end
end
function ${own}_first
    not contains -- -- (commandline -opc); and test (count (${own}_given)) -eq 0
end
# True in the command VERB [SUB]; SUB is - where it is still to come. Without a verb it is install.
function ${own}_at
    contains -- -- (commandline -opc); and return 1
    set -l given (${own}_given)
    set -l sub ''
    if not contains -- "$given[1]" ${verbs.join(" ")}
        test $argv[1] = install
        return
    end
    test $given[1] = $argv[1]; or return
    switch "$argv[2]"
        case ''
            return 0
        case -
            test (count $given) -eq 1
        case '*'
            test "$given[2]" = $argv[2]
    end
end
function ${own}_behind
    contains -- -- (commandline -opc)
end
complete -c ${program} -f
complete -c ${program} -n ${own}_behind -a '(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))'
${[...verbLines, ...subLines, ...lines].join("\n")}
complete -c ${program} -n ${own}_first -l version -d ${fishQuoted(options.version.text)}
`;
}

function fishOption(name: OptionName): string {
  const { short, value, needsValue = true, completes, text } = optionOf(name);
  const parts = [`-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`])];
  if (value !== undefined && needsValue) parts.push("-r");
  if (completes === "directory") parts.push("-a '(__fish_complete_directories)'");
  else if (completes === "file") parts.push("-F");
  else if (completes !== undefined) parts.push(`-a '${completes.join(" ")}'`);
  return [...parts, `-d ${fishQuoted(text)}`].join(" ");
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

import { commands, program, verbs } from "./commands.ts";
import {
  install,
  operandWords,
  optionNames,
  optionOf,
  optionsOf,
  own,
  secondWords,
  spelled,
  verbsWithSub,
  withValue,
} from "./completion-words.ts";

/** The script for bash; see completions.ts. */
export function renderBash(tools: readonly string[]): string {
  const values = optionNames.flatMap((name) => {
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

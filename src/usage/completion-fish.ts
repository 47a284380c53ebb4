import { type Command, commands, program, verbs } from "./commands.ts";
import {
  operandWords,
  optionOf,
  optionsOf,
  own,
  secondWords,
  withValue,
} from "./completion-words.ts";
import { type OptionName, options } from "./options.ts";

/** The script for fish; see completions.ts. */
export function renderFish(tools: readonly string[]): string {
  const lines = commands.flatMap((command) => {
    const { verb, sub = "", completes } = command;
    const at = `-n '${own}_at ${[verb, sub].join(" ").trim()}'`;
    // Without a verb, verbs are offered, but not the operands of install as well.
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

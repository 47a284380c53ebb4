/** Asks real shells what they complete a line with. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "../../src/usage/commands.ts";
import { completionFiles, type Shell } from "../../src/usage/completion-files.ts";
import { repository } from "../support/workplace.ts";

export const scriptOf = (shell: Shell): string => join(repository, "dist", completionFiles[shell]);

/** True where there is a program of this name. */
export function isInstalled(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What a shell in `dir` completes the last of these words with, sorted. */
export function complete(shell: Shell, words: readonly string[], dir: string): string[] {
  const found = { bash: inBash, zsh: inZsh, fish: inFish }[shell](words, dir);
  const lines = found.split("\n").map((line) => line.split("\t")[0]?.trim() ?? "");
  return [...new Set(lines.filter((line) => line !== ""))].sort();
}

const environment = (dir: string) => ({ PATH: process.env.PATH ?? "", HOME: dir, TERM: "dumb" });

/** bash itself splits words at `=` before it asks. */
function inBash(words: readonly string[], dir: string): string {
  const split = words.flatMap((word) =>
    word.split(/(=)/).filter((part, i) => i === 0 || part !== ""),
  );
  const asked = `source "$1"; shift; COMP_WORDS=(${program} "$@"); COMP_CWORD=$#
    compopt() { :; }
    _${program.replaceAll("-", "_")}
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ["--norc", "--noprofile", "-c", asked, "bash", scriptOf("bash"), ...split];
  return execFileSync("bash", args, { cwd: dir, env: environment(dir), encoding: "utf8" });
}

function inFish(words: readonly string[], dir: string): string {
  const asked = `source ${scriptOf("fish")}; complete -C "${program} ${words.join(" ")}"`;
  const args = ["--no-config", "-c", asked];
  return execFileSync("fish", args, { cwd: dir, env: environment(dir), encoding: "utf8" });
}

/**
 * A zsh in a terminal of its own, in which a TAB is pressed; what it offers is written to a file. Nothing
 * is typed before its prompt is there: until then the terminal itself edits the line.
 */
function inZsh(words: readonly string[], dir: string): string {
  const [hits, setup] = [join(dir, ".hits"), join(dir, ".setup")];
  writeFileSync(hits, "");
  writeFileSync(
    setup,
    `PROMPT='<ready>' LISTMAX=10000
autoload -Uz compinit && compinit -u -D
source ${scriptOf("zsh")}
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a offered
  builtin compadd -A offered "$@"
  (( $#offered )) && print -rl -- $offered >>${hits}
  builtin compadd "$@"
}
bindkey '^I' complete-word
TRAPEXIT() { print end >>${hits} }
`,
  );
  const line = `${program} ${words.join(" ")}`;
  const driver = `zmodload zsh/zpty
zpty terminal 'cd ${dir} && zsh -f -i'
zpty -w terminal 'source ${setup}'
zpty -r terminal answer '*<ready>*'
zpty -w -n terminal $'${line}\\t'
zpty -w -n terminal $'\\x15exit\\n'
while zpty -r terminal answer; do :; done`;
  execFileSync("zsh", ["-f", "-c", driver], { env: environment(dir), timeout: 20_000 });
  const offered = readFileSync(hits, "utf8");
  for (const file of [hits, setup]) rmSync(file);
  if (!/^end$/m.test(offered)) throw new Error("zsh did not come to its end");
  return offered.replace(/^end$/m, "");
}

/**
 * Completion scripts, generated from the tables of commands and options when the package is built,
 * so that a TAB starts no Node. Libraries for such scripts offer `--no-...` for each option, and
 * each option only once.
 */
import { renderBash } from "./completion-bash.ts";
import type { Shell } from "./completion-files.ts";
import { renderFish } from "./completion-fish.ts";
import { renderZsh } from "./completion-zsh.ts";

/** The script for a shell. `tools`: completions of NAME, without blanks or quotes. */
export function renderCompletion(name: Shell, tools: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[name](tools);
}

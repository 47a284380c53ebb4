/**
 * Completion scripts, made of the tables of commands and options when the package is built: a TAB starts no
 * Node. Libraries that make such scripts offer `--no-...` for each option, and each option only once.
 */
import { renderBash } from "./completion-bash.ts";
import type { Shell } from "./completion-files.ts";
import { renderFish } from "./completion-fish.ts";
import { renderZsh } from "./completion-zsh.ts";

/** The script for a shell. `tools`: what NAME is completed with, names without blanks or quotes. */
export function renderCompletion(name: Shell, tools: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[name](tools);
}

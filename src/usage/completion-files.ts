import { program } from "./commands.ts";

/** The file in dist/ with each shell's script, by shell. */
export const completionFiles = {
  bash: `completions/${program}.bash`,
  zsh: `completions/_${program}`,
  fish: `completions/${program}.fish`,
} as const;
export type Shell = keyof typeof completionFiles;

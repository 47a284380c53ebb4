import { readdirSync } from "node:fs";

export const commandName = "openclaw-install-skill-deps";

/** True for a path of a volume that belongs to its own command, or is one of its links. */
export function isOfCommand(path: string): boolean {
  return /^((bin|lib)\/openclaw-install-skill-deps(\/|$)|share\/openclaw-skill-deps\/(plugin|python|node)$)/.test(
    path,
  );
}

/** A volume's paths, or its tools, without those of its own command, which every run adds. */
export function withoutCommand<T>(found: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(found).filter(([name]) => name !== commandName && !isOfCommand(name)),
  );
}

/** The names in `bin/` or `lib/` of a volume, in order, without its own command. */
export function namesWithoutCommand(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name !== commandName)
    .sort();
}

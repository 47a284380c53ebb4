import { UserError } from "../core/errors.ts";

/** A setting of this machine, and what its owner calls it: `HTTPS_PROXY`, `npm's cafile`. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** A value for messages: no password, no query, no control character, not endless. */
export function shownValue(value: string): string {
  const shown = value
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1...@")
    .replace(/\?.*$/s, "?...")
    .replace(/\p{Cc}+/gu, " ");
  return shown.length > 200 ? `${shown.slice(0, 200)}...` : shown;
}

/** The error for a setting that cannot be used. `what` goes on after the value; `right` is a full sentence. */
export function wrongSetting({ name, value }: Setting, what: string, right: string): UserError {
  return new UserError("E_SETTING", `${name}=${shownValue(value)} ${what}`, { hint: right });
}

/** Quotes and blank space around a value come from env files and copied lines; they never belong to it. */
export function unquoted(value: string): string {
  const text = value.trim();
  const quoted = /^"(.*)"$|^'(.*)'$/s.exec(text);
  return (quoted?.[1] ?? quoted?.[2] ?? text).trim();
}

/** Decodes %-escapes as curl does: what is no escape, or no UTF-8, stays as it is written. */
export function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** A setting that is set: blank ones and empty quotes say nothing. */
export function named(name: string, value: string | undefined): Setting[] {
  return value === undefined || unquoted(value) === "" ? [] : [{ name, value }];
}

/** The first that is set, in a list of its own. */
export function firstOf(settings: readonly Setting[][]): Setting[] {
  return settings.flat().slice(0, 1);
}

import { UserError } from "../core/errors.ts";

/** A setting of this machine, and its name for the user: `HTTPS_PROXY`, `npm's cafile`. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** A value for messages: without password, query and control characters, and shortened. */
export function shownValue(value: string): string {
  const shown = value
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1...@")
    .replace(/\?.*$/s, "?...")
    .replace(/\p{Cc}+/gu, " ");
  return shown.length > 200 ? `${shown.slice(0, 200)}...` : shown;
}

/** The error for an invalid setting. `what` follows the value; `right` is a full sentence. */
export function wrongSetting({ name, value }: Setting, what: string, right: string): UserError {
  return new UserError("E_SETTING", `${name}=${shownValue(value)} ${what}`, { hint: right });
}

/** Removes quotes and blanks around a value, which come from env files and copied lines. */
export function unquoted(value: string): string {
  const text = value.trim();
  const quoted = /^"(.*)"$|^'(.*)'$/s.exec(text);
  return (quoted?.[1] ?? quoted?.[2] ?? text).trim();
}

/** Decodes %-escapes as curl does: invalid escapes and invalid UTF-8 stay unchanged. */
export function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** The address of a registry or an index, which ends with a slash. */
export function withSlash({ href }: URL): string {
  return href.endsWith("/") ? href : `${href}/`;
}

/** A setting, if it is set: blanks and empty quotes count as unset. */
export function named(name: string, value: string | undefined): Setting[] {
  return value === undefined || unquoted(value) === "" ? [] : [{ name, value }];
}

/** The first one that is set, as a list. */
export function firstOf(settings: readonly Setting[][]): Setting[] {
  return settings.flat().slice(0, 1);
}

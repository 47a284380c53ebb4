/** Names that become path segments. Rejected names never reach a path or a command. */

const binName = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;
const toolName = /^[a-z0-9][a-z0-9._+-]*$/;
const version = /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/;
const maxLength = 100;

/** True for a plain program name such as `gog` or `g++`; false for `../sh`, `a b`, `-rf`, ``. */
export function isBinName(text: string): boolean {
  return text.length <= maxLength && binName.test(text);
}

/** True for a recipe's name: lower case, a plain file name. */
export function isToolName(text: string): boolean {
  return text.length <= maxLength && toolName.test(text);
}

/** True for a version that can be a directory's name. */
export function isVersion(text: string): boolean {
  return text.length <= maxLength && version.test(text);
}

/** True for the name of an npm package; registries of companies have some with capitals. */
export function isNpmName(text: string): boolean {
  return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i.test(text);
}

/**
 * True for a relative path of plain segments below its root: no `..`, no `.`, no empty segment, no
 * leading `/`, no backslash, no control character.
 */
export function isRelativePath(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text.length === 0 || text.length > 1000 || /[\\\u0000-\u001f\u007f]/.test(text)) return false;
  return text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

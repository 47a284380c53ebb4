/** A YAML error in plain words, and the correct form if it is clear. */
export interface YamlMistake {
  readonly message: string;
  readonly example?: string;
}

interface YamlError {
  readonly code: string;
  readonly message: string;
}

/** `KEY: VALUE` in a line, after blanks and the dash of a list. */
const keyAndValue = /^\s*(?:- +)*(?<key>[\w.-]+|"[^"]*"|'[^']*'):\s+(?<value>\S.*?)\s*$/;
/** What an unquoted text cannot begin with. */
const reserved = /^[@`%&*!|>,\]}]|^[-?] /;

/**
 * Explains a line that the YAML parser rejects. The parser's own messages are about its grammar;
 * the usual cause is a missing quote.
 */
export function explainYaml({ code, message }: YamlError, line: string): YamlMistake {
  if (code === "TAB_AS_INDENT" || /^ *\t/.test(line))
    return { message: "a tab; indent with spaces" };
  const { key = "", value = "" } = keyAndValue.exec(line)?.groups ?? {};
  const isPlain = value !== "" && !/^["'[{|>#]/.test(value);
  if (isPlain && /:(\s|$)/.test(value)) return quote('the text contains ": "', key, value);
  if (isPlain && / #/.test(value)) return quote('" #" begins a comment', key, value);
  if (isPlain && reserved.test(value)) {
    return quote(`a text cannot begin with ${value.slice(0, 1)}`, key, value);
  }
  const glued = /^\s*(?:- +)*([\w.-]+):(["'[{\w].*)$/.exec(line);
  if (glued && !line.includes("://")) {
    return { message: "a space is missing after the colon", example: `${glued[1]}: ${glued[2]}` };
  }
  return { message: byCode(code, message) };
}

function quote(what: string, key: string, value: string): YamlMistake {
  return { message: `${what}; quote it`, example: `${key}: ${JSON.stringify(value)}` };
}

function byCode(code: string, message: string): string {
  if (/closing ["']quote/.test(message)) return "a quote is opened and not closed";
  if (/^Missing , /.test(message)) return "a comma is missing between two items";
  if (/must end with a|must be .*indented|expected .*[\]}]/i.test(message)) {
    return "a bracket is opened and not closed";
  }
  switch (code) {
    case "DUPLICATE_KEY":
      return "this key appears twice";
    case "NON_STRING_KEY":
      return "a key is no text; quote it";
    case "BAD_SCALAR_START":
      return `a text cannot begin with ${message.at(-1)}; quote it`;
    case "BAD_DQ_ESCAPE":
      return "a \\ in double quotes has a meaning of its own; use single quotes";
    case "BAD_INDENT":
    case "BAD_COLLECTION_TYPE":
      return "the indentation differs from that of the lines around it";
    case "UNEXPECTED_TOKEN":
      return "a value has ended before this; quote the whole value, or check the indentation";
    case "BLOCK_AS_IMPLICIT_KEY":
      return 'the next line has another indentation, or a text that contains ": " needs quotes';
    case "BLOCK_IN_FLOW":
      return 'a comma is missing, or a text that contains ": " needs quotes';
    case "MULTILINE_IMPLICIT_KEY":
    case "MISSING_CHAR":
      return "the line is not KEY: VALUE; a colon is missing, or a quote";
    default:
      return message;
  }
}

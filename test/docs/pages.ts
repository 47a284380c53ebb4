/**
 * The READMEs, taken apart: their code blocks, code spans, links, headings and tables.
 *
 *   const [front] = pages;
 *   front.blocks.filter(({ lang }) => lang === "sh");
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import GithubSlugger from "github-slugger";
import { lexer, type Token, type Tokens, walkTokens } from "marked";
import { repository } from "../support/workplace.ts";

export interface Block {
  /** The word behind the backticks. */
  readonly lang: string;
  readonly text: string;
  /** The innermost heading above it. */
  readonly heading: string;
}

interface Table {
  readonly heading: string;
  readonly head: readonly string[];
  /** The cells as they are written. */
  readonly rows: readonly (readonly string[])[];
}

export interface Page {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Inline code, wherever it is. */
  readonly spans: readonly string[];
  /** Targets of links and images. */
  readonly links: readonly string[];
  readonly tables: readonly Table[];
  /** What a link to a heading says behind its `#`. */
  readonly anchors: ReadonlySet<string>;
}

export const files = [
  "README.md",
  "entrypoint/README.md",
  "recipes/README.md",
  "test/README.md",
  "src/README.md",
];

export const pages = files.map(readPage);

/** A page by its file. */
export function page(file: string): Page {
  const found = pages.find((one) => one.file === file);
  if (found === undefined) throw new Error(`${file} is no page; there are ${files.join(", ")}`);
  return found;
}

/** The only block of a language below a heading. */
export function blockBelow(file: string, heading: string, lang: string): string {
  const found = page(file).blocks.filter((one) => one.heading === heading && one.lang === lang);
  if (found.length !== 1)
    throw new Error(`${file}, "${heading}": ${found.length} blocks of ${lang}`);
  return found[0]?.text ?? "";
}

/** The first table below a heading, row by row. */
export function rowsBelow({ tables, file }: Page, heading: string): (readonly string[])[] {
  const found = tables.find((table) => table.heading === heading);
  if (found === undefined) throw new Error(`${file} has no table below "${heading}"`);
  return [...found.rows];
}

/** Takes a page apart. */
export function readPage(file: string): Page {
  const text = readFileSync(join(repository, file), "utf8");
  const blocks: Block[] = [];
  const spans: string[] = [];
  const links: string[] = [];
  const tables: Table[] = [];
  const anchors = new Set<string>();
  const slugger = new GithubSlugger();
  let heading = "";
  walkTokens(lexer(text), (token: Token) => {
    if (token.type === "heading") {
      heading = token.text;
      anchors.add(slugger.slug(heading.replaceAll("`", "")));
    } else if (token.type === "code")
      blocks.push({ lang: token.lang ?? "", text: token.text, heading });
    else if (token.type === "codespan") spans.push(token.text.replace(/\s+/g, " "));
    else if (token.type === "link" || token.type === "image") links.push(token.href);
    else if (token.type === "table") {
      const { header, rows } = token as Tokens.Table;
      const cells = (row: Tokens.TableCell[]): string[] => row.map((cell) => cell.text);
      tables.push({ heading, head: cells(header), rows: rows.map(cells) });
    }
  });
  return { file, text, blocks, spans, links, tables, anchors };
}

/**
 * The examples below entrypoint/examples, each taken apart: what it says of itself, the commands in which it
 * runs ours, and the settings beside them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseEnv } from "dotenv";
import { parseDocument } from "htmlparser2";
import { parse, parseAllDocuments } from "yaml";
import { repository } from "./workplace.ts";

export const examplesDir = join(repository, "entrypoint/examples");

/** Paths relative to the folder. */
export const exampleFiles = readdirSync(examplesDir, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(examplesDir.length + 1))
  .sort();

export function readExample(file: string): string {
  return readFileSync(join(examplesDir, file), "utf8");
}

/** A container that runs our command. */
export interface Runner {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string>> | readonly { name: string; value?: string }[];

interface Container extends Omit<Partial<Runner>, "env"> {
  readonly command?: readonly string[];
  readonly env?: Env;
  readonly environment?: Env;
}

/** The first document of a YAML file. */
// biome-ignore lint/suspicious/noExplicitAny: each example has a shape of its own
export const yamlOf = (file: string): any => parse(readExample(file));

/** Every YAML document of a file, which must be without an error. */
export const documentsOf = (file: string) =>
  parseAllDocuments(readExample(file)).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS();
  });

export function runnerOf({ command = [], env, environment }: Container): Runner {
  const settings = env ?? environment ?? {};
  const entries = Array.isArray(settings)
    ? settings.map(({ name, value = "" }) => [name, value])
    : Object.entries(settings);
  return { command, env: Object.fromEntries(entries) };
}

/** railway.env: its variables, and the start command that its comment gives. */
export function railway(): Runner {
  const text = readExample("railway.env");
  const [, command = ""] = /^# {3}(sh -c .*)$/m.exec(text) ?? [];
  return { command: ["sh", "-c", command], env: parseEnv(text) };
}

/** unraid.xml: the words behind the image, and the variables with their defaults. */
export function unraid(): Runner & { readonly repository: string } {
  const document = parseDocument(readExample("unraid.xml"), { xmlMode: true });
  const all = elementsOf(document.children);
  const textOf = (name: string): string =>
    all
      .find((element) => element.name === name)
      ?.children.map((child) => child.data)
      .join("") ?? "";
  const variables = all.filter(({ attribs }) => attribs.Type === "Variable");
  const env = variables.map(({ attribs }) => [attribs.Target ?? "", attribs.Default ?? ""]);
  return {
    command: ["sh", "-c", textOf("PostArgs")],
    env: Object.fromEntries(env),
    repository: textOf("Repository"),
  };
}

interface Element {
  readonly name: string;
  readonly attribs: Readonly<Record<string, string>>;
  readonly children: readonly (Element & { readonly data?: string })[];
}

function elementsOf(nodes: readonly unknown[]): Element[] {
  return (nodes as Element[])
    .flatMap((node) => (node.children ? [node, ...elementsOf(node.children)] : []))
    .filter(({ attribs }) => attribs !== undefined);
}

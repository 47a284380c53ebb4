/**
 * Builds dist/program.cjs, install.cjs, rest.cjs and signatures.cjs. esbuild splits the program into pieces where it
 * imports at run time; those that every run needs become the first file, and those of most installations the second,
 * so that a run loads little that it does not call. The last file is what only authors' checks of signatures need.
 * Each file is an object of functions with the parameters of a CommonJS module, which src/pieces.ts calls.
 */
import { basename } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin, transform } from "esbuild";
import type { ProgramFile } from "./src/pieces.ts";

/** Where the program starts: for every run, and for answers of `policy`. */
const starts = ["src/main.ts", "src/policy-full.ts"];
/** The first file has what these import at their start: all that a run with nothing to do reaches. */
const entries = [...starts, "src/commands/install.ts"];

/** What most installations load besides: archives and npm packages, from their servers. */
const usual = [
  "src/commands/apply.ts",
  "node_modules/@pnpm/npm-conf/index.js",
  "node_modules/registry-auth-token/index.js",
  "node_modules/tar/dist/esm/header.js",
  "node_modules/tar/dist/esm/parse.js",
  "node_modules/undici/index.js",
  "node_modules/yauzl/index.js",
];

/** What only the last file has: this, and what nothing else imports. */
const late = "src/author/signatures/library.ts";

/**
 * Of undici only its agents are used. esbuild cannot drop the rest of a CommonJS package, and loading it is a tenth of
 * the processor time of a small installation: fetch and HTTP/2 load large parts of Node.
 */
const unused = /\/(web|mock|cache|interceptor)\b|\/client-h2\b/;
/** Has whatever name is asked for: undici makes an instance of one of its unused classes. */
const anyClass = "module.exports = new Proxy({}, { get: () => class {} })";
const withoutUnused: Plugin = {
  name: "without unused parts of undici",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: unused }, ({ path, importer }) =>
      /[/]node_modules[/]undici[/]/.test(importer) ? { path, namespace: "unused" } : undefined,
    );
    onLoad({ filter: /./, namespace: "unused" }, () => ({ contents: anyClass }));
  },
};

/** The texts of the files by their names, and which sources they are made of. */
export async function buildProgram(
  common: BuildOptions,
): Promise<{ texts: Record<ProgramFile, string>; metafile: Metafile }> {
  const { metafile, outputFiles } = await build({
    ...common,
    entryPoints: starts,
    format: "esm", // the only one that esbuild splits
    splitting: true,
    outdir: "pieces",
    chunkNames: "[hash]",
    write: false,
    metafile: true,
    // @pnpm/npm-conf reads a file with it; it would replace functions of Node's own module in every installation.
    alias: { ...common.alias, "graceful-fs": "node:fs" },
    plugins: [withoutUnused],
  });
  const first = piecesOf(metafile, entries);
  const second = piecesOf(metafile, [...entries, ...usual]);
  const early = piecesOf(metafile, starts, (one) => metafile.outputs[one]?.entryPoint !== late);
  const pieces = outputFiles.map(({ path, text }) => ({ name: basename(path), text }));
  const foreign = (name: string): boolean => isForeign(name, metafile);
  const functionsOf = async (has: (name: string) => boolean): Promise<string[]> =>
    await Promise.all(
      pieces
        .filter(({ name }) => has(name))
        .map((piece) => functionOf(piece, { ...common, minifyIdentifiers: foreign(piece.name) })),
    );
  // A start runs where it is loaded, so it is a piece of its own.
  const isStart = (name: string): boolean =>
    starts.some((path) => basename(path, ".ts") === basename(name, ".js"));
  const always = pieces.filter(({ name }) => first.has(name) && !isStart(name));
  const used = usedBy(metafile, (name) => !first.has(name) || isStart(name));
  const texts = {
    program: fileOf([await merge(always, used, common, foreign), ...(await functionsOf(isStart))]),
    install: fileOf(await functionsOf((name) => second.has(name) && !first.has(name))),
    rest: fileOf(await functionsOf((name) => early.has(name) && !second.has(name))),
    signatures: fileOf(await functionsOf((name) => !early.has(name))),
  };
  return { texts, metafile };
}

function fileOf(functions: readonly string[]): string {
  return `({${functions.join(",\n")}})`;
}

/**
 * The names of the pieces that these entries reach: without a call of `import`, or also by those that `follow`
 * accepts.
 */
function piecesOf(
  { outputs }: Metafile,
  from: readonly string[],
  follow: (path: string) => boolean = () => false,
): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    const output = outputs[path];
    if (!output || seen.has(path)) return;
    seen.add(path);
    for (const one of output.imports) {
      if (one.kind === "import-statement" || follow(one.path)) visit(one.path);
    }
  };
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint !== undefined && from.includes(entryPoint)) visit(path);
  }
  return new Set([...seen].map((path) => basename(path)));
}

/** The names of the pieces that some others import. */
function usedBy({ outputs }: Metafile, some: (name: string) => boolean): Set<string> {
  const users = Object.entries(outputs).filter(([path]) => some(basename(path)));
  return new Set(users.flatMap(([, { imports }]) => imports.map(({ path }) => basename(path))));
}

/** True for pieces of libraries alone: shorter names in them cost nobody a useful line in a stack trace. */
function isForeign(name: string, { outputs }: Metafile): boolean {
  const [, output] = Object.entries(outputs).find(([path]) => basename(path) === name) ?? [];
  return Object.keys(output?.inputs ?? {}).every(
    (file) => file.includes("node_modules/") || file === late,
  );
}

interface Piece {
  readonly name: string;
  readonly text: string;
}

/**
 * What every run loads, as one function: else each piece begins with helpers of its own, and uses the names of others
 * through getters. Those that the rest uses are still there under their names.
 */
async function merge(
  merged: readonly Piece[],
  used: ReadonlySet<string>,
  common: BuildOptions,
  isForeign: (name: string) => boolean,
): Promise<string> {
  const texts = new Map<string, string>();
  for (const { name, text } of merged) {
    const minifyIdentifiers = isForeign(name);
    const { code } = await transform(text, { format: "esm", platform: "node", minifyIdentifiers });
    texts.set(`./${name}`, code);
  }
  const ofPieces: Plugin = {
    name: "pieces",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path, kind }) =>
        texts.has(path) && kind === "import-statement"
          ? { path, namespace: "pieces" }
          : { path, external: true },
      );
      onLoad({ filter: /./, namespace: "pieces" }, ({ path }) => ({
        contents: texts.get(path) ?? "",
      }));
    },
  };
  const shared = merged.filter(({ name }) => used.has(name));
  const contents = [
    ...merged.map(({ name }) => `import "./${name}";`),
    ...shared.map(({ name }, i) => `export * as _${i} from "./${name}";`),
  ].join("\n");
  const { outputFiles } = await build({
    ...common,
    stdin: { contents },
    supported: { "dynamic-import": false },
    write: false,
    plugins: [ofPieces],
  });
  const whole = "./always.js";
  const code = outputFiles.map(({ text }) => text).join("");
  const others = shared.map(({ name, text }, i) =>
    wrapped(`./${name}`, `module.exports=require("${whole}")._${i};${namesOf(text)}`),
  );
  return [wrapped(whole, code), ...others].join(",\n");
}

async function functionOf(
  { name, text }: Piece,
  { target, minifySyntax, minifyWhitespace, minifyIdentifiers }: BuildOptions,
): Promise<string> {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    supported: { "dynamic-import": false }, // it becomes a call of `require`
    ...(target && { target }),
    ...(minifySyntax && { minifySyntax }),
    ...(minifyWhitespace && { minifyWhitespace }),
    ...(minifyIdentifiers && { minifyIdentifiers }),
  });
  return wrapped(`./${name}`, code + namesOf(text));
}

function wrapped(id: string, code: string): string {
  return `${JSON.stringify(id)}(exports,require,module,__filename,__dirname){${code}}`;
}

/** Of a CommonJS package esbuild exports `default` only; Node has its names, too. */
function namesOf(text: string): string {
  return /\bexport default require_\w+\(\);?\s*$/.test(text) ? addNames : "";
}

const addNames = `;(it=>{for(const name of Object.getOwnPropertyNames(it.default))
name in it||Object.defineProperty(it,name,{get:()=>it.default[name],enumerable:true})})(module.exports);`;

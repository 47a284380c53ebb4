/**
 * Builds dist/program.cjs and dist/rest.cjs. esbuild splits the program into pieces where it imports at run time;
 * those that every run needs become the first file, so that a run with nothing to do loads a fourth of the code.
 * Each file is an object of functions with the parameters of a CommonJS module, which src/start.ts calls.
 */
import { basename } from "node:path";
import { type BuildOptions, build, type Metafile, transform } from "esbuild";

/** What a run with nothing to do reaches: these, and all that they import at their start. */
const entries = ["src/main.ts", "src/commands/install.ts"];

/** The text of the two files, and which sources they are made of. */
export async function buildProgram(
  common: BuildOptions,
): Promise<{ program: string; rest: string; metafile: Metafile }> {
  const { metafile, outputFiles } = await build({
    ...common,
    entryPoints: ["src/main.ts"],
    format: "esm", // the only one that esbuild splits
    splitting: true,
    outdir: "pieces",
    chunkNames: "[hash]",
    write: false,
    metafile: true,
    // @pnpm/npm-conf reads a file with it; it would replace functions of Node's own module in every installation.
    alias: { ...common.alias, "graceful-fs": "node:fs" },
    // undici looks whether Node has Headers too, for cookies, and Node then loads an undici of its own:
    // a tenth of the processor time of a small installation.
    define: { "globalThis.Headers": "undefined" },
    logOverride: { "assign-to-define": "silent" },
  });
  const first = piecesOf(metafile);
  const pieces = outputFiles.map(({ path, text }) => ({ name: basename(path), text }));
  const pack = async (isFirst: boolean): Promise<string> => {
    const some = pieces.filter(({ name }) => first.has(name) === isFirst);
    const functions = await Promise.all(some.map((piece) => functionOf(piece, common)));
    return `({${functions.join(",\n")}})`;
  };
  return { program: await pack(true), rest: await pack(false), metafile };
}

/** The names of the pieces that `entries` reach without a call of `import`. */
function piecesOf({ outputs }: Metafile): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    const output = outputs[path];
    if (!output || seen.has(path)) return;
    seen.add(path);
    for (const one of output.imports) if (one.kind === "import-statement") visit(one.path);
  };
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint !== undefined && entries.includes(entryPoint)) visit(path);
  }
  return new Set([...seen].map((path) => basename(path)));
}

async function functionOf(
  { name, text }: { name: string; text: string },
  { target, minifySyntax, minifyWhitespace }: BuildOptions,
): Promise<string> {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    supported: { "dynamic-import": false }, // it becomes a call of `require`
    ...(target && { target }),
    ...(minifySyntax && { minifySyntax }),
    ...(minifyWhitespace && { minifyWhitespace }),
  });
  const all = /\bexport default require_\w+\(\);?\s*$/.test(text) ? code + addNames : code;
  return `${JSON.stringify(`./${name}`)}(exports,require,module,__filename,__dirname){${all}}`;
}

/** Of a CommonJS package esbuild exports `default` only; Node has its names, too. */
const addNames = `;(it=>{for(const name of Object.getOwnPropertyNames(it.default))
name in it||Object.defineProperty(it,name,{get:()=>it.default[name],enumerable:true})})(module.exports);`;

/** What a console script calls: `nano_pdf.main:app`. */
export interface EntryPoint {
  readonly module: string;
  /** Dotted name in the module. */
  readonly attribute: string;
}

const dotted = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

/**
 * Reads the console scripts of a wheel's entry_points.txt, by name. Only plain `module:name`
 * entries are read, because they become Python source.
 */
export function parseEntryPoints(text: string): ReadonlyMap<string, EntryPoint> {
  const found = new Map<string, EntryPoint>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[([^\]]+)\]\s*$/.exec(line);
    if (heading) section = heading[1]?.trim() ?? "";
    const match = /^\s*([^#;=\s][^=]*?)\s*=\s*([^\s:]+)\s*:\s*([^\s[]+)\s*(\[[^\]]*\])?\s*$/.exec(
      line,
    );
    if (section !== "console_scripts" || !match) continue;
    const [, name = "", module = "", attribute = ""] = match;
    if (dotted.test(module) && dotted.test(attribute)) found.set(name, { module, attribute });
  }
  return found;
}

/** The Python text that calls an entry point with only the packages beside it. */
export function renderEntryPoint({ module, attribute }: EntryPoint): string {
  const [first = ""] = attribute.split(".");
  return `${head}
if __name__ == "__main__":
    from ${module} import ${first}

    sys.exit(${attribute}())
`;
}

/** The Python text that runs a script of a wheel, stored in `scripts/` under its plain name. */
export function renderScript(name: string): string {
  return `${head}
if __name__ == "__main__":
    import runpy

    runpy.run_path(os.path.join(root, "scripts", ${JSON.stringify(name)}), run_name="__main__")
`;
}

/** The interpreter's own packages (pip, and any that an operator added) must not mix with these. */
const head = `import os
import site
import sys

root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
others = set(site.getsitepackages())
sys.path[:] = [path for path in sys.path if path not in others]
site.addsitedir(os.path.join(root, "site-packages"))
`;

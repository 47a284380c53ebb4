/** The modules that may hold a package of Go, longest path first. */
export function goModules(path: string): { readonly module: string; readonly directory: string }[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => {
    const at = parts.length - i;
    return {
      module: parts.slice(0, at).join("/"),
      directory: parts.slice(at).join("/") || ".",
    };
  });
}

/** The `go` line of a go.mod: the smallest Go that builds the module. */
export function goLine(text: string): string | undefined {
  return /^go\s+(1\.\d+(?:\.\d+)?)\b/m.exec(text)?.[1];
}

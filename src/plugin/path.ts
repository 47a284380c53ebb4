type Env = Record<string, string | undefined>;

/**
 * Puts a directory at the end of PATH, so that it hides no program of the image. Gives what removes it
 * again, which does nothing if the directory was on PATH before. One that PATH cannot name is left out: `watch`
 * refuses it.
 */
export function extendPath(env: Env, directory: string): () => void {
  const entries = (): string[] => (env.PATH ?? "").split(":").filter(Boolean);
  if (!/^\/[^:\0]*$/.test(directory) || entries().includes(directory)) return () => {};
  env.PATH = [...entries(), directory].join(":");
  let isOurs = true;
  return () => {
    // OpenClaw changes its PATH too, so only this entry is removed.
    if (isOurs)
      env.PATH = entries()
        .filter((entry) => entry !== directory)
        .join(":");
    isOurs = false;
  };
}

/** The file in which a build leaves what tells it from others: the digest of all that it is made of. */
export const buildFile = "dist/build.txt";

/** OpenClaw's plugin, in a package. */
export const pluginDir = "dist/plugin";

/** The modules by which scripts of skills find their packages, in a package. */
export const hooksDir = "entrypoint/libraries";

/** True for a file of the package, by its path in it, of which the volume's command has a copy. */
export function isPartOfCommand(path: string): boolean {
  if (["package.json", "LICENSE", "Dockerfile.example"].includes(path)) return true;
  if (path.startsWith("dist/")) return !path.includes(".cache"); // made by one machine's Node
  return /^entrypoint\/(openclaw-install-skill-deps|[\w-]+\.sh|libraries\/\w+(\.py|\.cjs)?)$/.test(
    path,
  );
}

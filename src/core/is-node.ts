/** True for a Node that the program runs on. Bun and Deno report a Node version, but lack parts of Node. */
export function isNode({ node, bun, deno }: NodeJS.ProcessVersions): boolean {
  return bun === undefined && deno === undefined && Number.parseInt(node ?? "", 10) >= 22;
}

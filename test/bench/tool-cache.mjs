// @actions/tool-cache as its README has it: find, else download, extract, cache. 4 at once. It
// verifies nothing. It is no package of ours, so that this is no TypeScript.
//
//   RUNNER_TEMP=… RUNNER_TOOL_CACHE=… node tool-cache.cjs FILE.json
import { readFileSync } from "node:fs";
import { cacheDir, downloadTool, extractTar, extractZip, find } from "@actions/tool-cache";
import pLimit from "p-limit";

const items = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const limit = pLimit(4);

async function install({ tool, version, url, format }) {
  if (find(tool, version) !== "") return;
  const file = await downloadTool(url);
  const tree = format === "zip" ? await extractZip(file) : await extractTar(file);
  await cacheDir(tree, tool, version);
}

Promise.all(items.map((item) => limit(() => install(item))));

/** A program to build from a module: its recipe, and a loopback server as the module proxy. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { serveModule, sumOf } from "./go-modules.ts";
import type { Workplace } from "./workplace.ts";

/** The machine's go, absolute. */
export const machineGo = findGo();

function findGo(): string | undefined {
  try {
    const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
    return join(root, "bin/go");
  } catch {
    return undefined;
  }
}

/** What makes a workplace's server the module proxy. */
export function proxyEnv({ server }: Workplace): Record<string, string> {
  return { GOPROXY: `${server.origin}/goproxy`, GOSUMDB: "off", GOENV: "off" };
}

// Without fmt: a Go that has compiled nothing yet takes seconds and not a minute for it.
const main = `package main

import "example.test/word"

func main() { println(word.Word) }
`;
export const word = {
  "go.mod": "module example.test/word\n\ngo 1.21\n",
  "word.go": 'package word\n\nconst Word = "zog"\n',
};

/** A recipe of zog: a module with a dependency, which its go.sum pins. */
export function offerZog(place: Workplace, over: object = {}): void {
  const pinned = serveModule(place.server, "example.test/word", "v1.0.0", word);
  const modSum = sumOf([{ name: "go.mod", body: word["go.mod"] }]);
  const zog = serveModule(place.server, "example.test/zog", "v1.0.0", {
    "go.mod": "module example.test/zog\n\ngo 1.21\n\nrequire example.test/word v1.0.0\n",
    "go.sum": `example.test/word v1.0.0 ${pinned.sum}\nexample.test/word v1.0.0/go.mod ${modSum}\n`,
    "cmd/zog/main.go": main,
  });
  const source = { go: zog.at, package: "cmd/zog", sum: zog.sum, ...over };
  place.recipe("zog", { artifacts: { "linux-x64": source, "linux-arm64": source }, test: ["zog"] });
}

/** Programs built from modules, with a proxy on the loopback interface and a real Go. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describe as describeBytes } from "../support/archives.ts";
import { serveModule, sumOf } from "../support/go-modules.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { zipBytes } from "../support/zip-bytes.ts";

const go = machineGo();

/** The machine's go, absolute. */
function machineGo(): string | undefined {
  try {
    const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
    return join(root, "bin/go");
  } catch {
    return undefined;
  }
}

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  env = { GOPROXY: `${place.server.origin}/goproxy`, GOSUMDB: "off", GOENV: "off" };
});
afterEach(() => place.close());

// Without fmt: a Go that has compiled nothing yet takes seconds and not a minute for it.
const main = `package main

import "example.test/word"

func main() { println(word.Word) }
`;
const word = {
  "go.mod": "module example.test/word\n\ngo 1.21\n",
  "word.go": 'package word\n\nconst Word = "zog"\n',
};

/** A module with a dependency, which its go.sum pins. */
function offer(over: object = {}): void {
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

const staging = (): string[] => readdirSync(join(place.prefix, "lib/.staging"));

describe.skipIf(!go)("a program built from a module", { timeout: 240_000 }, () => {
  test("is built, tested and runs; nothing of the build stays", async () => {
    offer();
    const { status, stderr } = await place.runWith(env);
    expect(stderr).toMatch(/zog 1\.0\.0: installed zog/);
    expect(status).toBe(0);
    const said = execFileSync("sh", ["-c", 'exec "$0" 2>&1', join(place.prefix, "bin/zog")]);
    expect(said.toString()).toBe("zog\n");
    const files = Object.keys(place.snapshot()).filter((path) => path.startsWith("lib/zog/"));
    expect(files.filter((path) => /\/bin\//.test(path))).toHaveLength(1);
    expect(files).toHaveLength(4); // the tree, its record, bin and the program
    expect(staging()).toEqual([]);
    expect((await place.runWith(env)).stderr).toMatch(/nothing to do/);
  });

  test("is built for the other processor, without C or version control", async () => {
    offer();
    const { status } = await place.runWith(env, "--platform", "linux-arm64");
    expect(status).toBe(0);
    const program = readFileSync(join(place.prefix, "bin/zog"));
    expect(program.readUInt16LE(18)).toBe(183); // EM_AARCH64
  });

  test("a Go is fetched for the build where the machine's is too old, and is not kept", async () => {
    const root = "golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64";
    const script = `#!/bin/sh\nexec ${go} "$@"\n`;
    const zip = zipBytes([{ name: `${root}/bin/go`, body: script }]);
    const path = "/goproxy/golang.org/toolchain/@v/v0.0.1-go1.99.0.linux-amd64.zip";
    place.server.serve(path, zip);
    const { sha256, size } = describeBytes(zip);
    const source = { go: root, sha256, size, strip: 2 };
    place.recipe("go", {
      version: "1.99.0",
      bins: { go: "bin/go" },
      artifacts: { "linux-x64": source, "linux-arm64": source },
      test: ["go", "version"],
    });
    offer({ toolchain: "1.99" });
    const { status, stderr } = await place.runWith(env);
    expect(stderr).toMatch(/fetching Go 1\.99\.0 to build with; it is not kept/);
    expect(status).toBe(0);
    expect(place.server.hits(path)).toBe(1);
    expect(readdirSync(join(place.prefix, "lib")).sort()).toEqual([".staging", "zog"]);
    expect(staging()).toEqual([]);
  });
});

describe.skipIf(!go)("refused", () => {
  const refuse = async (code: number, message: RegExp, ...args: string[]) => {
    const { status, stderr } = await place.runWith(env, "--strict", ...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
    expect(staging()).toEqual([]);
  };

  test("a module with another checksum than the recipe's", async () => {
    offer({ sum: `h1:${"A".repeat(43)}=` });
    await refuse(4, /expected h1:A+=, got h1:/);
  });

  test("a module that it needs, with other contents than its go.sum says", async () => {
    offer();
    serveModule(place.server, "example.test/word", "v1.0.0", {
      ...word,
      "evil.go": "package word\n",
    });
    await refuse(4, /checksum mismatch/);
  });

  test("a module that the proxy has not; version control is never asked", async () => {
    offer({ go: "example.test/gone@v1.0.0" });
    env = { ...env, GOPROXY: `${env.GOPROXY},direct` };
    await refuse(5, /example\.test\/gone@v1\.0\.0 cannot be fetched/);
  });

  test("a package that is not there", async () => {
    offer({ package: "cmd/gone" });
    await refuse(2, /cannot be built/);
  });

  test("offline", async () => {
    offer();
    await refuse(3, /this run is offline/, "--offline");
  });
});

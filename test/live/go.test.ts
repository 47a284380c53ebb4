/** Programs that a real Go builds, from modules of a proxy on the loopback interface. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describe as describeBytes } from "../support/archives.ts";
import { serveModule } from "../support/go-modules.ts";
import { machineGo, offerZog, proxyEnv } from "../support/go-place.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { zipBytes } from "../support/zip-bytes.ts";

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  env = proxyEnv(place);
});
afterEach(() => place.close());

const staging = (): string[] => readdirSync(join(place.prefix, "lib/.staging"));

describe.skipIf(!machineGo)("a program built from a module", { timeout: 240_000 }, () => {
  beforeEach(() => place.skill("mail", { bins: ["zog"] }));

  test("is built, tested and runs; nothing of the build stays", async () => {
    offerZog(place);
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
    offerZog(place);
    const { status } = await place.runWith(env, "--platform", "linux-arm64");
    expect(status).toBe(0);
    const program = readFileSync(join(place.prefix, "bin/zog"));
    expect(program.readUInt16LE(18)).toBe(183); // EM_AARCH64
  });

  test("a Go is fetched for the build where the machine's is too old, and is not kept", async () => {
    const root = "golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64";
    const script = `#!/bin/sh\nexec ${machineGo} "$@"\n`;
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
    offerZog(place, { toolchain: "1.99" });
    const { status, stderr } = await place.runWith(env);
    expect(stderr).toMatch(/fetching Go 1\.99\.0 to build with; it is not kept/);
    expect(status).toBe(0);
    expect(place.server.hits(path)).toBe(1);
    expect(readdirSync(join(place.prefix, "lib"))).not.toContain("go");
    expect(staging()).toEqual([]);
  });
});

test.skipIf(!machineGo)(
  "a package that a skill declares is built at the version that was recorded",
  { timeout: 240_000 },
  async () => {
    const main = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("zog built") }\n';
    serveModule(place.server, "example.test/zog", "v1.0.0", {
      "go.mod": "module example.test/zog\n\ngo 1.20\n",
      "cmd/zog/main.go": main,
    });
    const install = [{ kind: "go", module: "example.test/zog/cmd/zog@v1.0.0", bins: ["zog"] }];
    place.skill("mail", { bins: ["zog"] }, { install });
    const { status, stderr } = await place.runWith(env, "--allow-declared");
    expect(stderr).toMatch(/1 installed/);
    expect(status).toBe(0);
    expect(execFileSync(join(place.prefix, "bin/zog"), { encoding: "utf8" })).toBe("zog built\n");
    const file = join(place.prefix, "share/openclaw-skill-deps/declared.json");
    const record = JSON.parse(readFileSync(file, "utf8"));
    expect(JSON.stringify(record.tools.zog.recipe)).toMatch(/"sum":"h1:/);
  },
);

/** What of a module is not built, with a proxy on the loopback interface and a real Go. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveModule } from "../support/go-modules.ts";
import { machineGo, offerZog, proxyEnv, word } from "../support/go-place.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let env: Record<string, string>;
beforeEach(async () => {
  place = await openWorkplace();
  place.skill("mail", { bins: ["zog"] });
  env = proxyEnv(place);
});
afterEach(() => place.close());

describe.skipIf(!machineGo)("refused", () => {
  const refuse = async (code: number, message: RegExp, ...args: string[]) => {
    const { status, stderr } = await place.runWith(env, "--strict", ...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
    expect(existsSync(join(place.prefix, "bin/zog"))).toBe(false);
    expect(readdirSync(join(place.prefix, "lib/.staging"))).toEqual([]);
  };

  test("a module with another checksum than the recipe's", async () => {
    offerZog(place, { sum: `h1:${"A".repeat(43)}=` });
    await refuse(4, /expected h1:A+=, got h1:/);
  });

  test("a module that it needs, with other contents than its go.sum says", async () => {
    offerZog(place);
    serveModule(place.server, "example.test/word", "v1.0.0", {
      ...word,
      "evil.go": "package word\n",
    });
    await refuse(4, /checksum mismatch/);
  });

  test("a module that the proxy has not; version control is never asked", async () => {
    offerZog(place, { go: "example.test/gone@v1.0.0" });
    env = { ...env, GOPROXY: `${env.GOPROXY},direct` };
    await refuse(5, /example\.test\/gone@v1\.0\.0 cannot be fetched/);
  });

  test("a proxy that sends a web page", async () => {
    offerZog(place, { go: "example.test/page@v1.0.0" });
    place.server.serve("/goproxy/example.test/page/@v/v1.0.0.info", "", { fault: "html" });
    await refuse(5, /invalid response from proxy \S+: it responded with a web page/);
  });

  test("go's counters are not written outside the volume, whoever runs it", async () => {
    const bin = join(place.dir, "bin");
    const homes = join(place.dir, "homes");
    mkdirSync(bin);
    // What cannot be created was created by this go, as root also in `/`.
    const noted = `mkdir -p "$HOME/.config/go" && echo "$HOME" >>${homes}`;
    const text = `#!/bin/sh\n(${noted}) 2>/dev/null\nexec ${machineGo} "$@"\n`;
    writeFileSync(join(bin, "go"), text, { mode: 0o755 });
    offerZog(place, { package: "cmd/gone" });
    env = { ...env, PATH: `${bin}:${process.env.PATH}` };
    await refuse(2, /cannot be built/);
    const outside = readFileSync(homes, "utf8")
      .split("\n")
      .filter((home) => home !== "" && !home.startsWith(`${place.prefix}/`));
    expect(outside).toEqual([]);
  });

  test("a package that is not there", async () => {
    offerZog(place, { package: "cmd/gone" });
    await refuse(2, /cannot be built/);
  });

  test("offline", async () => {
    offerZog(place);
    await refuse(3, /this run is offline/, "--offline");
  });
});

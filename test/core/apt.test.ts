import { describe, expect, test } from "vitest";
import {
  aptProxyFor,
  parseAptSettings,
  parseSourcesList,
  parseSourcesStanzas,
  parseStanzas,
} from "../../src/core/locks/apt.ts";

describe("sources", () => {
  test("one line each", () => {
    const text = `# deb http://off.test/debian bookworm main
deb http://a.test/debian/ bookworm main contrib # why
deb-src http://a.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://b.test/x bookworm-security main
nonsense
`;
    expect(parseSourcesList(text)).toEqual([
      {
        uri: "http://a.test/debian",
        suite: "bookworm",
        components: ["main", "contrib"],
        signedBy: [],
      },
      {
        uri: "https://b.test/x",
        suite: "bookworm-security",
        components: ["main"],
        signedBy: ["/usr/share/keyrings/a.gpg"],
      },
    ]);
  });

  test("stanzas", () => {
    const text = `Types: deb deb-src
# a comment in between
URIs: http://a.test/debian http://b.test/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .

Types: deb
URIs: http://off.test
Suites: sid
Enabled: no
Components: main
`;
    const found = parseSourcesStanzas(text);
    expect(found.map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      "http://a.test/debian bookworm",
      "http://a.test/debian bookworm-updates",
      "http://b.test/debian bookworm",
      "http://b.test/debian bookworm-updates",
    ]);
    expect(found[0]?.signedBy).toEqual([]);
  });
});

test("stanzas keep the lines that go on", () => {
  const [first, second, ...others] = parseStanzas("A: 1\nB:\n x\n y\n\n\nA: 2\n");
  expect(first).toEqual(
    new Map([
      ["a", "1"],
      ["b", "\nx\ny"],
    ]),
  );
  expect(second?.get("a")).toBe("2");
  expect(others).toEqual([]);
});

describe("settings", () => {
  const settings = parseAptSettings(`// a comment "x" {
Acquire::http::Proxy "http://plain.test:3142";
Acquire { http { Proxy { direct.test "DIRECT"; }; }; https::Proxy "tls.test:8080"; };
/* more */ # less
Dir::Etc "/elsewhere"; APT::Architectures { "amd64"; };
`);
  test.each([
    ["http://a.test/x", "http://plain.test:3142"],
    ["http://direct.test/x", "DIRECT"],
    ["https://a.test/x", "tls.test:8080"],
  ])("the proxy for %s is %s", (url, proxy) => {
    expect(aptProxyFor(new URL(url), settings)?.value).toBe(proxy);
  });
  test("others are read too", () => {
    expect(settings.get("dir::etc")).toBe("/elsewhere");
    expect(aptProxyFor(new URL("http://a.test"), new Map())).toBeUndefined();
  });
});

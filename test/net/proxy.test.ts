import { describe, expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import { isDirect } from "../../src/net/no-proxy.ts";
import { proxyFor } from "../../src/net/proxy.ts";

const plain = new URL("http://files.example/a");
const secure = new URL("https://files.example/a");

const parse = (value: string) => proxyFor(plain, { env: { http_proxy: value }, settings: {} });

describe("a proxy, as curl and npm read it", () => {
  test.each([
    ["http://proxy.example:3128", "http", "http://proxy.example:3128/"],
    ["proxy.example:3128", "http", "http://proxy.example:3128/"],
    ["//proxy.example:3128", "http", "http://proxy.example:3128/"],
    ["10.0.0.1:3128", "http", "http://10.0.0.1:3128/"],
    ["[::1]:3128", "http", "http://[::1]:3128/"],
    ["proxy", "http", "http://proxy/"],
    ["HTTP://PROXY.example:80/", "http", "http://proxy.example/"],
    [" http://proxy.example:3128\n", "http", "http://proxy.example:3128/"],
    ['"http://proxy.example:3128"', "http", "http://proxy.example:3128/"],
    ["'proxy.example:3128'", "http", "http://proxy.example:3128/"],
    ["https://proxy.example:8443", "http", "https://proxy.example:8443/"],
    ["socks5h://proxy.example:1080", "socks5", "socks5h://proxy.example:1080"],
    ["socks5://proxy.example", "socks5", "socks5://proxy.example"],
    ["socks://[::1]:1080", "socks5", "socks://[::1]:1080"],
    ["socks4a://proxy.example:1080", "socks4", "socks4a://proxy.example:1080"],
  ])("%s", (value, kind, href) => {
    const found = parse(value);
    expect(found).toMatchObject({ kind, user: "", password: "", setting: "http_proxy" });
    expect(found?.url.href).toBe(href);
  });

  test.each([
    ["http://me:pw@proxy.example:3128", "me", "pw"],
    ["http://me@proxy.example:3128", "me", ""],
    ["me:pw@proxy.example:3128", "me", "pw"],
    ["http://corp%5Cme:p%40ss@proxy.example", "corp\\me", "p@ss"],
    ["http://me:100%@proxy.example", "me", "100%"],
    ["http://me:50%off%2F@proxy.example", "me", "50%off/"],
    ["http://me:%zz%e9@proxy.example", "me", "%zz%e9"],
    ["http://me:a@b@proxy.example", "me", "a@b"],
    ["socks5://me:100%@proxy.example:1080", "me", "100%"],
  ])("credentials in %s", (value, user, password) => {
    const found = parse(value);
    expect(found).toMatchObject({ user, password });
    expect(found?.url.href).not.toContain("@");
  });

  test.each([
    ["ftp://me:s3cret@proxy.example", /not a supported proxy/],
    ["socks9://proxy.example", /not a supported proxy/],
    ["http://proxy.example:port", /not a proxy's URL/],
    ["http://me:s3cret#x@proxy.example:3128", /not a proxy's URL/],
    ["http://", /not a proxy's URL/],
    ["http://proxy one:3128", /not a proxy's URL/],
    ["http://proxy.example:99999", /not a proxy's URL/],
    ["http://proxy.example/proxy.pac", /script that chooses a proxy \(PAC\)/],
    ["http://wpad/wpad.dat", /PAC/],
    ["pac+http://proxy.example/x", /PAC/],
    ["file:///etc/proxy.pac", /PAC/],
    ["javascript:alert(1)", /not a proxy.s URL|not a supported proxy/],
  ])("%s is refused by name, without its password", (value, why) => {
    expect(() => parse(value)).toThrow(UserError);
    expect(() => parse(value)).toThrow(/^http_proxy=/);
    expect(() => parse(value)).toThrow(why);
    expect(() => parse(value)).not.toThrow(/s3cret/);
    try {
      parse(value);
    } catch (error) {
      expect(error).toMatchObject({ kind: "config" });
      expect((error as UserError).hint).toMatch(/http:\/\/host:port/);
    }
  });
});

describe("which setting counts", () => {
  const setting = (url: URL, env: Record<string, string>, settings = {}) =>
    proxyFor(url, { env, settings })?.setting;
  const npm = { proxy: "http://npm.example", httpsProxy: "http://npms.example" };

  test("lower case before upper case, the scheme's own before that for all, both before npm's", () => {
    expect(setting(plain, { http_proxy: "a", HTTP_PROXY: "b" })).toBe("http_proxy");
    expect(setting(plain, { http_proxy: "", HTTP_PROXY: "b" })).toBe("HTTP_PROXY");
    expect(setting(secure, { ALL_PROXY: "a", HTTPS_PROXY: "b" })).toBe("HTTPS_PROXY");
    expect(setting(secure, { all_proxy: "a" }, npm)).toBe("all_proxy");
    expect(setting(secure, {}, npm)).toBe("npm's https-proxy");
    expect(setting(plain, {}, npm)).toBe("npm's proxy");
    expect(setting(secure, {}, { proxy: "http://npm.example" })).toBe("npm's proxy");
    expect(setting(secure, {})).toBeUndefined();
    expect(setting(secure, { HTTPS_PROXY: ' "" ' })).toBeUndefined();
  });

  test("one that is not asked may be nonsense", () => {
    expect(setting(secure, { HTTP_PROXY: "ftp://x", HTTPS_PROXY: "b" })).toBe("HTTPS_PROXY");
    expect(setting(plain, { HTTP_PROXY: "ftp://x", NO_PROXY: "files.example" })).toBeUndefined();
    expect(setting(plain, { HTTP_PROXY: "b" }, { proxy: "ftp://x" })).toBe("HTTP_PROXY");
  });

  test("a request's own goes before all, and may be none", () => {
    const env = { http_proxy: "a", no_proxy: "*" };
    const ask = (value: string) =>
      proxyFor(plain, { env, settings: {}, own: { name: "own", value } })?.setting;
    expect(ask("http://own.example")).toBe("own");
    expect(ask("DIRECT")).toBeUndefined();
    expect(ask("direct")).toBeUndefined();
  });
});

describe("NO_PROXY", () => {
  test.each([
    // Names
    ["example.com", "https://example.com", true],
    ["example.com", "https://a.b.example.com", true],
    ["example.com", "https://notexample.com", false],
    [".example.com", "https://a.example.com", true],
    [".example.com", "https://example.com", true],
    ["*.example.com", "https://a.example.com", true],
    ["EXAMPLE.com.", "https://a.Example.COM", true],
    ["example.com", "https://example.com.", true],
    ["b\u00fccher.example", "https://b\u00fccher.example", true],
    ["http://intern.example/path", "https://intern.example", true],
    ["a.example b.example\tc.example", "https://b.example", true],
    [" a.example , b.example ", "https://b.example", true],
    ["a.example;b.example", "https://b.example", true],
    ["", "https://a.example", false],
    [",,", "https://a.example", false],
    // All
    ["*", "https://a.example", true],
    ["localhost, *", "https://a.example", true],
    ["localhost,*", "http://[::1]", true],
    // Ports
    ["example.com:8443", "https://example.com:8443", true],
    ["example.com:8443", "https://example.com", false],
    ["example.com:443", "https://example.com", true],
    [".example.com:80", "http://a.example.com", true],
    ["127.0.0.1:81", "http://127.0.0.1", false],
    ["127.0.0.1:81", "http://127.0.0.1:81", true],
    ["[::1]:81", "http://[::1]:81", true],
    ["[::1]:81", "http://[::1]:82", false],
    // Addresses and networks
    ["::1", "http://[::1]:4873", true],
    ["[::1]", "http://[::1]", true],
    ["0:0:0:0:0:0:0:1", "http://[::1]", true],
    ["fd00::/8", "http://[fd12::9]", true],
    ["[fd00::]/8", "http://[fd12::9]", true],
    ["fd00::/8", "http://[fe80::9]", false],
    ["10.0.0.0/8", "http://10.1.2.3", true],
    ["10.1.2.3/8", "http://10.200.0.1", true],
    ["10.0.0.0/8", "http://11.1.2.3", false],
    ["10.0.0.0/8", "http://10.example", false],
    ["0.0.0.0/0", "http://10.1.2.3", true],
    ["192.168.1.0/24,127.0.0.1/32", "http://127.0.0.1", true],
    ["10.0.0.0/99", "http://10.1.2.3", false],
    ["/8", "http://10.1.2.3", false],
    ["10.0.0.0/8", "http://[::ffff:10.1.2.3]", true],
    ["127.0.0.1", "http://127.0.0.1", true],
    ["0.0.1", "http://127.0.0.1", false],
    ["192.168.*", "http://192.168.7.7", true],
    ["192.168.*", "http://192.169.7.7", false],
  ])("%j for %s: %s", (list, url, direct) => {
    expect(isDirect(new URL(url), list)).toBe(direct);
  });
});

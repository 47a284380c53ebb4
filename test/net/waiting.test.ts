import { expect, test } from "vitest";
import { defaultRetryPolicy, hasty } from "../../src/net/retry.ts";
import { withWaiting } from "../../src/net/waiting.ts";

const wait = (env: Record<string, string>, waits: { value: string; unit: 1 | 1000 }[] = []) => {
  const settings = { waits: waits.map((each) => ({ name: "a tool's", ...each })) };
  const { stallMs, firstByteMs, deadMs } = withWaiting(defaultRetryPolicy, env, settings);
  return { stallMs, firstByteMs, deadMs };
};
const usual = wait({});
const minutes = { stallMs: 300_000, firstByteMs: 300_000, deadMs: 310_000 };

test("without a setting, the first byte is waited for longer than the others, and nothing for ever", () => {
  expect(usual.firstByteMs).toBeGreaterThan(20_000);
  expect(usual.firstByteMs).toBeGreaterThan(usual.stallMs);
  expect(usual.deadMs).toBeGreaterThan(usual.firstByteMs);
  expect(hasty(defaultRetryPolicy).firstByteMs).toBeLessThan(usual.stallMs);
});

test("each tool's own setting makes it longer, in its own unit", () => {
  expect(wait({ OPENCLAW_SKILL_TIMEOUT: "300" })).toEqual(minutes);
  expect(wait({ UV_HTTP_TIMEOUT: "300" })).toEqual(minutes);
  expect(wait({ UV_REQUEST_TIMEOUT: "300" })).toEqual(minutes);
  expect(wait({}, [{ value: "300000", unit: 1 }])).toEqual(minutes);
  expect(wait({}, [{ value: "300.0", unit: 1000 }])).toEqual(minutes);
  expect(
    wait({ UV_HTTP_TIMEOUT: "100" }, [
      { value: "300000", unit: 1 },
      { value: "30", unit: 1000 },
    ]),
  ).toEqual(minutes);
});

test("only ours makes it shorter", () => {
  expect(wait({ UV_HTTP_TIMEOUT: "5" }, [{ value: "1000", unit: 1 }])).toEqual(usual);
  expect(wait({ OPENCLAW_SKILL_TIMEOUT: "5", UV_HTTP_TIMEOUT: "300" })).toEqual({
    stallMs: 5000,
    firstByteMs: 5000,
    deadMs: 10_000,
  });
});

test("what is no time: ours is refused, the others' are passed over; none overflows a timer", () => {
  for (const value of ["5m", "-1", "1e9x", "five"]) {
    expect(() => wait({ OPENCLAW_SKILL_TIMEOUT: value })).toThrow(
      `OPENCLAW_SKILL_TIMEOUT=${value} is not a time`,
    );
    expect(wait({ UV_HTTP_TIMEOUT: value }, [{ value, unit: 1 }])).toEqual(usual);
  }
  expect(wait({ OPENCLAW_SKILL_TIMEOUT: " " })).toEqual(usual);
  for (const value of ["0", "99999999999999"]) {
    const { deadMs } = wait({ OPENCLAW_SKILL_TIMEOUT: value });
    expect(deadMs).toBeGreaterThan(3_600_000);
    expect(deadMs).toBeLessThan(2 ** 31);
  }
});

test("npm's fetch-retries adds to ours, within reason", () => {
  const retries = (value: string) =>
    withWaiting(defaultRetryPolicy, {}, { retries: value }).retries;
  expect(["0", "5", "1000", "many"].map(retries)).toEqual([3, 5, 10, 3]);
});

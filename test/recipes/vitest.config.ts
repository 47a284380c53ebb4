import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: import.meta.dirname,
    globalSetup: `${import.meta.dirname}/setup.ts`,
    expect: { requireAssertions: true },
    reporters: "verbose", // one line for each recipe, when it is done
    fileParallelism: false,
    // A Go program is built for minutes.
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
  },
});

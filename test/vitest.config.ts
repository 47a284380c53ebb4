import { defineConfig } from "vitest/config";

const here = import.meta.dirname;

/** What `npm test` runs: all that needs neither a network, nor containers, nor a quiet machine. */
export default defineConfig({
  test: {
    dir: here,
    exclude: ["live", "containers", "openclaw", "reliability", "bench"].map(
      (dir) => `**/${dir}/**`,
    ),
    globalSetup: `${here}/support/code-cache.ts`,
    expect: { requireAssertions: true },
    // The tests share no state but the modules, which a process then loads once and not for each file.
    isolate: false,
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

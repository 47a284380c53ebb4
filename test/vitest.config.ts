import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const dir = import.meta.dirname;
const others = ["live", "containers", "openclaw", "recipes", "reliability", "skills"].map(
  (name) => `${name}/**`,
);
/** They mostly start the built command. */
const commands = ["{docs,e2e,entrypoint}/**/*.test.ts", "no-shell.test.ts"];

const common = {
  dir,
  expect: { requireAssertions: true },
  // The tests share no state but the modules, which a process then loads once and not for each file.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** An option that only the types want to be one of all projects. */
const gzipAndZip = { testNamePattern: /gz|zip|zlib/ };

/** What `npm test` runs: all that needs neither a network, nor containers, nor a quiet machine. */
export default defineConfig({
  test: {
    globalSetup: `${dir}/support/setup.ts`,
    // One more than there are cores: some tests wait.
    maxWorkers: availableParallelism() + 1,
    // Apart, because to start a command costs less the smaller the process is that starts it.
    projects: [
      { test: { ...common, name: "commands", include: commands } },
      {
        test: {
          ...common,
          name: "units",
          include: ["**/*.test.ts"],
          exclude: [...others, ...commands],
        },
      },
      // gzip and zip once more, as on a Node that has another zlib.
      {
        test: {
          ...common,
          name: "other zlib",
          include: ["unpack/{decoders,extract,hostile,inflater}.test.ts"],
          ...gzipAndZip,
          execArgv: ["--require", `${dir}/support/other-zlib.cjs`],
        },
      },
    ],
  },
});

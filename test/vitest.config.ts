import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const dir = import.meta.dirname;
const others = ["live", "containers", "openclaw", "recipes", "reliability", "skills"].map(
  (name) => `${name}/**`,
);
/** They mostly start the built command. */
const commands = ["{docs,e2e,entrypoint}/**/*.test.ts", "no-shell.test.ts"];
/** Of these, what a change is most likely to break: the ways through the command that everybody goes. */
const flows = [
  "e2e/{install,freshness,remove,bundle,bad-input}.test.ts",
  "entrypoint/hook.test.ts",
];

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

/**
 * All that needs neither a network, nor containers, nor a quiet machine. `npm test` leaves out the project `commands`,
 * which takes eight of ten minutes.
 */
export default defineConfig({
  test: {
    globalSetup: `${dir}/support/setup.ts`,
    // One more than there are cores: some tests wait.
    maxWorkers: availableParallelism() + 1,
    // Apart, because to start a command costs less the smaller the process is that starts it.
    projects: [
      { test: { ...common, name: "flows", include: flows } },
      { test: { ...common, name: "commands", include: commands, exclude: flows } },
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

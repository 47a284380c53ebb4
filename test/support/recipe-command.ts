import { spawn } from "node:child_process";
import { once } from "node:events";
import { bundle, type Workplace } from "./workplace.ts";

/** `recipe …` by the built command, for which github.com is the workplace: its server, and its directory `repositories`. */
export function runRecipe(place: Workplace, ...args: string[]) {
  return place.runWith(repositories(place), "recipe", ...args, ...mirror(place));
}

/** The same, as a process to send signals to; `ended` gives its status. */
export function startRecipe(
  place: Workplace,
  env: Readonly<Record<string, string>>,
  ...args: string[]
) {
  const child = spawn(process.execPath, [bundle, "recipe", ...args, ...mirror(place)], {
    env: { ...place.env, ...repositories(place), ...env },
    cwd: place.home,
    stdio: "ignore",
  });
  return { child, ended: once(child, "exit").then(([status]) => status as number | null) };
}

const repositories = ({ dir }: Workplace) => ({
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: `url.file://${dir}/repositories/.insteadOf`,
  GIT_CONFIG_VALUE_0: "https://github.com/",
});

const mirror = ({ server }: Workplace): string[] => [
  "--mirror",
  `https://github.com/=${server.origin}/`,
];

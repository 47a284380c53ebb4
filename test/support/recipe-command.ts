import type { Workplace } from "./workplace.ts";

/** `recipe …` by the built command, for which github.com is the workplace: its server, and its directory `repositories`. */
export function runRecipe(place: Workplace, ...args: string[]) {
  const repositories = {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `url.file://${place.dir}/repositories/.insteadOf`,
    GIT_CONFIG_VALUE_0: "https://github.com/",
  };
  const mirror = `https://github.com/=${place.server.origin}/`;
  return place.runWith(repositories, "recipe", ...args, "--mirror", mirror);
}

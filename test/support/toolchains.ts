import type { PipConfig } from "../../src/net/pip-config.ts";
import type { Toolchains } from "../../src/sources/toolchains.ts";

const never = (): never => {
  throw new Error("no toolchain is asked for");
};

/** Of a machine and a volume without Python and Go. */
export function noToolchains(pip: () => Promise<PipConfig> = never): Toolchains {
  return {
    ...{ pip, goConfig: never, python: never, toolchain: never },
    ...{ networkEnv: {}, offline: false, systemPython: () => undefined },
    ...{ anyPython: async () => undefined, systemIndex: async () => undefined },
  };
}

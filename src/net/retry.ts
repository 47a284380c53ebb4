/** All in milliseconds except the counts. Tests shorten them. */
export interface RetryPolicy {
  readonly connectMs: number;
  /** An attempt that has received data ends after this long without a byte. */
  readonly stallMs: number;
  /** The same before the first byte: a mirror may have to fetch the file itself. */
  readonly firstByteMs: number;
  /**
   * The transfer ends if it receives less than `aliveBytes` in this time, including retries and
   * pauses.
   */
  readonly deadMs: number;
  readonly aliveBytes: number;
  /** The same if there is another source. */
  readonly hastyMs: number;
  /** After this long without a byte other transfers may use its place. */
  readonly quietMs: number;
  /** Retries without progress. */
  readonly retries: number;
  /** The first pause; each next one is twice as long, minus a random part. */
  readonly backoffMs: number;
  /** The longest Retry-After that is obeyed. */
  readonly retryAfterMaxMs: number;
  /** True if the machine's settings define the timeout. */
  readonly isSet: boolean;
}

/** Two dead sources in sequence are given up within a minute. */
export const defaultRetryPolicy: RetryPolicy = {
  connectMs: 10_000,
  stallMs: 15_000,
  firstByteMs: 30_000,
  deadMs: 40_000,
  aliveBytes: 65_536,
  hastyMs: 6000,
  quietMs: 1500,
  retries: 3,
  backoffMs: 400,
  retryAfterMaxMs: 20_000,
  isSet: false,
};

/** If there is another source, waiting for this one is worth only seconds. */
export function hasty(policy: RetryPolicy): RetryPolicy {
  const { hastyMs } = policy;
  return {
    ...policy,
    stallMs: Math.min(policy.stallMs, hastyMs / 2),
    firstByteMs: Math.min(policy.firstByteMs, hastyMs / 2),
    deadMs: Math.min(policy.deadMs, hastyMs),
    retries: Math.min(policy.retries, 1),
    retryAfterMaxMs: Math.min(policy.retryAfterMaxMs, hastyMs / 4),
  };
}

export interface StallTimer {
  /** Aborted when the transfer is dead or the run is stopped. */
  readonly signal: AbortSignal;
  alive(bytes: number): void;
  /** Runs our own work, such as unpacking: its time does not count as the server's. */
  ours<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** After the timeout, bytes that arrived while this process was busy are still read (ms). */
const lastLookMs = 250;

/**
 * Ends a transfer without real progress: neither slow trickles nor a chain of retries can hold up a
 * run.
 */
export function startStallTimer(
  policy: RetryPolicy,
  outer: AbortSignal | undefined,
  onQuiet: (quiet: boolean) => void,
): StallTimer {
  const controller = new AbortController();
  const own = stopwatch();
  let hasLooked = false;
  const expire = (): void => {
    const ownMs = own.take();
    if (hasLooked && ownMs < lastLookMs / 2) controller.abort();
    else timer = setTimeout(expire, Math.max(ownMs, lastLookMs));
    hasLooked = true;
  };
  let timer = setTimeout(expire, policy.deadMs);
  const silence = startSilenceTimer(policy.quietMs, onQuiet);
  let bytes = 0;
  return {
    signal: outer ? AbortSignal.any([controller.signal, outer]) : controller.signal,
    alive(more) {
      silence.heard();
      bytes += more;
      if (bytes < policy.aliveBytes) return;
      bytes = 0;
      hasLooked = false;
      own.take();
      clearTimeout(timer);
      timer = setTimeout(expire, policy.deadMs);
    },
    async ours(work) {
      own.start();
      try {
        return await work;
      } finally {
        own.stop();
      }
    },
    end() {
      clearTimeout(timer);
      silence.end();
    },
  };
}

/** Tells when no byte has come for a while, and when that is over. */
function startSilenceTimer(quietMs: number, onQuiet: (quiet: boolean) => void) {
  let isQuiet = false;
  const tell = (quiet: boolean): void => {
    if (quiet === isQuiet) return;
    isQuiet = quiet;
    onQuiet(quiet);
  };
  const timer = setTimeout(() => tell(true), quietMs);
  return {
    heard() {
      tell(false);
      timer.refresh();
    },
    end() {
      clearTimeout(timer);
      tell(false);
    },
  };
}

/**
 * Measures the time of this process itself: what is between `start` and `stop`, one at a time, and
 * other work that keeps its event loop busy, such as other archives. `take` returns the
 * milliseconds since its last call.
 */
function stopwatch() {
  let spentMs = 0;
  let since: number | undefined;
  let busyMs = performance.eventLoopUtilization().active;
  const stop = (): void => {
    if (since !== undefined) spentMs += performance.now() - since;
    since = undefined;
  };
  return {
    start: () => {
      since = performance.now();
    },
    stop,
    take: (): number => {
      const isRunning = since !== undefined;
      stop();
      if (isRunning) since = performance.now();
      const { active } = performance.eventLoopUtilization();
      const takenMs = Math.max(spentMs, active - busyMs);
      busyMs = active;
      spentMs = 0;
      return takenMs;
    },
  };
}

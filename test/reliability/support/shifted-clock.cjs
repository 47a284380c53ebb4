/** Preloaded into the command: its clock is CLOCK_SHIFT milliseconds off, as another host's may be. */
const shift = Number(process.env.CLOCK_SHIFT ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + shift;

class ShiftedDate extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }
  static now() {
    return now();
  }
}

globalThis.Date = ShiftedDate;

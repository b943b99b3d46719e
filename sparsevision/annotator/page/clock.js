// Seconds of an annotation: from the previous action on the image, or from when it was shown; pauses are cut off.

export const LONGEST_PAUSE_S = 60;

export class Clock {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.restart();
  }

  restart() {
    this.last = this.now();
  }

  /** Seconds since the last lap, to a hundredth. */
  lap() {
    const now = this.now();
    const seconds = Math.min((now - this.last) / 1000, LONGEST_PAUSE_S);
    this.last = now;
    return Math.round(seconds * 100) / 100;
  }
}

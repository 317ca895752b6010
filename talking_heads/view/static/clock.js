// The two clocks a player can follow: the sound, or, where there is none, the time of day.

/** Time from the sound. Between the sound's own coarse steps it runs on, but never away. */
export class SoundClock {
  constructor(bytes, seconds) {
    this.seconds = seconds;
    this.audio = new Audio();
    this.url = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
    this.audio.preload = "auto";
    this.audio.src = this.url;
    this.seen = this.shown = 0;
    this.since = performance.now();
  }

  get playing() { return !this.audio.paused && !this.audio.ended; }
  get rate() { return this.audio.playbackRate; }
  set rate(value) { this.audio.playbackRate = value; }

  get time() {
    const { audio } = this;
    const sound = audio.currentTime;
    const now = performance.now();
    if (sound !== this.seen) {
      this.seen = sound;
      this.since = now;
    }
    if (!this.playing || audio.seeking || audio.readyState < 3) return (this.shown = sound);
    const guess = sound + Math.min((now - this.since) / 1000, 0.06) * audio.playbackRate;
    // Small steps back are the guess being corrected: stand still rather than go back.
    const back = this.shown - guess;
    this.shown = back > 0 && back < 0.08 ? this.shown : guess;
    return Math.min(this.shown, this.seconds);
  }

  seek(time) {
    this.audio.currentTime = time;
    this.seen = this.shown = time;
    this.since = performance.now();
  }

  async play() {
    if (this.audio.ended || this.audio.currentTime >= this.seconds - 0.02) this.seek(0);
    await this.audio.play();
  }

  pause() { this.audio.pause(); }

  dispose() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    URL.revokeObjectURL(this.url);
  }
}

/** Time for a motion without sound. */
export class SilentClock {
  constructor(seconds) {
    this.seconds = seconds;
    this.at = 0;
    this.since = null;
    this.speed = 1;
  }

  get playing() {
    if (this.since !== null && this.reached >= this.seconds) this.pause();
    return this.since !== null;
  }
  get reached() {
    return this.since === null ? this.at : this.at + ((performance.now() - this.since) / 1000) * this.speed;
  }
  get time() { return Math.min(this.reached, this.seconds); }
  get rate() { return this.speed; }
  set rate(value) {
    this.seek(this.time);
    this.speed = value;
  }
  seek(time) {
    this.at = time;
    if (this.since !== null) this.since = performance.now();
  }
  async play() {
    if (this.time >= this.seconds - 0.02) this.at = 0;
    if (this.since === null) this.since = performance.now();
  }
  pause() {
    this.at = this.time;
    this.since = null;
  }
  dispose() {}
}

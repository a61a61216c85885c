/** A line that says what is being done and, once it is done, how long it took. Redrawn in place on a terminal. */
export interface Step {
  /** Replace the detail after the title, such as a percentage. */
  update(detail: string): void
}

/** What a step took. */
export interface Timing {
  title: string
  milliseconds: number
  detail: string
}

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`

/** Shows the steps of a long command and remembers their times. */
export class Progress {
  readonly timings: Timing[] = []
  readonly #out: NodeJS.WriteStream

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out
  }

  /** Run one step. The work may return a sentence that is shown as its result. */
  async step(title: string, work: (step: Step) => Promise<string | void>): Promise<void> {
    const started = performance.now()
    const live = this.#out.isTTY === true
    let detail = ''
    const draw = () => {
      if (live) this.#out.write(`\r\u001b[2K  … ${title}${detail ? ` — ${detail}` : ''}`)
    }
    draw()
    try {
      const result = await work({
        update: (text) => {
          if (text === detail) return
          detail = text
          draw()
        },
      })
      const milliseconds = performance.now() - started
      const shown = typeof result === 'string' ? result : ''
      this.timings.push({ title, milliseconds, detail: shown })
      this.#out.write(
        `${live ? '\r\u001b[2K' : ''}  ✓ ${title.padEnd(34)} ${seconds(milliseconds).padStart(8)}${shown ? `   ${shown}` : ''}\n`,
      )
    } catch (error) {
      this.#out.write(`${live ? '\r\u001b[2K' : ''}  ✗ ${title} (after ${seconds(performance.now() - started)})\n`)
      throw error
    }
  }
}

// Watches a model write, token by token. The text so far, the sliders and the seed determine what it
// writes next, so the same ones always give the same text.

import { batch, computed, effect, signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { floatsOf } from './base64.mjs'
import { html } from './html.mjs'
import { Odds } from './odds.mjs'
import { Sliders } from './sliders.mjs'
import { modelOf, modelStep } from './state.mjs'

const tokensPerCall = 200
const millisecondsPerToken = 140

/** The state of the playground of one run. */
class Playground {
  constructor(run) {
    this.run = run
    /** What the user typed. */
    this.prompt = signal('')
    /** What came after it, and whether the user chose it. */
    this.path = signal([])
    /** What the model drew next. Only the first `shown` tokens are shown. */
    this.drawn = signal([])
    this.shown = signal(0)
    this.sampling = signal({ temperature: 0.8, topK: 0, topP: 1 })
    this.seed = signal(1)
    this.isPlaying = signal(false)
    this.odds = signal(null)
    this.problem = signal(null)
    this.parts = computed(() => {
      const drawn = this.drawn.value.slice(0, this.shown.value)
      return [...this.path.value, ...drawn.map(({ text }) => ({ text, isChosen: false }))]
    })
    // Without a beginning, it begins with a new line, as at the start of a paragraph.
    this.text = computed(
      () => (this.prompt.value || '\n') + this.parts.value.map(({ text }) => text).join(''),
    )
  }

  /** Follows the text and the model until `leave`. The text stays from the last time. */
  open(run) {
    this.run = run
    // What another model would draw is void.
    this.unfollowModel = modelStep.subscribe(() => this.keep())
    this.unfollow = effect(() => this.ask(this.text.value, modelStep.value))
  }

  leave() {
    this.pause()
    this.unfollow()
    this.unfollowModel()
  }

  /** Asks for the odds after a text, one call at a time. Only the newest text counts. */
  async ask(text) {
    this.wanted = text
    if (this.isAsking) return
    this.isAsking = true
    try {
      while (this.wanted !== undefined) {
        const asked = this.wanted
        this.wanted = undefined
        const { tokens, logits } = await post('/api/odds', { ...modelOf(this.run), text: asked })
        batch(() => {
          this.odds.value = { text: asked, tokens, logits: floatsOf(logits) }
          this.problem.value = null
        })
      }
    } catch (error) {
      this.fail(error)
    } finally {
      this.isAsking = false
    }
    if (this.wanted !== undefined) this.ask(this.wanted)
  }

  /** Keeps what is shown. What the model would have drawn next is void. */
  keep(...more) {
    batch(() => {
      this.path.value = [...this.parts.peek(), ...more]
      this.drawn.value = []
      this.shown.value = 0
    })
  }

  /** The user chooses the next token. */
  choose(text) {
    this.keep({ text, isChosen: true })
  }

  /** Goes back to what the user typed. */
  restart(prompt = this.prompt.peek()) {
    this.pause()
    batch(() => {
      this.prompt.value = prompt
      this.path.value = []
      this.drawn.value = []
      this.shown.value = 0
    })
  }

  change(sampling) {
    this.sampling.value = { ...this.sampling.value, ...sampling }
    this.keep()
  }

  play() {
    this.isPlaying.value = true
    this.next()
  }

  pause() {
    this.isPlaying.value = false
    clearTimeout(this.timer)
  }

  /** Shows one more token, and another one after a while if it plays. */
  async next() {
    clearTimeout(this.timer)
    try {
      if (this.shown.peek() === this.drawn.peek().length) await this.draw()
      this.shown.value++
    } catch (error) {
      this.fail(error)
    }
    if (this.isPlaying.peek()) this.timer = setTimeout(() => this.next(), millisecondsPerToken)
  }

  async draw() {
    const text = this.text.peek()
    const step = modelStep.peek()
    const sampling = { ...this.sampling.peek(), seed: this.seed.peek(), maxTokens: tokensPerCall }
    const { tokens } = await post('/api/write', { ...modelOf(this.run), text, ...sampling })
    // Something was changed in the meantime.
    if (text !== this.text.peek() || step !== modelStep.peek()) return
    if (this.shown.peek() !== this.drawn.peek().length) return
    batch(() => {
      this.keep()
      this.drawn.value = tokens
    })
  }

  fail(error) {
    this.pause()
    this.problem.value = error.message
  }
}

/** The newest playground: a user who looks at another view and comes back finds it as it was. */
let newest = null

export class Try extends Component {
  constructor({ run }) {
    super()
    if (newest?.run.id !== run.id) newest = new Playground(run)
    this.playground = newest
  }

  componentDidMount() {
    this.playground.open(this.props.run)
  }

  componentDidUpdate({ run: before }) {
    // Of a run that trains, a newer model is saved with each evaluation.
    const { run } = this.props
    if (before.evaluations.length === run.evaluations.length || modelStep.peek() !== null) return
    this.playground.keep()
    this.playground.ask(this.playground.text.peek())
  }

  componentWillUnmount() {
    this.playground.leave()
  }

  render({ run }) {
    const { playground } = this
    return html`
      <section class="card" aria-labelledby="try-title">
        <h2 id="try-title">Watch it write</h2>
        <p class="muted">
          The model only answers one question: which ${run.unit} comes next? The bars show how likely it finds each. One is drawn, as
          in a lottery, and the question is asked again. Click a bar to choose instead.
        </p>
        <div class="try">
          <${Text} playground=${playground} />
          <${Odds} playground=${playground} />
        </div>
        <${Sliders} playground=${playground} />
      </section>
    `
  }
}

function Text({ playground }) {
  const { prompt, parts, isPlaying, problem } = playground
  return html`
    <div class="text">
      <label for="prompt">Begin with</label>
      <textarea
        id="prompt"
        rows="2"
        placeholder="Type the beginning of a text, or let it begin"
        value=${prompt.value}
        onInput=${(event) => playground.restart(event.target.value)}
      ></textarea>
      <div class="buttons">
        <button class="button primary" onClick=${() => (isPlaying.value ? playground.pause() : playground.play())}>
          ${isPlaying.value ? 'Pause' : 'Write'}
        </button>
        <button class="button" disabled=${isPlaying.value} onClick=${() => playground.next()}>Next ${playground.run.unit}</button>
        <button class="button" disabled=${parts.value.length === 0} onClick=${() => playground.restart()}>Start over</button>
      </div>
      <div role="alert">${problem.value && html`<p class="problem">${problem.value}</p>`}</div>
      <div class="sample" tabindex="0" role="region" aria-label="Text">
        <b>${prompt.value}</b>${runsOf(parts.value).map(({ text, isChosen }) =>
          isChosen ? html`<mark>${text}</mark>` : text,
        )}<span class="caret" aria-hidden="true"></span>
      </div>
    </div>
  `
}

/** Parts in a row that the model drew, or that the user chose, become one. */
function runsOf(parts) {
  const runs = []
  for (const { text, isChosen } of parts) {
    if (runs.at(-1)?.isChosen === isChosen) runs.at(-1).text += text
    else runs.push({ text, isChosen })
  }
  return runs
}

// A game: guess the next character of a text that the model has never seen, and compare yourself with it.

import { batch, effect, signal } from '@preact/signals'
import { Component, createRef } from 'preact'
import { post } from './api.mjs'
import { levels, lossOf, mean } from './guess_math.mjs'
import { html } from './html.mjs'
import { modelOf } from './state.mjs'
import { blankNames, choicesWords, percent } from './words.mjs'

/** Guesses before there is a score. */
const enough = 10

/** A seed always leads to the same passage. */
const seeds = 10_000

export class Guess extends Component {
  constructor() {
    super()
    this.passage = signal(null)
    this.problem = signal(null)
    /** { guess, truth, level, isRight, loss } each */
    this.guesses = signal([])
    this.level = signal(levels[1].name)
    this.stranger = signal(null)
    this.input = createRef()
    this.again = createRef()
  }

  get isOver() {
    return this.guesses.value.length === this.passage.value?.characters.length
  }

  componentDidMount() {
    // Another moment of the run guesses the same passage.
    this.unfollow = effect(() => {
      const model = modelOf(this.props.run)
      const passage = this.passage.peek()
      if (passage) this.read(passage.seed, model)
    })
  }

  componentWillUnmount() {
    this.unfollow()
  }

  /** @param isNew whether a game begins with it */
  async read(seed, model = modelOf(this.props.run), isNew = false) {
    try {
      const passage = await post('/api/passage', { ...model, seed })
      this.isMoving ||= isNew
      batch(() => {
        this.passage.value = passage
        this.problem.value = null
        this.stranger.value = null
        if (isNew) this.guesses.value = []
      })
    } catch (error) {
      this.passage.value = null
      this.problem.value = error.message
    }
  }

  start() {
    return this.read(Math.floor(Math.random() * seeds), undefined, true)
  }

  componentDidUpdate() {
    // At the end the input is gone, and with it the focus.
    const next = this.isOver ? this.again.current : this.input.current
    if (!this.isMoving || !next) return
    this.isMoving = false
    next.focus({ preventScroll: true })
  }

  guess(guess) {
    const { characters, shares } = this.passage.peek()
    const earlier = this.guesses.peek()
    if (this.isOver) return
    this.stranger.value = guess in shares ? null : guess
    if (!(guess in shares)) return
    const { text: truth } = characters[earlier.length]
    const made = { guess, truth, level: this.level.peek(), isRight: guess === truth }
    this.isMoving = earlier.length + 1 === characters.length
    this.guesses.value = [...earlier, { ...made, loss: lossOf(made, earlier, shares) }]
  }

  type(event) {
    const typed = Array.from(event.target.value).at(-1)
    event.target.value = ''
    if (typed !== undefined) this.guess(typed)
  }

  render() {
    const passage = this.passage.value
    return html`
      <section class="card guess" aria-labelledby="guess-title">
        <h2 id="guess-title">You against the model</h2>
        <p class="muted">
          This text is from the part that the model has never seen. Type the character that comes next. Who guesses better?
        </p>
        ${passage && html`<${Game} game=${this} passage=${passage} guesses=${this.guesses.value} />`}
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
        <div class="buttons">
          <button ref=${this.again} class=${`button ${passage ? '' : 'primary'}`} onClick=${() => this.start()}>
            ${passage ? 'Another text' : 'Play'}
          </button>
        </div>
      </section>
    `
  }
}

function Game({ game, passage, guesses }) {
  const { isOver } = game
  return html`
    <div class="sample" tabindex="0" role="region" aria-label="Text so far">
      ${passage.beginning}${guesses.map(({ truth, isRight }) =>
        isRight ? html`<mark>${truth}</mark>` : html`<span class="missed">${truth}</span>`,
      )}<span class="caret" aria-hidden="true"></span>
    </div>
    ${
      !isOver &&
      html`
        <div class="row type">
          <div class="key">
            <label for="guess">What comes next?</label>
            <input
              id="guess"
              type="text"
              ref=${game.input}
              autocomplete="off"
              autocapitalize="off"
              autocorrect="off"
              spellcheck=${false}
              enterkeyhint="enter"
              aria-describedby="guess-help"
              onInput=${(event) => game.type(event)}
              onKeyDown=${(event) => {
                if (event.key !== 'Enter') return
                event.preventDefault()
                game.guess('\n')
              }}
            />
          </div>
          <fieldset class="segments">
            <legend>How sure are you?</legend>
            ${levels.map(
              ({ name }) => html`
                <label>
                  <input
                    type="radio"
                    name="level"
                    checked=${game.level.value === name}
                    onChange=${() => {
                      game.level.value = name
                      game.input.current?.focus({ preventScroll: true })
                    }}
                  />
                  <span>${name}</span>
                </label>
              `,
            )}
          </fieldset>
        </div>
        <p class="help" id="guess-help">One key is one guess. Capitals, the space and Enter count too.</p>
      `
    }
    <div role="status">
      <p class="readout">${answerWords(game.stranger.value, guesses.at(-1), passage.characters[guesses.length - 1])}</p>
      <${Score} guesses=${guesses} answers=${passage.characters.slice(0, guesses.length)} isOver=${isOver} />
    </div>
    <details class="options">
      <summary>How the score works</summary>
      <p class="help">
        Passage ${passage.seed}. The character that you name gets the chance with which you have been right so far when that sure
        (at first ${levels.map(({ start }) => percent(start)).join(', ')}). The others share the rest by how common they are. Your loss
        is −ln of the chance that the true character got, and so is the model’s.
      </p>
    </details>
  `
}

const nameOf = (character) =>
  blankNames.has(character) ? `a ${blankNames.get(character)}` : `“${character}”`

function answerWords(stranger, last, answer) {
  if (stranger !== null) return `This text has no ${nameOf(stranger)} anywhere. Try another key.`
  if (!last) return ''
  const { guess, truth, isRight } = last
  const { chance, best } = answer
  const model = `The model gave it ${percent(chance)}${best === truth ? '' : `, and ${nameOf(best)} more`}.`
  return isRight
    ? `Right, ${nameOf(truth)}! ${model}`
    : `It was ${nameOf(truth)}, not ${nameOf(guess)}. ${model}`
}

function Score({ guesses, answers, isOver }) {
  const n = guesses.length
  if (n < enough)
    return html`<p class="muted">${enough - n === 1 ? 'One more guess' : `${enough - n} more guesses`} until the first score.</p>`
  const you = mean(guesses.map(({ loss }) => loss))
  const model = mean(answers.map(({ chance }) => -Math.log(chance)))
  return html`
    <p class="big">
      You: as if choosing among <strong>${choicesWords(you)}</strong>. The model: <strong>${choicesWords(model)}</strong>.
    </p>
    <p class="muted">
      ${isOver ? (you < model ? 'You win! ' : 'The model wins. ') : ''}Losses of ${you.toFixed(2)} and ${model.toFixed(2)} nats per
      character. Of ${n} guesses, you had ${guesses.filter(({ isRight }) => isRight).length} right, and the
      model, with its first choice, ${answers.filter(({ best, text }) => best === text).length}.
    </p>
  `
}

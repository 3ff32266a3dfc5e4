// The course: ten stages over one text, from a table of pairs to a GPT.

import { Component } from 'preact'
import { html } from './html.mjs'
import { Code } from './stages_code.mjs'
import { Diagram } from './stages_diagram.mjs'
import { StageRun } from './stages_run.mjs'
import { followRuns, load, problem, stages, text, titleOfText } from './stages_state.mjs'
import { Strip } from './stages_strip.mjs'
import { addressOf, chosenStep, replaceRoute, route } from './state.mjs'
import { TextPicker } from './text_picker.mjs'

export class StagesPage extends Component {
  componentDidMount() {
    load()
    this.unfollow = followRuns()
  }

  componentWillUnmount() {
    this.unfollow()
    chosenStep.value = null
  }

  render() {
    if (stages.value === null)
      return html`<p class=${problem.value ? 'problem' : 'muted'} role="status">${problem.value ?? 'Reading the stages…'}</p>`
    const at = Math.max(
      0,
      stages.value.findIndex(({ number }) => number === route.value.parts[0]),
    )
    const stage = stages.value[at]
    return html`
      <section class="head">
        <p class="crumb"><a href="#">All runs</a></p>
        <h1>The ten stages</h1>
        <p class="lead">From a table of letter pairs to a GPT. Each stage adds one idea. Move the slider, see what is new, and run it.</p>
        <${Stops} at=${at} />
      </section>
      <${About} stage=${stage} />
      <div class="stage-parts">
        <${Diagram} stage=${stage} key=${`diagram ${stage.number}`} />
        <${Code} stage=${stage} key=${`code ${stage.number}`} />
      </div>
      <${StageRun} stage=${stage} key=${stage.number} />
      <${Strip} shown=${stage} go=${go} />
      <${TextChoice} />
    `
  }
}

/** Shows another stage. The focus stays where it is. */
function go(at) {
  const stage = stages.value[Math.min(9, Math.max(0, at))]
  chosenStep.value = null
  replaceRoute(addressOf('stages', stage.number))
}

function Stops({ at }) {
  const stage = stages.value[at]
  return html`
    <div class="stops">
      <div class="stops-row">
        <button class="button small" disabled=${at === 0} onClick=${() => go(at - 1)}>Previous</button>
        <input
          id="stage"
          type="range"
          min="0"
          max="9"
          step="1"
          value=${at}
          aria-label="Stage"
          aria-valuetext="${stage.number}: ${stage.title}"
          onInput=${(event) => go(Number(event.target.value))}
        />
        <button class="button small" disabled=${at === 9} onClick=${() => go(at + 1)}>Next</button>
      </div>
      <ol class="stop-names">
        ${stages.value.map(
          ({ number, title }, i) => html`
            <li>
              <button aria-current=${i === at ? 'step' : undefined} aria-label="${number}: ${title}" onClick=${() => go(i)}>
                <b>${number}</b> <span>${title}</span>
              </button>
            </li>
          `,
        )}
      </ol>
    </div>
  `
}

function About({ stage }) {
  const { number, title, what, why, facts } = stage
  return html`
    <section class="about" aria-live="polite">
      <h2><span class="muted">${number}</span> ${title}</h2>
      <p>${what}</p>
      <p>${why}</p>
      <p class="muted facts">${facts}</p>
    </section>
  `
}

function TextChoice() {
  return html`
    <section class="card" aria-labelledby="stage-text">
      <h2 id="stage-text">One text for all stages</h2>
      <p class="muted">
        All stages read the same text, so that you can compare what they write. Now it is${' '}
        <b>${titleOfText.value}</b>. The reference and the numbers in the diagrams are for Shakespeare.
      </p>
      <details class="options">
        <summary>Choose another text</summary>
        <${TextPicker}
          onText=${(chosen) => {
            text.value = chosen
            problem.value = null
          }}
          onProblem=${(message) => {
            problem.value = message
          }}
        />
      </details>
      <div role="alert">${problem.value && html`<p class="problem">${problem.value}</p>`}</div>
    </section>
  `
}
